package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// An ownSite is an app with routes of its own to sign in and out: /enter/:name, a GET and
// a POST, and /leave. An error of ginauth's is answered with 500 and its text.
type ownSite struct {
	*app
	mu     sync.Mutex
	events []string // what the application was told, in order
}

func newOwnSite(t testing.TB, opts ginauth.Options) *ownSite {
	t.Helper()
	s := &ownSite{}
	if opts.Providers == nil {
		opts.Providers = []ginauth.Provider{members()}
	}
	opts.Events.SignIn = func(_ *gin.Context, e ginauth.SignInEvent) {
		s.told(fmt.Sprintf("signIn %s by %s/%s/%s", e.User.Name, e.Account.Provider, e.Account.Type, e.Account.ProviderAccountID))
	}
	opts.Events.SignOut = func(_ *gin.Context, e ginauth.SignOutEvent) { s.told("signOut " + e.Token.Name) }
	s.app = newApp(t, opts)
	s.engine.Any("/enter/:name", s.enter)
	s.engine.Any("/guarded/enter/:name", s.auth.LoadSession(), s.enter)
	s.engine.Any("/leave", func(c *gin.Context) {
		if err := s.auth.SignOut(c); err != nil {
			c.String(http.StatusInternalServerError, "%s", err)
			return
		}
		c.String(http.StatusOK, "%v", ginauth.GetSession(c) == nil)
	})
	return s
}

// enter signs in the person of that name.
func (s *ownSite) enter(c *gin.Context) {
	name := c.Param("name")
	got, err := s.auth.SignIn(c, ginauth.User{ID: "u-" + name, Name: name, Email: name + "@example.com"})
	switch {
	case err != nil:
		c.String(http.StatusInternalServerError, "%s", err)
	case got != ginauth.GetSession(c) || ginauth.GetToken(c).Subject != got.User.ID:
		c.String(http.StatusInternalServerError, "GetSession does not find the new session")
	default:
		c.JSON(http.StatusOK, got)
	}
}

func (s *ownSite) told(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, what)
}

func (s *ownSite) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

// enterOwn signs somebody in by the site's own form.
func (b *browser) enterOwn(name string) answer {
	b.t.Helper()
	return b.post("/enter/"+name, url.Values{})
}

// everywhere runs a test with sealed sessions and with those of every store.
func everywhere(t *testing.T, test func(t *testing.T, session ginauth.SessionOptions)) {
	t.Run("sealed", func(t *testing.T) {
		t.Parallel()
		test(t, ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()})
	})
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			test(t, ginauth.SessionOptions{Store: row.open(t).store, MaxAge: 7 * 24 * time.Hour})
		})
	}
}

// A person whom the application identifies is signed in, here and at the next request, and the
// callbacks and events are those of any sign-in.
func TestAppSignIn(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		s := newOwnSite(t, ginauth.Options{Session: session, Callbacks: ginauth.Callbacks{
			SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
				if p.Lifetime == nil || p.Account.Type != "app" || p.Credentials != nil || p.Profile != nil || p.VerificationRequest {
					return fmt.Errorf("unexpected %+v", p)
				}
				return nil
			},
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerSignIn {
					p.Token.Claims["by"] = p.Account.Provider + " " + p.User.Name
				}
				return nil
			},
			Session: func(_ *gin.Context, p ginauth.SessionParams) error {
				p.Session.Values["by"] = p.Token.Claims["by"]
				return nil
			},
		}})
		b := s.browser(t)
		res := b.enterOwn("ada")
		if !res.signedIn() || !strings.Contains(res.body, `"by":"app ada"`) || !strings.Contains(res.body, `"expires":"2`) {
			t.Fatalf("signing in answered %d %s", res.StatusCode, res.body)
		}
		if cache := res.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") {
			t.Errorf("the answer with the session may be kept: %q", cache)
		}
		b.is("ada")
		if res := b.get("/me"); !strings.Contains(res.body, `"by":"app ada"`) {
			t.Errorf("/me answered %s", res.body)
		}
		if session.Revocations != nil {
			if err := s.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
				t.Fatal(err)
			}
			b.is("")
			if b.enterOwn("ada"); s.heard() == nil {
				t.Fatal("revoked, nobody signs in again")
			}
			b.is("ada")
			s.told("signIn ada by app/app/u-ada")
		}
		if res := b.post("/leave", url.Values{}); res.body != "true" || !res.ends() {
			t.Errorf("signing out answered %d %s", res.StatusCode, res.body)
		}
		b.is("")
		if got := fmt.Sprint(s.heard()); got != "[signIn ada by app/app/u-ada signOut ada]" {
			t.Errorf("the application was told %s", got)
		}
	})
}

