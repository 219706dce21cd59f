package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// comparing are the arrangements in which no update may be lost. With a store that
// does not compare, that is one process.
var comparing = []arrangement{
	{"sealed, one process", 1, false, sealedAlone},
	{"on Redis, two processes", 2, true, onRedis},
	{"in a store that does not compare, one process", 1, true, func(*testing.T) func() ginauth.SessionOptions {
		store := ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
		return func() ginauth.SessionOptions { return ginauth.SessionOptions{UpdateAge: -1, Store: store} }
	}},
}

// meeting is a place where requests wait for each other, each once.
type meeting struct {
	sync.WaitGroup
	met sync.Map
}

func (m *meeting) wait(who string) {
	if _, again := m.met.LoadOrStore(who, true); !again {
		m.Done()
		m.Wait()
	}
}

// updating is one process of an application whose updates add a key, and whose
// requests with an X-Wait header meet in the JWT callback.
func updating(t *testing.T, session ginauth.SessionOptions, m *meeting) *app {
	t.Helper()
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()}, BaseURL: "http://app.example.com", Session: session,
		Callbacks: ginauth.Callbacks{
			JWT: func(c *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerUpdate {
					p.Token.Claims[c.Query("key")] = "kept"
				}
				if who := c.GetHeader("X-Wait"); who != "" {
					m.wait(who)
				}
				return nil
			},
			Session: func(_ *gin.Context, p ginauth.SessionParams) error {
				for name, value := range p.Token.Claims {
					p.Session.Values[name] = value
				}
				return nil
			},
		},
	})
	a.engine.POST("/change", a.auth.LoadSession(), func(c *gin.Context) {
		s, err := a.auth.Update(c, nil)
		if err != nil {
			c.String(http.StatusInternalServerError, err.Error())
			return
		}
		c.JSON(http.StatusOK, s)
	})
	return a
}

// Updates that begin with one and the same session all count, whether a page or a
// handler asks for them, and in whichever process.
func TestUpdate_NoneIsLost(t *testing.T) {
	t.Parallel()
	for _, row := range comparing {
		for _, path := range []string{"/api/auth/session", "/change"} {
			t.Run(row.name+path, func(t *testing.T) {
				t.Parallel()
				const updates = 3
				var m meeting
				m.Add(updates)
				options := row.options(t)
				var apps []*app
				for range row.processes {
					apps = append(apps, updating(t, options(), &m))
				}
				b := apps[0].browser(t)
				b.signInAs("ada")
				csrf, pair := csrfPair(csrfCookie)
				cookies := pair + "; " + sessionCookie + "=" + url.PathEscape(handleOf(b))
				post := func(i int, path, wait string) answer {
					return apps[i%len(apps)].send(t, http.MethodPost, fmt.Sprintf("%s?key=key%d", path, i), url.Values{"csrfToken": {csrf}}.Encode(),
						"Cookie", cookies, "X-Wait", wait, "Content-Type", "application/x-www-form-urlencoded")
				}
				var wg sync.WaitGroup
				for i := range updates {
					wg.Go(func() {
						if res := post(i, path, fmt.Sprint(i)); res.StatusCode != http.StatusOK {
							t.Errorf("update %d: %d %s", i, res.StatusCode, res.body)
						}
					})
				}
				wg.Wait()
				last := post(updates, path, "")
				for i := range updates + 1 {
					if !strings.Contains(last.body, fmt.Sprintf(`"key%d":"kept"`, i)) {
						t.Errorf("update %d is lost: %s", i, last.body)
					}
				}
				if n := len(last.Cookies()); !row.stored && n == 0 {
					t.Errorf("the last answer sets no cookie")
				}
			})
		}
	}
}

