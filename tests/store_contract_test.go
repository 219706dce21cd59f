package tests

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	gingorm "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/libtnb/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/storetest"
)

// Each store of gin-contrib keeps the contract, also while its server is killed, where
// that keeps what it has. Our own are tried beside their packages.
func TestStoreContract(t *testing.T) {
	t.Parallel()
	for _, in := range keptIn {
		if in.name == "redisstore" {
			continue
		}
		t.Run(in.name, func(t *testing.T) {
			t.Parallel()
			k := in.open(t)
			if k.racy && raceDetector {
				t.Skip("the driver races with itself")
			}
			t.Run("runs", func(t *testing.T) {
				storetest.Run(t, func(testing.TB) ginauth.SessionStore { return k.store })
			})
			if k.server != nil && !k.forgets {
				storetest.Outage(t, k.store, k.server.Kill, k.server.Start)
			}
		})
	}
}

// The gorm store of gin-contrib keeps the contract while its database answers. It takes
// a failed query for an empty session, so what it does in an outage is not tried.
func TestStoreContract_Gorm(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("the driver races with itself")
	}
	db, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "sessions.db")+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)"),
		&gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	store := gingorm.NewStore(db, false, []byte(testSecret))
	store.(interface{ MaxLength(int) }).MaxLength(64 << 10)
	storetest.Run(t, func(testing.TB) ginauth.SessionStore { return ginauth.GinStore(store) })
}

// A lateStore is another process's view of a store, two minutes later.
type lateStore struct{ ginauth.SessionStore }

var writtenAt = regexp.MustCompile(`"at":(\d+)`)

func (s lateStore) Get(ctx context.Context, handle string) ([]byte, error) {
	data, err := s.SessionStore.Get(ctx, handle)
	return writtenAt.ReplaceAllFunc(data, func(member []byte) []byte {
		at, _ := strconv.Atoi(string(member[len(`"at":`):]))
		return fmt.Appendf(nil, `"at":%d`, at+120)
	}), err
}

// Two processes on a store without compare-and-set work, and the log says once what may
// be lost.
func TestStoreShared(t *testing.T) {
	t.Parallel()
	store := ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
	here, there := membersApp(t, remembering(store, 0)), membersApp(t, remembering(lateStore{store}, 0))
	b := here.browser(t)
	b.signInAs("ada")
	b.is("ada")
	other := there.browser(t)
	other.plant(sessionCookie, handleOf(b))
	for range 3 {
		other.is("ada")
	}
	if log := here.log.String(); strings.Contains(log, "another process") {
		t.Errorf("the process that is alone says: %s", log)
	}
	if log := there.log.String(); strings.Count(log, "another process writes to Session.Store") != 1 {
		t.Errorf("the other one says: %s", log)
	}
}