// What an attacker planted before is no session of the person who signs in, and neither
// is what the browser had before.
func TestAttack14_AppSignInFixation(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		s := newOwnSite(t, ginauth.Options{Session: session})
		mallory := s.browser(t)
		mallory.enterOwn("mallory")
		mallorys := handleOf(mallory)
		for _, path := range []string{"/enter/", "/guarded/enter/"} {
			b := s.browser(t)
			for _, planted := range []string{mallorys, strings.Repeat("x", 100)} {
				b.plant(sessionCookie, planted)
				b.post(path+"ada", url.Values{})
				if b.is("ada"); handleOf(b) == planted {
					t.Errorf("%s: the planted session is Ada's", path)
				}
				if got := s.who(t, sessionCookie+"="+url.PathEscape(planted)); got != "" {
					t.Errorf("%s: what was planted before passes as %q", path, got)
				}
			}
			adas := handleOf(b)
			b.post(path+"grace", url.Values{})
			b.is("grace")
			if got := s.who(t, sessionCookie+"="+url.PathEscape(adas)); got != "" || handleOf(b) == adas {
				t.Errorf("%s: the session before passes as %q", path, got)
			}
		}
	})
}

// Who signs in twice in one request has one session: no record of the first stays.
func TestAttack14_AppSignInTwice(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		s := newOwnSite(t, ginauth.Options{Session: session})
		values := make([]string, 2)
		s.engine.POST("/twice", func(c *gin.Context) {
			for i, name := range []string{"ada", "grace"} {
				if _, err := s.auth.SignIn(c, ginauth.User{ID: name, Email: name + "@example.com"}); err != nil {
					t.Error(err)
				}
				for _, cookie := range (&http.Response{Header: c.Writer.Header()}).Cookies() {
					if cookie.Name == sessionCookie {
						values[i] = cookie.Value
					}
				}
			}
		})
		s.engine.POST("/both", func(c *gin.Context) {
			_, err := s.auth.SignIn(c, ginauth.User{ID: "ada", Email: "ada@example.com"})
			if err = errors.Join(err, s.auth.SignOut(c)); err != nil || ginauth.GetSession(c) != nil {
				t.Errorf("out again: %v", err)
			}
		})
		b := s.browser(t)
		b.post("/twice", url.Values{})
		b.is("grace")
		if got := s.who(t, sessionCookie+"="+values[0]); got != "" || values[0] == values[1] {
			t.Errorf("the first session passes as %q", got)
		}
		if res := b.post("/both", url.Values{}); res.signedIn() {
			t.Error("signed in and out, there is a session")
		}
		b.is("")
	})
}

// Signed out, a copy of the cookie opens nothing.
func TestAttack15_AppSignOut(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		s := newOwnSite(t, ginauth.Options{Session: session})
		for _, in := range []func(b *browser){
			func(b *browser) { b.enterOwn("ada") },
			func(b *browser) { b.signInAs("ada") },
		} {
			b := s.browser(t)
			in(b)
			b.is("ada")
			copied := handleOf(b)
			if res := b.post("/leave", url.Values{}); res.StatusCode != http.StatusOK || !res.ends() {
				t.Errorf("signing out answered %d %s", res.StatusCode, res.body)
			}
			if got := s.who(t, sessionCookie+"="+url.PathEscape(copied)); got != "" {
				t.Errorf("the copied session passes as %q", got)
			}
			if got := s.who(t, "", "Authorization", "Bearer "+copied); got != "" {
				t.Errorf("the copied session passes as %q by bearer", got)
			}
		}
	})
}

// A user signs in by the application as often as in any other way, and no more. What is
// refused changes nothing.
func TestAttack54_AppSignIns(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		s := newOwnSite(t, ginauth.Options{Session: session, Limits: ginauth.Limits{Successes: ginauth.Rate{Count: 3, Per: time.Hour}}})
		b := s.browser(t)
		for i := range 3 {
			if res := b.enterOwn("ada"); !res.signedIn() {
				t.Fatalf("no. %d answered %s", i+1, res.body)
			}
		}
		last := handleOf(b)
		for range 50 {
			if res := b.enterOwn("ada"); res.signedIn() || !strings.Contains(res.body, "too many attempts to sign in") {
				t.Fatalf("one too many answered %d %s", res.StatusCode, res.body)
			}
		}
		b.is("ada")
		if handleOf(b) != last {
			t.Error("a refused sign-in replaced the session")
		}
		if !b.enterOwn("grace").signedIn() {
			t.Error("another user has to wait too")
		}
	})
}