// A request that only reads the session began before an update, and is answered after
// it: what it seals counts for nothing.
func TestUpdate_ReadsDropTheirs(t *testing.T) {
	t.Parallel()
	for _, row := range comparing {
		for _, path := range []string{"/api/auth/session", "/me"} {
			t.Run(row.name+path, func(t *testing.T) {
				t.Parallel()
				var m meeting
				m.Add(2) // the reader, and this test
				options := row.options(t)
				here := updating(t, options(), &m)
				there := here
				if row.processes == 2 {
					there = updating(t, options(), &m)
				}
				b := there.browser(t)
				b.signInAs("ada")
				cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
				arrived, reader := make(chan struct{}), make(chan answer, 1)
				go func() { reader <- here.send(t, http.MethodGet, path, "", "Cookie", cookies, "X-Wait", "reader") }()
				go func() {
					for { // until the reader waits
						if _, ok := m.met.Load("reader"); ok {
							close(arrived)
							return
						}
					}
				}()
				<-arrived
				csrf := url.Values{"csrfToken": {b.csrf()}}
				if res := b.post("/api/auth/session?key=theme", csrf); !strings.Contains(res.body, `"theme":"kept"`) {
					t.Fatalf("the update: %d %s", res.StatusCode, res.body)
				}
				m.Done()
				res := <-reader
				if res.StatusCode != http.StatusOK {
					t.Errorf("the reader: %d %s", res.StatusCode, res.body)
				}
				for _, c := range res.Cookies() { // which come last
					b.Jar.SetCookies(b.request(http.MethodGet, "/", nil).URL, []*http.Cookie{c})
				}
				if body := b.get("/api/auth/session").body; !strings.Contains(body, `"theme":"kept"`) {
					t.Errorf("the update is lost: %s", body)
				}
			})
		}
	}
}

// lockless is a store whose lock fails.
type lockless struct {
	*redisstore.Store
	down atomic.Bool
}

func (s *lockless) Lock(ctx context.Context, name string) (func(), error) {
	if s.down.Load() {
		return nil, errors.New("down, asked for " + name)
	}
	return s.Store.Lock(ctx, name)
}

// Where the lock that processes share cannot be had, an update that needs it is not
// done, and says so; the log does not name the lock.
func TestUpdate_LockDown(t *testing.T) {
	t.Parallel()
	store := &lockless{Store: redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})}
	var m meeting
	m.Add(2)
	a := updating(t, ginauth.SessionOptions{Store: store}, &m)
	b := a.browser(t)
	b.signInAs("ada")
	csrf, pair := csrfPair(csrfCookie)
	cookies := pair + "; " + sessionCookie + "=" + url.PathEscape(handleOf(b))
	store.down.Store(true)
	both := func(names ...string) (first, second answer) {
		answers := make(chan answer, 2)
		for _, name := range names {
			go func() {
				answers <- a.send(t, http.MethodPost, "/api/auth/session?key="+name, url.Values{"csrfToken": {csrf}}.Encode(),
					"Cookie", cookies, "X-Wait", name, "Content-Type", "application/x-www-form-urlencoded")
			}()
		}
		return <-answers, <-answers
	}
	first, second := both("a", "b")
	if first.StatusCode+second.StatusCode != http.StatusOK+http.StatusServiceUnavailable {
		t.Errorf("answered %d and %d", first.StatusCode, second.StatusCode)
	}
	if body := b.get("/api/auth/session").body; strings.Count(body, "kept") != 1 {
		t.Errorf("the session has %s", body)
	}
	if log := a.log.String(); !strings.Contains(log, "its lock") || strings.Contains(log, "update:") {
		t.Errorf("the log says %s", log)
	}
	store.down.Store(false) // and nobody in this process holds its own lock still
	m.Add(2)
	if first, second := both("c", "d"); first.StatusCode != http.StatusOK || second.StatusCode != http.StatusOK {
		t.Errorf("when the lock is back: %d %s and %d %s", first.StatusCode, first.body, second.StatusCode, second.body)
	}
}

// What an update began with was signed out meanwhile: there is no session to update,
// and none comes back.
func TestUpdate_SignedOutMeanwhile(t *testing.T) {
	t.Parallel()
	for _, row := range comparing {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var m meeting
			m.Add(2)
			options := row.options(t)
			here := updating(t, options(), &m)
			there := here
			if row.processes == 2 {
				there = updating(t, options(), &m)
			}
			b := there.browser(t)
			b.signInAs("ada")
			cookies := sessionCookie + "=" + url.PathEscape(handleOf(b))
			slow := make(chan answer, 1)
			go func() {
				slow <- here.send(t, http.MethodPost, "/change?key=k", "", "Cookie", cookies, "X-Wait", "update")
			}()
			for waits := false; !waits; {
				_, waits = m.met.Load("update")
			}
			b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
			m.Done()
			if res := <-slow; res.signedIn() || res.StatusCode == http.StatusOK && strings.Contains(res.body, "ada@") {
				t.Errorf("the update: %d %s, Set-Cookie %q", res.StatusCode, res.body, res.Header["Set-Cookie"])
			}
			b.is("")
		})
	}
}
