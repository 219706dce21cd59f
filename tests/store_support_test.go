package tests

import (
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/gin-contrib/sessions"
	ginmemcached "github.com/gin-contrib/sessions/memcached"
	"github.com/gin-contrib/sessions/memstore"
	ginpostgres "github.com/gin-contrib/sessions/postgres"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	_ "github.com/lib/pq" // PostgreSQL for database/sql
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// A kept is a session store on its real server.
type kept struct {
	store  ginauth.SessionStore
	shared sessions.Store     // gin-contrib's, which an application may use too; nil: none
	server *servertest.Server // nil: the store is this process's memory
	// spoil replaces every record that the server has; nil: nobody can.
	spoil   func(t testing.TB, record string)
	forgets bool // the server forgets everything when it stops
	racy    bool // the driver races with itself, in every program
}

// keptIn are the ways to keep sessions in a store.
var keptIn = []struct {
	name string
	open func(t testing.TB) kept
}{
	{"memstore", func(testing.TB) kept {
		store := memstore.NewStore([]byte(testSecret))
		return kept{store: ginauth.GinStore(store), shared: store}
	}},
	{"redis of gin-contrib", func(t testing.TB) kept {
		server := servertest.Redis(t)
		store, err := ginredis.NewStore(10, "tcp", server.Addr(), "", "", []byte(testSecret))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := ginredis.GetRedisStore(store)
		if err != nil {
			t.Fatal(err)
		}
		raw.SetMaxLength(64 << 10) // of itself it keeps 4 KB
		return kept{store: ginauth.GinStore(store), shared: store, server: server, spoil: spoilRedis(redisClient(t, server), "session_*")}
	}},
	{"redisstore", func(t testing.TB) kept {
		server := servertest.Redis(t)
		client := redisClient(t, server)
		return kept{store: redisstore.New(client, redisstore.Options{}), server: server, spoil: spoilRedis(client, "ginauth:session:*")}
	}},
	{"memcached", func(t testing.TB) kept {
		server := servertest.Memcached(t)
		store := ginmemcached.NewStore(memcache.New(server.Addr()), "", []byte(testSecret))
		store.(interface{ MaxLength(int) }).MaxLength(64 << 10)
		return kept{store: ginauth.GinStore(store), shared: store, server: server, forgets: true}
	}},
	{"postgres", func(t testing.TB) kept {
		server := servertest.Postgres(t)
		db, err := sql.Open("postgres", "postgres://postgres@"+server.Addr()+"/postgres?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		store, err := ginpostgres.NewStore(db, []byte(testSecret))
		if err != nil {
			t.Fatal(err)
		}
		store.(interface{ MaxLength(int) }).MaxLength(64 << 10)
		return kept{store: ginauth.GinStore(store), shared: store, server: server, racy: true, spoil: func(t testing.TB, record string) {
			if _, err := db.Exec("UPDATE http_sessions SET data = $1", []byte(record)); err != nil {
				t.Fatal(err)
			}
		}}
	}},
}

func redisClient(t testing.TB, server *servertest.Server) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), DialerRetries: 1, MaxRetries: 1})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func spoilRedis(client *redis.Client, pattern string) func(testing.TB, string) {
	return func(t testing.TB, record string) {
		t.Helper()
		keys, err := client.Keys(context.Background(), pattern).Result()
		if err != nil || len(keys) == 0 {
			t.Fatalf("%v %v", keys, err)
		}
		for _, key := range keys {
			if err := client.Set(context.Background(), key, record, time.Hour).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// remembering are options whose JWT callback keeps what an update brings, and at
// sign-in a note of that length.
func remembering(store ginauth.SessionStore, note int) ginauth.Options {
	return ginauth.Options{
		Session: ginauth.SessionOptions{Store: store},
		Callbacks: ginauth.Callbacks{
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerSignIn && note > 0 {
					p.Token.Claims["note"] = strings.Repeat("n", note)
				}
				if p.Trigger == ginauth.TriggerUpdate {
					p.Token.Claims["note"] = p.Update
				}
				return nil
			},
			Session: func(_ *gin.Context, p ginauth.SessionParams) error {
				p.Session.Values["note"] = p.Token.Claims["note"]
				return nil
			},
		},
	}
}

// takeNote changes the note, as a page does.
func (b *browser) takeNote(note string) answer {
	b.t.Helper()
	return b.post("/api/auth/session", url.Values{"csrfToken": {b.csrf()}, "data": {note}})
}

func (b *browser) signOut() answer {
	b.t.Helper()
	return b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
}

// note is what GET session tells of the note.
func (b *browser) note() (note string) {
	b.t.Helper()
	var out struct{ Note string }
	decode(b.t, b.get("/api/auth/session").body, &out)
	return out.Note
}

// is fails the test unless the guard and GET session both see this member, or
// nobody for "".
func (b *browser) is(username string) {
	b.t.Helper()
	want, status := "", http.StatusUnauthorized
	if username != "" {
		want, status = username+"@example.com", http.StatusOK
	}
	if res := b.get("/me"); res.StatusCode != status {
		b.t.Errorf("/me answered %d %s, want %d", res.StatusCode, res.body, status)
	}
	if got := b.user(); got != want {
		b.t.Errorf("GET session tells %q, want %q", got, want)
	}
}

// returns waits until a request passes again: pools first drop the connections
// that the stopped server left them.
func (b *browser) returns() {
	b.t.Helper()
	for range 50 {
		if b.get("/me").StatusCode == http.StatusOK {
			return
		}
	}
	b.t.Error("the session did not come back")
}

// ends reports whether an answer deletes the session cookie.
func (a answer) ends() bool {
	for _, c := range a.Cookies() {
		if c.Name == sessionCookie && c.Value == "" {
			return true
		}
	}
	return false
}

// handleOf is what a browser's session cookie holds.
func handleOf(b *browser) string {
	b.t.Helper()
	return b.cookie(sessionCookie)
}