// Ten thousand sign-ins leave nothing in the server. Memory is the process's, so this
// test is not parallel.
func TestAttack54_AppSignInsFlooded(t *testing.T) {
	const times = 10_000
	s := newOwnSite(t, ginauth.Options{Limits: ginauth.Limits{Successes: ginauth.Rate{Count: -1}}})
	enter := func() {
		w := httptest.NewRecorder()
		s.engine.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/enter/ada", nil))
		if w.Code != http.StatusOK {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
	}
	held := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	for range 100 { // what is made once is made
		enter()
	}
	s.heard()
	before := held()
	for range times {
		enter()
		s.heard()
	}
	if grown := held() - before; grown > times*64 {
		t.Errorf("%d sign-ins left %d bytes in the server", times, grown)
	}
}

// Where nobody can be signed in the error says why, no cookie is set, no event is told,
// and a session that was there before goes on.
func TestAppSignIn_Refused(t *testing.T) {
	t.Parallel()
	refuse := func(err error) ginauth.Options {
		return ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			if p.User.Name == "mallory" {
				return err
			}
			return nil
		}}}
	}
	lasting := func(l ginauth.Lifetime) ginauth.Options {
		return ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			if p.User.Name == "mallory" {
				*p.Lifetime = l
			}
			return nil
		}}}
	}
	failing := errors.New("the directory is down")
	for _, row := range []struct {
		name   string
		opts   ginauth.Options
		before func(c *gin.Context)
		user   ginauth.User
		header []string
		host   string
		want   string
		is     error
	}{
		{name: "no ID", user: ginauth.User{Name: "mallory"}, want: "SignIn got a User without ID"},
		{name: "an answer under way", before: func(c *gin.Context) { c.String(http.StatusOK, "Hello") }, want: "SignIn was called after the answer had begun"},
		{name: "a header under way", before: func(c *gin.Context) { c.Writer.WriteHeaderNow() }, want: "SignIn was called after the answer had begun"},
		{name: "another host", host: "evil.example", want: `does not answer for the host "evil.example"`},
		{name: "another origin", header: []string{"Origin", "https://evil.example"}, want: "a foreign origin sent the request"},
		{name: "another site, by its Fetch Metadata", header: []string{"Sec-Fetch-Site", "cross-site"}, want: "a foreign origin sent the request"},
		{name: "an origin that is none", header: []string{"Origin", "null"}, want: "a foreign origin sent the request"},
		{name: "a callback denies", opts: refuse(ginauth.ErrAccessDenied), want: "access denied", is: ginauth.ErrAccessDenied},
		{name: "a callback sends elsewhere", opts: refuse(fmt.Errorf("so: %w", ginauth.RedirectTo("/terms?x=1"))), want: "/terms?x=1", is: ginauth.RedirectError{URL: "/terms?x=1"}},
		{name: "a callback explains", opts: refuse(ginauth.PublicError("Come back tomorrow")), want: "Come back tomorrow"},
		{name: "a callback fails", opts: refuse(failing), want: "the directory is down", is: failing},
		{name: "a lifetime below zero", opts: lasting(ginauth.Lifetime{MaxAge: -time.Hour}), want: "Lifetime.MaxAge is -1h0m0s; write a second or more"},
		{name: "a lifetime without a unit", opts: lasting(ginauth.Lifetime{AbsoluteMaxAge: 3600}), want: "Lifetime.AbsoluteMaxAge is 3.6µs; write a second or more"},
		{name: "a JWT callback fails", opts: ginauth.Options{Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil && p.User.Name == "mallory" {
				return failing
			}
			return nil
		}}}, want: "Callbacks.JWT: the directory is down", is: failing},
		{name: "a JWT callback ends it", opts: ginauth.Options{Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil && p.User.Name == "mallory" {
				return ginauth.ErrSignedOut
			}
			return nil
		}}}, want: "the session ends", is: ginauth.ErrSignedOut},
		{name: "a Session callback fails", opts: ginauth.Options{Callbacks: ginauth.Callbacks{Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			if p.Session.User.Name == "mallory" {
				return failing
			}
			return nil
		}}}, want: "Callbacks.Session: the directory is down", is: failing},
		{name: "nobody of the Adapter's", opts: ginauth.Options{Adapter: ginauth.MemoryAdapter()}, want: "SignIn got an ID that none of the Adapter's users has", is: ginauth.ErrNotFound},
		{name: "claims that are too long", opts: ginauth.Options{Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil && p.User.Name == "mallory" {
				p.Token.Claims["pad"] = strings.Repeat("p", 64<<10)
			}
			return nil
		}}}, want: "keep less in them"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newOwnSite(t, row.opts)
			user := row.user
			if user.Name == "" {
				user = ginauth.User{ID: "u-mallory", Name: "mallory"}
			}
			var got error
			s.engine.POST("/try", s.auth.LoadSession(), func(c *gin.Context) {
				if row.before != nil {
					row.before(c)
				}
				var session *ginauth.Session
				if session, got = s.auth.SignIn(c, user); session != nil {
					t.Error("there is a session beside the error")
				}
				c.Status(http.StatusTeapot)
			})
			s.engine.POST("/bare", func(c *gin.Context) { _, got = s.auth.SignIn(c, user) })
			b := s.browser(t)
			if row.opts.Adapter == nil {
				b.enterOwn("ada")
			}
			s.heard()
			req := b.request(http.MethodPost, "/try", url.Values{})
			for i := 0; i < len(row.header); i += 2 {
				req.Header.Set(row.header[i], row.header[i+1])
			}
			if req.Host = row.host; row.host != "" { // the middleware in front would refuse it
				req.URL.Path = "/bare"
			}
			res := b.do(req)
			if got == nil || !strings.Contains(got.Error(), row.want) || row.is != nil && !errors.Is(got, row.is) {
				t.Errorf("the error is %v, want %s", got, row.want)
			}
			if res.signedIn() || res.ends() || len(s.heard()) != 0 {
				t.Errorf("the answer sets %v", res.Cookies())
			}
			if row.opts.Adapter == nil {
				b.is("ada")
			}
		})
	}
}

