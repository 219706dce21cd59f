package recipes_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/adaptertest"
	"github.com/ginauth/ginauth/gormadapter"
)

// A replica that lags has the tables and none of the rows: what gormadapter wrote it reads
// all the same.
func TestReplica(t *testing.T) {
	open := func(file string) *gorm.DB {
		t.Helper()
		db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), file)), &gorm.Config{TranslateError: true, Logger: logger.Discard})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	migrated := func(db *gorm.DB) *gormadapter.Adapter {
		t.Helper()
		a, err := gormadapter.New(db, gormadapter.Options{})
		if err == nil {
			err = a.Migrate(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	replica := open("replica.db")
	migrated(replica)
	db := open("source.db")
	a := migrated(db)
	if err := db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{replica.Dialector}})); err != nil {
		t.Fatal(err)
	}
	adaptertest.Run(t, func(testing.TB) ginauth.Adapter { return a })
	ctx, now := t.Context(), time.Now()
	handle, err := a.Sessions().Create(ctx, "ada", []byte("data"), now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := a.Sessions().Get(ctx, handle); string(data) != "data" || err != nil {
		t.Errorf("the session is %q, %v", data, err)
	}
	if list, err := a.Sessions().List(ctx, "ada"); len(list) != 1 || err != nil {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	if err := a.Revocations().Revoke(ctx, "ada", now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if at, err := a.Revocations().RevokedAt(ctx, "ada"); at.IsZero() || err != nil {
		t.Errorf("revoked at %v, %v", at, err)
	}
	if _, err := a.CreateUser(ctx, ginauth.User{Name: "Ada"}, nil); err != nil {
		t.Fatal(err)
	}
	var here, there int64
	if err := db.Clauses(dbresolver.Write).Table("users").Count(&here).Error; err != nil || here == 0 {
		t.Errorf("the source has %d users, %v", here, err)
	}
	if err := db.Table("users").Count(&there).Error; err != nil || there != 0 {
		t.Errorf("the replica has %d users, %v: it is no replica", there, err)
	}
}
