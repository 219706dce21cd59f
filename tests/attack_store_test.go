package tests

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// What ginauth gives the browser for another purpose is no handle of a session,
// and neither is a sealed token.
func TestAttack05_StoreHandle(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			idp := newIDP(t, ginauthtest.Config{})
			a := newApp(t, ginauth.Options{
				Providers: ginauth.Goth(local(idp, "local")), Session: ginauth.SessionOptions{Store: k.store},
			})
			b := a.browser(t)
			b.begin("local", "/")
			tried := map[string]string{
				"a sealed session": sessionFor(t, "ada@example.com", nil),
				"nothing":          "",
				"a key":            "session_*",
				"line feeds":       "x\r\nGET session_x\r\n",
				"beyond ASCII":     "\u00e9\xff\x00",
				"very long":        strings.Repeat("A", 9000),
				"long":             strings.Repeat("A", 4096),
				"43 letters":       strings.Repeat("A", 43),
			}
			for _, c := range b.cookies() {
				value, err := url.PathUnescape(c.Value)
				if err != nil {
					t.Fatal(err)
				}
				tried[c.Name] = value
			}
			if len(tried) < 11 {
				t.Fatalf("the sign-in left only %d cookies", len(tried)-8)
			}
			for name, value := range tried {
				for _, got := range []string{
					a.who(t, sessionCookie+"="+url.PathEscape(value)),
					a.who(t, "", "Authorization", "Bearer "+strings.Map(visible, value)),
				} {
					if got != "" {
						t.Errorf("%s passes as %q", name, got)
					}
				}
			}
			if log := a.log.String(); strings.Contains(log, "level=ERROR") {
				t.Errorf("it looks like an outage: %s", log)
			}
		})
	}
}

// visible drops what no header may hold.
func visible(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// The cookie before a sign-in never leads to the session after it, even if somebody
// else put it there. The session before it ends.
// gossip is a store that repeats in its errors what it was asked for.
type gossip struct {
	ginauth.SessionStore
	down atomic.Bool
}

func (g *gossip) Get(ctx context.Context, handle string) ([]byte, error) {
	if g.down.Load() {
		return nil, fmt.Errorf("GET %s: connection refused", handle)
	}
	return g.SessionStore.Get(ctx, handle)
}

// A handle in the log would be a session for its readers.
func TestAttack35_HandleInLog(t *testing.T) {
	t.Parallel()
	store := &gossip{SessionStore: ginauth.GinStore(memstore.NewStore([]byte(testSecret)))}
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	b := a.browser(t)
	b.signInAs("ada")
	store.down.Store(true)
	for _, path := range []string{"/me", "/api/auth/session"} {
		if res := b.get(path); res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s answered %d", path, res.StatusCode)
		}
	}
	if got := a.log.String(); !strings.Contains(got, "connection refused") || strings.Contains(got, handleOf(b)) {
		t.Errorf("the log says %s", got)
	}
}

// fileStore keeps sessions in files, named by their ids.
type fileStore struct{ *gorilla.FilesystemStore }

func (s fileStore) Options(o sessions.Options) { s.FilesystemStore.Options = o.ToGorillaOptions() }

// A session cookie is no path: what stands in it leads to no file beside the
// sessions, reads none, and deletes none at sign-out.
func TestAttack36_HandleAsPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sessions"), 0o700); err != nil {
		t.Fatal(err)
	}
	newStore := func(path, key string) ginauth.SessionStore {
		store := fileStore{gorilla.NewFilesystemStore(path, []byte(key))}
		store.MaxLength(64 << 10)
		return ginauth.GinStore(store)
	}
	// A session of another application, in the directory above.
	foreign, err := newStore(dir, strings.Repeat("f", 32)).Create(t.Context(), "u-ada", []byte(`{"sub":"u-ada"}`), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	files := func() []string {
		names, err := filepath.Glob(filepath.Join(dir, "session_*"))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		return names
	}
	id := strings.TrimPrefix(filepath.Base(files()[0]), "session_")
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: newStore(filepath.Join(dir, "sessions"), testSecret)}})
	for _, handle := range []string{
		"../../x", "..%2F..%2Fx", "/../session_" + id, "x/../../session_" + id, id, "session_" + id, foreign, "%00", "../" + foreign,
	} {
		cookies := sessionCookie + "=" + handle
		if res := a.send(t, http.MethodGet, "/me", "", "Cookie", cookies); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: answered %d %s", handle, res.StatusCode, res.body)
		}
		csrfToken, pair := csrfPair(csrfCookie)
		a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair+"; "+cookies)
		files()
	}
	b := a.browser(t)
	b.signInAs("ada")
	b.is("ada")
	b.signOut()
	b.is("")
}

func TestAttack14_StoreFixation(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: k.store}})
			mallory := a.browser(t)
			mallory.signInAs("mallory")
			planted := handleOf(mallory)

			b := a.browser(t)
			for name, before := range map[string]string{"Mallory's session": planted, "garbage": "planted", "nothing": ""} {
				if before != "" {
					b.plant(sessionCookie, before)
				}
				b.signInAs("ada")
				b.is("ada")
				if handleOf(b) == before {
					t.Errorf("%s is still the cookie", name)
				}
				if before != "" {
					if got := a.who(t, sessionCookie+"="+url.PathEscape(before)); got != "" {
						t.Errorf("%s now passes as %q", name, got)
					}
				}
				old := handleOf(b)
				b.signInAs("grace") // in the same browser, without a sign-out
				b.is("grace")
				if got := a.who(t, sessionCookie+"="+url.PathEscape(old)); got != "" {
					t.Errorf("the session before the sign-in still passes as %q", got)
				}
				b.signOut()
			}
		})
	}
}