// SignOut refuses what SignIn refuses, and then nobody is signed out.
func TestAppSignOut_Refused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		before func(c *gin.Context)
		header []string
		host   string
		want   string
	}{
		{name: "an answer under way", before: func(c *gin.Context) { c.String(http.StatusOK, "Hello") }, want: "SignOut was called after the answer had begun"},
		{name: "another host", host: "evil.example", want: "does not answer for the host"},
		{name: "another origin", header: []string{"Origin", "https://evil.example"}, want: "a foreign origin sent the request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newOwnSite(t, ginauth.Options{})
			var got error
			s.engine.POST("/try", func(c *gin.Context) {
				if row.before != nil {
					row.before(c)
				}
				got = s.auth.SignOut(c)
			})
			b := s.browser(t)
			b.enterOwn("ada")
			req := b.request(http.MethodPost, "/try", url.Values{})
			for i := 0; i < len(row.header); i += 2 {
				req.Header.Set(row.header[i], row.header[i+1])
			}
			req.Host = row.host
			if res := b.do(req); got == nil || !strings.Contains(got.Error(), row.want) || res.ends() {
				t.Errorf("the error is %v, want %s", got, row.want)
			}
			b.is("ada")
		})
	}
}

// Nobody to sign out is no error; a bearer token is not this site's to end.
func TestAppSignOut_Nobody(t *testing.T) {
	t.Parallel()
	s := newOwnSite(t, ginauth.Options{})
	var got error
	s.engine.POST("/out", s.auth.LoadSession(), func(c *gin.Context) { got = s.auth.SignOut(c) })
	if s.browser(t).post("/out", url.Values{}); got != nil {
		t.Errorf("without a session: %v", got)
	}
	s.send(t, http.MethodPost, "/out", "", "Authorization", "Bearer "+sessionFor(t, "ada@example.com", nil))
	if !errors.Is(got, ginauth.ErrNoSession) {
		t.Errorf("with a bearer token: %v", got)
	}
}

