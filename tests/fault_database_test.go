package tests

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
)

// A PostgreSQL that is killed while somebody signs in for the first time, and
// started again, has all of that user or nothing. They are told, and come in when it
// is back; who is signed in stays so, and the process goes on.
func TestFault_PostgresKilled(t *testing.T) {
	t.Parallel()
	server := servertest.Postgres(t)
	db, err := gorm.Open(postgres.Open("postgres://postgres@"+server.Addr()+"/postgres?sslmode=disable"), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	users, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var table atomic.Value // into which the next row is the server's last
	table.Store("")
	err = db.Callback().Create().After("gorm:create").Register("test:kill", func(tx *gorm.DB) {
		if table.CompareAndSwap(tx.Statement.Table, "") {
			server.Kill()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	a := newUserApp(t, ginauth.Options{Adapter: users})
	grace := a.browser(t)
	grace.signInAt(a.idp, "first", "grace")
	for _, row := range []struct {
		name, table, code, logged string
	}{
		{"before the user is looked up", "", "Callback", `step="looking up the user"`},
		{"between user and account", "users", "OAuthCreateAccount", `step="the user and account"`},
		{"before the commit", "accounts", "OAuthCreateAccount", `step="the user and account"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			logged := len(a.log.String())
			table.Store(row.table)
			if row.table == "" {
				a.idp.TamperToken(func(map[string]any) { server.Kill() })
			}
			b := a.browser(t)
			res := b.signInAt(a.idp, "first", "ada")
			a.idp.Reset()
			res.refused(t, row.code)
			if got := b.follow(res).alert(); got != told[row.code] {
				t.Errorf("the page says %q", got)
			}
			if log := a.log.String()[logged:]; strings.Count(log, "\n") != 1 || !strings.Contains(log, "sign-in refused") || !strings.Contains(log, row.logged) {
				t.Errorf("the log: %s", log)
			}
			if res := grace.get("/me"); res.StatusCode != http.StatusOK {
				t.Errorf("who is signed in gets %d", res.StatusCode)
			}
			if res := grace.get("/api/auth/session"); res.StatusCode != http.StatusServiceUnavailable || res.ends() {
				t.Errorf("GET session answers %d %s", res.StatusCode, res.body)
			}
			server.Start()
			for range 50 { // the pool drops its dead connections first
				if grace.get("/api/auth/session").StatusCode == http.StatusOK {
					break
				}
			}
			var all, halves int64
			if err := db.Raw("SELECT count(*) FROM users").Scan(&all).Error; err != nil {
				t.Fatal(err)
			}
			if err := db.Raw("SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM accounts)").Scan(&halves).Error; err != nil {
				t.Fatal(err)
			}
			if all != 1 || halves != 0 || grace.user() != "grace@example.com" {
				t.Errorf("there are %d users, %d of them without account, and signed in is %q", all, halves, grace.user())
			}
		})
	}
	if b := a.browser(t); !b.signInAt(a.idp, "first", "ada").signedIn() || b.id() == "" {
		t.Errorf("the next sign-in failed: %s", a.log)
	}
}