// Answers with a stored session are nobody else's, and stay in no cache.
func TestAttack40_StoreAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			b := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: k.store}}).browser(t)
			b.signInAs("ada")
			for _, path := range []string{"/me", "/api/auth/session"} {
				h := b.get(path).Header
				if !strings.Contains(h.Get("Cache-Control"), "no-store") || !strings.Contains(strings.Join(h["Vary"], ","), "Cookie") {
					t.Errorf("%s: Cache-Control %q, Vary %q", path, h.Get("Cache-Control"), h["Vary"])
				}
			}
		})
	}
}

// Ten thousand sign-ins that are started and left write nothing into the store.
func TestAttack54_StoreFlood(t *testing.T) {
	t.Parallel()
	server := servertest.Redis(t)
	client := redisClient(t, server)
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: append(ginauth.Goth(local(idp, "local")), members()),
		Session: ginauth.SessionOptions{
			Store:       redisstore.New(client, redisstore.Options{}),
			Revocations: redisstore.NewRevocations(client, redisstore.Options{}),
		},
	})
	csrfToken, pair := csrfPair(csrfCookie)
	body := url.Values{"csrfToken": {csrfToken}}.Encode()
	var wg sync.WaitGroup
	var started atomic.Int32
	for range 10 {
		wg.Go(func() {
			for range 1000 {
				req := httptest.NewRequest(http.MethodPost, a.URL+"/api/auth/signin/local", strings.NewReader(body))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Cookie", pair)
				w := httptest.NewRecorder()
				a.engine.ServeHTTP(w, req)
				if strings.Contains(w.Header().Get("Location"), "state=") {
					started.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n, err := client.DBSize(t.Context()).Result(); n != 0 || err != nil || started.Load() != 10_000 {
		t.Errorf("%d starts left %d keys: %v", started.Load(), n, err)
	}
	b := a.browser(t)
	b.signInAs("ada")
	if n, err := client.DBSize(t.Context()).Result(); n != 2 || err != nil { // the session and its user's index
		t.Errorf("one sign-in made %d keys: %v", n, err)
	}
}

func TestAttack15_CookieStoreRefused(t *testing.T) {
	t.Parallel()
	hidden := struct{ cookie.Store }{cookie.NewStore([]byte(testSecret))}
	aged := memstore.NewStore([]byte(testSecret))
	aged.(interface{ MaxAge(int) }).MaxAge(3600)
	for name, row := range map[string]struct {
		store ginauth.SessionStore
		want  string
	}{
		"cookie store":                {ginauth.GinStore(cookie.NewStore([]byte(testSecret))), "leave Session.Store nil"},
		"nil":                         {ginauth.GinStore(nil), "GinStore was given nil"},
		"shorter than Session.MaxAge": {ginauth.GinStore(aged), "good for 1h0m0s, less than Session.MaxAge, 720h0m0s"},
	} {
		opts := ginauth.Options{Secret: testSecret, Providers: unused(), Session: ginauth.SessionOptions{Store: row.store}}
		_, err := ginauth.Register(gin.New(), opts)
		if _, again := ginauth.New(opts); fmt.Sprint(err) != fmt.Sprint(again) || !strings.Contains(fmt.Sprint(err), row.want) {
			t.Errorf("%s: Register says %v and New %v, want %s", name, err, again, row.want)
		}
	}
	// In a wrapper nobody sees it before the first sign-in.
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: ginauth.GinStore(hidden)}})
	b := a.browser(t)
	if res := b.signInAs("ada"); res.signedIn() || !strings.Contains(a.log.String(), "leave Session.Store nil") {
		t.Errorf("a hidden cookie store signs in: %d, log %s", res.StatusCode, a.log)
	}
}

// A secret is changed in steps, as a rolling restart does it, under load. Each
// person is signed in all the time, and in the end nothing needs the old secret.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	const fresh = "fedcba9876543210fedcba9876543210"
	site := func(secret string, previous ...string) *app {
		return membersApp(t, ginauth.Options{Secret: secret, PreviousSecrets: previous, BaseURL: "http://app.example.com"})
	}
	// The processes that answer at each step: the next one begins while the last
	// still runs.
	steps := [][]*app{
		{site(testSecret), site(testSecret, fresh)},
		{site(testSecret, fresh), site(fresh, testSecret)},
		{site(fresh, testSecret)},
		{site(fresh)},
	}
	const people = 20
	cookies := make([]string, people)
	for i := range cookies {
		cookies[i] = sessionFor(t, fmt.Sprintf("person%d@example.com", i), nil)
	}
	for step, apps := range steps {
		var wg sync.WaitGroup
		for i := range cookies {
			wg.Go(func() {
				var tabs sync.WaitGroup
				for n := range 20 {
					a := apps[n%len(apps)]
					tab := func(keep bool) {
						res := a.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+cookies[i])
						if want := fmt.Sprintf("person%d@example.com", i); res.StatusCode != http.StatusOK || !strings.Contains(res.body, want) {
							t.Errorf("step %d: person %d was answered %d %s", step, i, res.StatusCode, res.body)
						}
						if c := setCookies(res)[sessionCookie]; keep && c != nil {
							cookies[i] = c.Value
						}
					}
					if n%5 > 0 {
						tabs.Go(func() { tab(false) })
						continue
					}
					tabs.Wait()
					tab(true)
				}
				tabs.Wait()
			})
		}
		wg.Wait()
	}
	for i, sealed := range cookies {
		if claims := claimsOf(t, fresh, sealed); claims["email"] != fmt.Sprintf("person%d@example.com", i) {
			t.Errorf("person %d ended up with %v", i, claims)
		}
	}
}