// While a store is down nobody is signed in or out, and the error says so.
func TestAttack48_AppSignIn(t *testing.T) {
	t.Parallel()
	for _, row := range keptIn {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := row.open(t)
			if k.server == nil {
				t.Skip("this store is not on a server")
			}
			s := newOwnSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: k.store, MaxAge: 7 * 24 * time.Hour}})
			b := s.browser(t)
			b.enterOwn("ada")
			s.heard()
			k.server.Stop()
			for _, path := range []string{"/enter/grace", "/leave"} {
				if res := b.post(path, url.Values{}); res.StatusCode != http.StatusInternalServerError || res.signedIn() || res.ends() {
					t.Errorf("%s answered %d %s with %v", path, res.StatusCode, res.body, res.Cookies())
				} else if !strings.Contains(res.body, "session store is not available") {
					t.Errorf("%s says %s", path, res.body)
				}
			}
			if got := s.heard(); len(got) != 0 {
				t.Errorf("the application was told %v", got)
			}
		})
	}
}

// Another site's page cannot sign a browser in, by whatever form of the application.
func TestAttack13_AppSignIn(t *testing.T) {
	t.Parallel()
	s := newOwnSite(t, ginauth.Options{TrustedOrigins: []string{"https://admin.example.com"}})
	for _, row := range []struct {
		name, method string
		header       []string
		signedIn     bool
	}{
		{"its own page", http.MethodPost, []string{"Origin", s.URL, "Sec-Fetch-Site", "same-origin"}, true},
		{"a program", http.MethodPost, nil, true},
		{"a trusted origin", http.MethodPost, []string{"Origin", "https://admin.example.com", "Sec-Fetch-Site", "cross-site"}, true},
		{"another site", http.MethodPost, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false},
		{"another site, in an old browser", http.MethodPost, []string{"Origin", "https://evil.example"}, false},
		{"a sister host", http.MethodPost, []string{"Origin", "http://sister.localhost", "Sec-Fetch-Site", "same-site"}, false},
		{"another port", http.MethodPost, []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}, false},
		{"a sandboxed frame", http.MethodPost, []string{"Origin", "null"}, false},
		{"two origins", http.MethodPost, []string{"Origin", s.URL, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false},
		{"another method", http.MethodPut, []string{"Origin", "https://evil.example"}, false},
	} {
		for _, path := range []string{"/enter/ada", "/guarded/enter/ada"} {
			if got := s.send(t, row.method, path, "", row.header...).signedIn(); got != row.signedIn {
				t.Errorf("%s, %s: signed in %v", row.name, path, got)
			}
		}
	}
}

// A GET of another site's page is the application's to judge: an invitation is one.
func TestAppSignIn_Get(t *testing.T) {
	t.Parallel()
	b := newOwnSite(t, ginauth.Options{}).browser(t)
	req := b.request(http.MethodGet, "/enter/ada", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if !b.do(req).signedIn() {
		t.Error("an invitation signs nobody in")
	}
	b.is("ada")
}

// The session that a middleware in front has sealed again does not come back over the new
// one, nor over a sign-out.
func TestAppSignIn_BehindLoadSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		session.UpdateAge = -1 // each request seals it again
		s := newOwnSite(t, ginauth.Options{Session: session})
		s.engine.POST("/guarded/leave", s.auth.RequireSession(), func(c *gin.Context) {
			if err := s.auth.SignOut(c); err != nil {
				t.Error(err)
			}
			c.Status(http.StatusNoContent)
		})
		b := s.browser(t)
		b.enterOwn("ada")
		if res := b.post("/guarded/enter/grace", url.Values{}); len(res.Cookies()) != 1 {
			t.Errorf("the answer sets %v", res.Cookies())
		}
		b.is("grace")
		if res := b.post("/guarded/leave", url.Values{}); !res.ends() || res.signedIn() {
			t.Errorf("signing out sets %v", res.Cookies())
		}
		b.is("")
	})
}

// A session can be updated in the request in which it began, also where the browser had
// none before.
func TestAppSignIn_ThenUpdate(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, session ginauth.SessionOptions) {
		opts := remembering(nil, 0)
		opts.Session = session
		s := newOwnSite(t, opts)
		s.engine.POST("/register/:name", func(c *gin.Context) {
			_, err := s.auth.SignIn(c, ginauth.User{ID: c.Param("name"), Email: c.Param("name") + "@example.com"})
			if err == nil {
				_, err = s.auth.Update(c, "welcome "+c.Param("name"))
			}
			if note, _ := ginauth.Value[string](ginauth.GetSession(c), "note"); err != nil || note != "welcome "+c.Param("name") {
				t.Errorf("%v, the note is %q", err, note)
			}
			c.Status(http.StatusNoContent)
		})
		b := s.browser(t)
		for _, name := range []string{"ada", "grace"} {
			if res := b.post("/register/"+name, url.Values{}); len(res.Cookies()) != 1 {
				t.Errorf("the answer sets %v", res.Cookies())
			}
			b.is(name)
			if got := b.note(); got != "welcome "+name {
				t.Errorf("the note is %q", got)
			}
		}
	})
}

