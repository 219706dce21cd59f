package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/postgresstore"
	"github.com/gin-contrib/sessions"
	ginpostgres "github.com/gin-contrib/sessions/postgres"
	ginredis "github.com/gin-contrib/sessions/redis"
	_ "github.com/lib/pq" // PostgreSQL for gin-contrib's store, whose own driver it is
	"github.com/redis/go-redis/v9"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// connections is how many each contestant keeps open.
const connections = 4

// TestStores measures the guarded request with sessions in real servers, all in one run
// and in turns, beside the stores of gin-contrib/sessions and scs, and logs the ratios:
//
//	go test -run TestStores -v .
func TestStores(t *testing.T) {
	const rounds, slice = 9, 100 * time.Millisecond
	all, err := newCrowd(100, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, beside := range []struct {
		server string
		all    []contestant
	}{
		{"Redis", redisContestants(t)},
		{"PostgreSQL", postgresContestants(t)},
	} {
		loads := make([]*load, len(beside.all))
		for i, c := range beside.all {
			start, err := c.start(all)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			loads[i] = &load{name: c.name, start: start, sessions: len(all.people)}
		}
		if err := measure(loads, rounds, slice); err != nil {
			t.Fatal(err)
		}
		var table strings.Builder
		first := loads[0].median()
		for _, l := range loads {
			c := l.median()
			fmt.Fprintf(&table, "\n%8.1f µs %5.2f times %5.0f allocations  %s", c.nanoseconds/1000, c.nanoseconds/first.nanoseconds, c.allocations, l.name)
		}
		t.Logf("a guarded request with sessions in %s:%s", beside.server, table.String())
	}
}

func redisContestants(t *testing.T) []contestant {
	addr := servertest.Redis(t).Addr()
	client := func(heeds bool) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: addr, PoolSize: connections, ContextTimeoutEnabled: heeds})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	shared, err := ginredis.NewStore(connections, "tcp", addr, "", "", key("sign", 32))
	if err != nil {
		t.Fatal(err)
	}
	in := func(store ginauth.SessionStore) func(*crowd) (*site, error) {
		return func(all *crowd) (*site, error) { return openGinauthIn(ginauth.SessionOptions{Store: store}, all) }
	}
	return []contestant{
		{"ginauth, redisstore, ContextTimeoutEnabled", in(redisstore.New(client(true), redisstore.Options{})), true},
		{"ginauth, redisstore", in(redisstore.New(client(false), redisstore.Options{})), true},
		{"ginauth, GinStore of gin-contrib's redis", in(ginauth.GinStore(shared)), true},
		{"gin-contrib/sessions, redis", openShared(shared), true},
		{"alexedwards/scs, goredisstore", func(all *crowd) (*site, error) { return openSCSIn(goredisstore.New(client(false)), all) }, true},
	}
}

func openShared(store sessions.Store) func(*crowd) (*site, error) {
	return func(all *crowd) (*site, error) { return openSessions(store, all) }
}

func postgresContestants(t *testing.T) []contestant {
	dsn := "postgres://postgres@" + servertest.Postgres(t).Addr() + "/postgres?sslmode=disable"
	pool := func(driver string) *sql.DB {
		db, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pool("pgx")}), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	users, err := gormadapter.New(db, gormadapter.Options{TablePrefix: "auth_"})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	pq := pool("postgres")
	shared, err := ginpostgres.NewStore(pq, key("sign", 32))
	if err != nil {
		t.Fatal(err)
	}
	pgx := pool("pgx")
	if _, err := pgx.Exec("CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL); CREATE INDEX ON sessions (expiry)"); err != nil {
		t.Fatal(err)
	}
	return []contestant{
		{"ginauth, gormadapter's Sessions", func(all *crowd) (*site, error) {
			return openGinauthIn(ginauth.SessionOptions{Store: users.Sessions()}, all)
		}, true},
		{"ginauth, GinStore of gin-contrib's postgres", func(all *crowd) (*site, error) {
			return openGinauthIn(ginauth.SessionOptions{Store: ginauth.GinStore(shared)}, all)
		}, true},
		{"gin-contrib/sessions, postgres", openShared(shared), true},
		{"alexedwards/scs, postgresstore on pgx", func(all *crowd) (*site, error) {
			return openSCSIn(postgresstore.NewWithCleanupInterval(pgx, 0), all)
		}, true},
	}
}