// Beside an Adapter the user is one of its users, and what the application leaves out is
// theirs.
func TestAppSignIn_Adapter(t *testing.T) {
	t.Parallel()
	adapter := ginauth.MemoryAdapter()
	var changed string
	s := newOwnSite(t, ginauth.Options{Adapter: adapter, Callbacks: ginauth.Callbacks{
		SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			if changed != "" {
				p.User.ID = changed
			}
			return nil
		},
		JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil {
				p.Token.Claims["plan"], p.Token.Claims["verified"] = p.User.Values["plan"], !p.User.EmailVerified.IsZero()
			}
			return nil
		},
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			p.Session.Values["plan"], p.Session.Values["verified"] = p.Token.Claims["plan"], p.Token.Claims["verified"]
			return nil
		},
	}})
	ada, err := adapter.CreateUser(t.Context(), ginauth.User{Name: "Ada", Email: "ada@example.com", EmailVerified: time.Now()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	grace, err := adapter.CreateUser(t.Context(), ginauth.User{Name: "Grace", Email: "grace@example.com"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var user ginauth.User
	s.engine.POST("/in", func(c *gin.Context) {
		session, err := s.auth.SignIn(c, user)
		if err != nil {
			c.String(http.StatusInternalServerError, "%s", err)
			return
		}
		c.String(http.StatusOK, "%s %s %s %v %v", session.User.ID, session.User.Name, session.User.Email, session.Values["plan"], session.Values["verified"])
	})
	b := s.browser(t)
	for _, row := range []struct {
		name    string
		user    ginauth.User
		changed string
		want    string
	}{
		{"the ID alone", ginauth.User{ID: ada.ID}, "", ada.ID + " Ada ada@example.com <nil> true"},
		{"another name", ginauth.User{ID: ada.ID, Name: "Countess", Values: map[string]any{"plan": "gold"}}, "", ada.ID + " Countess ada@example.com gold true"},
		{"another address is not proved", ginauth.User{ID: ada.ID, Email: "new@example.com"}, "", ada.ID + " Ada new@example.com <nil> false"},
		{"a callback that names another user", ginauth.User{ID: ada.ID}, grace.ID, "Callbacks.SignIn set another User.ID"},
	} {
		user, changed = row.user, row.changed
		if res := b.post("/in", url.Values{}); !strings.Contains(res.body, row.want) || res.signedIn() == (row.changed != "") {
			t.Errorf("%s: %d %s, want %s", row.name, res.StatusCode, res.body, row.want)
		}
	}
	if list, err := adapter.ListAccounts(t.Context(), ada.ID); err != nil || len(list) != 0 {
		t.Errorf("signing in stored the accounts %v, %v", list, err)
	}
	if err := s.auth.DeleteUser(t.Context(), ada.ID); err != nil {
		t.Fatal(err)
	}
	if got := b.user(); got != "" { // at GET session they are looked up
		t.Errorf("deleted, the user is still signed in as %q", got)
	}
}

// vanishing is an Adapter whose users are deleted once a sign-in has found them.
type vanishing struct {
	ginauth.Adapter
	once sync.Once
}

func (v *vanishing) GetUser(ctx context.Context, id string) (ginauth.User, error) {
	u, err := v.Adapter.GetUser(ctx, id)
	v.once.Do(func() { _ = v.Adapter.DeleteUser(ctx, id) })
	return u, err
}

// A user who is deleted while they sign in has no session afterwards.
func TestAttack21_AppSignInOfDeleted(t *testing.T) {
	t.Parallel()
	adapter := &vanishing{Adapter: ginauth.MemoryAdapter()}
	store := &tallied{SessionStore: keptIn[0].open(t).store}
	s := newOwnSite(t, ginauth.Options{Adapter: adapter, Session: ginauth.SessionOptions{Store: store}})
	ada, err := adapter.CreateUser(t.Context(), ginauth.User{Name: "Ada"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got error
	s.engine.POST("/in", func(c *gin.Context) { _, got = s.auth.SignIn(c, ginauth.User{ID: ada.ID}) })
	if res := s.browser(t).post("/in", url.Values{}); got == nil || res.signedIn() || len(s.heard()) != 0 {
		t.Errorf("a deleted user is signed in: %v", got)
	}
	if store.created != 1 || store.deleted != 1 {
		t.Errorf("%d sessions were kept, %d ended", store.created, store.deleted)
	}
}

// tallied counts what becomes of sessions.
type tallied struct {
	ginauth.SessionStore
	created, deleted int
}

func (s *tallied) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	s.created++
	return s.SessionStore.Create(ctx, userID, data, expires)
}

func (s *tallied) Delete(ctx context.Context, handle string) error {
	s.deleted++
	return s.SessionStore.Delete(ctx, handle)
}

// The accounts of SignIn are no provider's.
func TestAppSignIn_ReservedID(t *testing.T) {
	t.Parallel()
	credentials := members()
	credentials.ID = "app"
	_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: testSecret, Providers: []ginauth.Provider{credentials}})
	if err == nil || !strings.Contains(err.Error(), `Providers[0] has the id "app", which Auth.SignIn has in its accounts; set another ID`) {
		t.Errorf("Register says %v", err)
	}
}

// An Auth that only reads sessions begins them too, by the same callbacks.
func TestAppSignIn_WithoutRoutes(t *testing.T) {
	t.Parallel()
	auth, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "https://app.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.POST("/in", func(c *gin.Context) {
		if _, err := auth.SignIn(c, ginauth.User{ID: "42", Name: "Ada"}); err != nil {
			t.Error(err)
		}
	})
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/in", nil))
	lines := w.Header()["Set-Cookie"]
	if len(lines) != 1 || !strings.HasPrefix(lines[0], "__Secure-"+sessionCookie+"=") || !strings.Contains(lines[0], "; Secure") {
		t.Errorf("the answer sets %q", lines)
	}
}

// A user's sessions that the application began are listed, capped and revoked as any.
func TestAppSignIn_UserSessions(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	s := newOwnSite(t, ginauth.Options{Session: ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{}), MaxPerUser: 2}})
	var browsers []*browser
	for range 3 {
		b := s.browser(t)
		b.enterOwn("ada")
		browsers = append(browsers, b)
	}
	browsers[0].is("")
	if list, err := s.auth.Sessions(t.Context(), "u-ada"); err != nil || len(list) != 2 {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	if err := s.auth.RevokeUser(t.Context(), "u-ada"); err != nil {
		t.Fatal(err)
	}
	for _, b := range browsers {
		b.is("")
	}
	if !slices.Equal(s.heard(), slices.Repeat([]string{"signIn ada by app/app/u-ada"}, 3)) {
		t.Error("the application was told otherwise")
	}
}

// The snippets of the page about it are those of examples, which compile and run.
func TestAppSignIn_Page(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		t.Helper()
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(raw), "\t", "")
	}
	examples := read("../example_session_test.go")
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read("../docs/own-signin.md"), -1)
	if len(snippets) < 2 {
		t.Fatalf("the page has %d snippets", len(snippets))
	}
	for _, s := range snippets {
		if !strings.Contains(examples, s[1]) {
			t.Errorf("no example has\n%s", s[1])
		}
	}
}

// What is refused is told as at any sign-in, with the provider "app".
func TestAppSignIn_Events(t *testing.T) {
	t.Parallel()
	var told []string
	s := newOwnSite(t, ginauth.Options{
		Limits: ginauth.Limits{Successes: ginauth.Rate{Count: 1, Per: time.Hour}},
		Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			if p.User.Name == "mallory" {
				return ginauth.ErrAccessDenied
			}
			return nil
		}},
		Events: ginauth.Events{SignInError: func(_ *gin.Context, e ginauth.SignInErrorEvent) {
			told = append(told, fmt.Sprint(e.Provider, " ", e.Code, " ", e.User.ID, " ", e.Client))
		}},
	})
	b := s.browser(t)
	b.enterOwn("ada")
	b.enterOwn("ada")
	b.enterOwn("mallory")
	want := []string{"app RateLimited u-ada 127.0.0.1", "app AccessDenied u-mallory 127.0.0.1"}
	if !slices.Equal(told, want) {
		t.Errorf("the application was told %q, want %q", told, want)
	}
}
