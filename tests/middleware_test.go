package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

func TestRequireSession_SignedOut(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	own := newApp(t, ginauth.Options{Providers: unused(), Pages: ginauth.Pages{SignIn: "/login?x=1"}})
	const page = "text/html,application/xhtml+xml,*/*;q=0.8"
	type fields []string
	for _, row := range []struct {
		name   string
		app    *app
		method string
		header fields
		status int
		back   string // the callbackUrl handed to the sign-in page; empty: no redirect
	}{
		{"page", a, "GET", fields{"Sec-Fetch-Mode", "navigate", "Accept", page}, 302, "/me?a=1&b=%2F"},
		{"page of an old browser", a, "GET", fields{"Accept", page}, 302, "/me?a=1&b=%2F"},
		{"page, HEAD", a, "HEAD", fields{"Accept", page}, 302, "/me?a=1&b=%2F"},
		{"page, own sign-in page", own, "GET", fields{"Accept", page}, 302, "/me?a=1&b=%2F"},
		{"fetch", a, "GET", fields{"Sec-Fetch-Mode", "cors", "Accept", "*/*"}, 401, ""},
		{"fetch of HTML", a, "GET", fields{"Sec-Fetch-Mode", "cors", "Accept", page}, 401, ""},
		{"curl", a, "GET", fields{"Accept", "*/*"}, 401, ""},
		{"no header at all", a, "GET", nil, 401, ""},
		{"HEAD", a, "HEAD", nil, 401, ""},
		{"fetch, POST", a, "POST", fields{"Sec-Fetch-Mode", "cors"}, 401, ""},
		{"PUT", a, "PUT", nil, 401, ""},
		{"form", a, "POST", fields{"Sec-Fetch-Mode", "navigate", "Accept", page, "Referer", a.URL + "/edit?id=7"}, 303, "/edit?id=7"},
		{"form of an old browser", a, "POST", fields{"Accept", page, "Referer", a.URL + "/edit"}, 303, "/edit"},
		{"form without Referer", a, "POST", fields{"Accept", page}, 303, "/"},
		{"form on another site", a, "POST", fields{"Accept", page, "Referer", "https://evil.example/edit"}, 303, "/"},
		{"form on another port", a, "POST", fields{"Accept", page, "Referer", "http://127.0.0.1:1/edit"}, 303, "/"},
		{"form whose Referer is a path", a, "POST", fields{"Accept", page, "Referer", "/edit"}, 303, "/"},
		{"form, own sign-in page", own, "POST", fields{"Accept", page, "Referer", own.URL + "/edit"}, 303, "/edit"},
		{"htmx", a, "GET", fields{"Hx-Request", "true", "Hx-Current-Url", a.URL + "/list?p=2"}, 401, "/list?p=2"},
		{"htmx, boosted link", a, "GET", fields{"Hx-Request", "true", "Hx-Boosted", "true", "Accept", page, "Hx-Current-Url", a.URL + "/list"}, 401, "/me?a=1&b=%2F"},
		{"htmx, boosted form", a, "POST", fields{"Hx-Request", "true", "Hx-Boosted", "true", "Accept", page, "Hx-Current-Url", a.URL + "/list"}, 401, "/list"},
		{"htmx, POST", a, "POST", fields{"Hx-Request", "true", "Hx-Current-Url", a.URL + "/list"}, 401, "/list"},
		{"htmx on another site", a, "GET", fields{"Hx-Request", "true", "Hx-Current-Url", "https://evil.example/"}, 401, "/"},
		{"htmx without a URL", own, "GET", fields{"Hx-Request", "true"}, 401, "/"},
		{"cookie of nobody", a, "GET", fields{"Accept", page, "Cookie", sessionCookie + "=x"}, 302, "/me?a=1&b=%2F"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			res := row.app.send(t, row.method, "/me?a=1&b=%2F", "", row.header...)
			if res.StatusCode != row.status {
				t.Fatalf("%d %s", res.StatusCode, res.body)
			}
			target, other := res.Header.Get("Location"), res.Header.Get("Hx-Redirect")
			if row.status == http.StatusUnauthorized {
				target, other = other, target
				var out struct{ Error, Message string }
				if row.method != http.MethodHead {
					decode(t, res.body, &out)
				}
				if row.method != http.MethodHead && (out.Error != "SessionRequired" || out.Message == "") {
					t.Errorf("the body is %s", res.body)
				}
				if got := res.Header.Get("WWW-Authenticate"); row.back == "" && got != "Bearer" {
					t.Errorf("WWW-Authenticate: %q", got)
				}
			}
			want := ""
			if row.back != "" {
				want = row.app.URL + "/api/auth/signin?callbackUrl=" + url.QueryEscape(row.back)
				if row.app == own {
					want = "/login?x=1&callbackUrl=" + url.QueryEscape(row.back)
				}
			}
			if target != want || other != "" {
				t.Errorf("leads to %q (and %q), want %q", target, other, want)
			}
			if strings.Contains(res.body, "user") {
				t.Error("the handler ran")
			}
		})
	}
}

func TestRequireSession_Guards(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	var handled, asked atomic.Int32
	handler := func(c *gin.Context) { handled.Add(1); c.String(http.StatusOK, "in") }
	is := func(email string) ginauth.Guard {
		return func(c *gin.Context, s *ginauth.Session) bool {
			return s.User.Email == email && s == ginauth.GetSession(c)
		}
	}
	count := func(*gin.Context, *ginauth.Session) bool { asked.Add(1); return true }
	a.engine.GET("/ada", a.auth.RequireSession(count, is("ada@example.com"), count), handler)
	a.engine.GET("/grace", a.auth.RequireSession(count, is("grace@example.com"), count), handler)
	a.engine.GET("/teapot", a.auth.RequireSession(func(c *gin.Context, _ *ginauth.Session) bool {
		c.String(http.StatusTeapot, "own answer")
		return false
	}), handler)
	cookies := []string{"Cookie", sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)}
	for _, row := range []struct {
		name, path     string
		header         []string
		status         int
		body           string
		handled, asked int32
	}{
		{"admitted", "/ada", cookies, 200, "in", 1, 2},
		{"refused", "/grace", cookies, 403, `"error":"AccessDenied"`, 0, 1},
		{"refused, a page", "/grace", append([]string{"Accept", "text/html"}, cookies...), 403, "<!doctype html>", 0, 1},
		{"a guard's own answer", "/teapot", cookies, 418, "own answer", 0, 0},
		{"signed out", "/ada", nil, 401, `"error":"SessionRequired"`, 0, 0},
	} {
		handled.Store(0)
		asked.Store(0)
		res := a.send(t, http.MethodGet, row.path, "", row.header...)
		if res.StatusCode != row.status || !strings.Contains(res.body, row.body) || handled.Load() != row.handled || asked.Load() != row.asked {
			t.Errorf("%s: %d %s; handled %d times, asked %d guards", row.name, res.StatusCode, res.body, handled.Load(), asked.Load())
		}
		if row.status == http.StatusTeapot && res.body != row.body {
			t.Errorf("%s: more was written: %s", row.name, res.body)
		}
	}
}

// clock is a time that a test moves.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.seconds.Load(), 0) }

func newClock() *clock {
	c := &clock{}
	c.seconds.Store(1_800_000_000)
	return c
}

func TestRequireSession_Reseals(t *testing.T) {
	t.Parallel()
	const previous = "ffffffffffffffffffffffffffffffff"
	day := int64(24 * 60 * 60)
	for _, row := range []struct {
		name     string
		after    int64  // seconds from sealing to the request
		secret   string // that sealed the session
		claims   string // what else the token holds
		update   time.Duration
		jwt      func(p ginauth.JWTParams)
		reseals  bool
		outlived bool // the session is over
	}{
		{name: "fresh", after: 60},
		{name: "a second before UpdateAge", after: day - 1},
		{name: "at UpdateAge", after: day, reseals: true},
		{name: "long after", after: 20 * day, reseals: true},
		{name: "after MaxAge", after: 31 * day, outlived: true},
		{name: "own UpdateAge", after: 60, update: time.Minute, reseals: true},
		{name: "always", update: -1, reseals: true},
		{name: "a callback that reads", after: 60, jwt: func(p ginauth.JWTParams) { _ = p.Token.Claims["level"] }},
		{name: "a callback that writes the same", after: 60, claims: `,"level":7,"roles":["a"],"e":1.50`, jwt: func(p ginauth.JWTParams) {
			p.Token.Claims["level"], p.Token.Claims["roles"] = 7, []string{"a"}
		}},
		{name: "a changed claim", after: 60, claims: `,"level":7`, jwt: func(p ginauth.JWTParams) { p.Token.Claims["level"] = 8 }, reseals: true},
		{name: "a new claim", after: 60, jwt: func(p ginauth.JWTParams) { p.Token.Claims["level"] = nil }, reseals: true},
		{name: "a claim taken away", after: 60, claims: `,"level":7`, jwt: func(p ginauth.JWTParams) { delete(p.Token.Claims, "level") }, reseals: true},
		{name: "a changed inner claim", after: 60, claims: `,"a":{"b":[1]}`, jwt: func(p ginauth.JWTParams) {
			p.Token.Claims["a"].(map[string]any)["b"].([]any)[0] = json.Number("2")
		}, reseals: true},
		{name: "a changed field", after: 60, jwt: func(p ginauth.JWTParams) { p.Token.Name = "Countess" }, reseals: true},
		{name: "a previous secret", after: 60, secret: previous, reseals: true},
		{name: "a secret nobody knows", after: 60, secret: strings.Repeat("x", 32), outlived: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			opts := ginauth.Options{Providers: unused(), PreviousSecrets: []string{previous}, Now: clock.now}
			opts.Session.UpdateAge = row.update
			if row.jwt != nil {
				opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
					if p.User != nil || p.Account != nil || p.Trigger != "" {
						t.Errorf("at reading the callback gets %+v", p)
					}
					row.jwt(p)
					return nil
				}
			}
			a := newApp(t, opts)
			sealedAt := clock.now().Unix()
			secret := testSecret
			if row.secret != "" {
				secret = row.secret
			}
			sealed := seal(t, secret, fmt.Appendf(nil, `{"sub":"7","name":"Ada","email":"ada@example.com","auth_time":%d,"iat":%d,"exp":%d,"jti":"j"%s}`,
				sealedAt-day, sealedAt, sealedAt+30*day, row.claims))
			clock.seconds.Add(row.after)

			bearer := a.send(t, http.MethodGet, "/me", "", "Authorization", "Bearer "+sealed)
			if len(bearer.Header["Set-Cookie"]) != 0 {
				t.Errorf("a bearer token is answered with %q", bearer.Header["Set-Cookie"])
			}
			res := a.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+sealed)
			want := http.StatusOK
			if row.outlived {
				want = http.StatusUnauthorized
			}
			if res.StatusCode != want || bearer.StatusCode != want {
				t.Fatalf("%d by cookie, %d by bearer token", res.StatusCode, bearer.StatusCode)
			}
			cookie := setCookies(res)[sessionCookie]
			if (cookie != nil) != row.reseals || len(res.Header["Set-Cookie"]) > 1 {
				t.Fatalf("Set-Cookie: %q", res.Header["Set-Cookie"])
			}
			if row.outlived {
				return
			}
			var out struct{ Expires time.Time }
			decode(t, res.body, &out)
			end := sealedAt + 30*day
			if row.reseals {
				end = clock.now().Unix() + 30*day
				claims := claimsOf(t, testSecret, cookie.Value)
				for name, number := range map[string]int64{"auth_time": sealedAt - day, "iat": clock.now().Unix(), "exp": end} {
					if got := claims[name]; got != json.Number(fmt.Sprint(number)) {
						t.Errorf("%s is %v, want %d", name, got, number)
					}
				}
				if claims["jti"] == "j" || claims["sub"] != "7" || claims["email"] != "ada@example.com" {
					t.Errorf("the claims are %v", claims)
				}
				if cookie.Expires.Unix() != end || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode {
					t.Errorf("Set-Cookie: %q", res.Header["Set-Cookie"])
				}
			}
			if out.Expires.Unix() != end {
				t.Errorf("the session expires at %v", out.Expires)
			}
		})
	}
}

func TestRequireSession_FailingCallback(t *testing.T) {
	t.Parallel()
	down := errors.New("the database is down")
	for name, callbacks := range map[string]ginauth.Callbacks{
		"JWT":     {JWT: func(*gin.Context, ginauth.JWTParams) error { return down }},
		"Session": {Session: func(*gin.Context, ginauth.SessionParams) error { return down }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, ginauth.Options{Providers: unused(), Callbacks: callbacks})
			sealed := sessionFor(t, "ada@example.com", nil)
			for path, message := range map[string]string{"/me": `"error":"SessionFault"`, "/api/auth/session": `"message":`} {
				res := a.send(t, http.MethodGet, path, "", "Cookie", sessionCookie+"="+sealed)
				if res.StatusCode != http.StatusInternalServerError || !strings.Contains(res.body, message) {
					t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
				}
				if strings.Contains(res.body, "database") || strings.Contains(res.body, "ada") {
					t.Errorf("%s tells the browser %s", path, res.body)
				}
				if setCookies(res)[sessionCookie] != nil {
					t.Errorf("%s touches the session: %q", path, res.Header["Set-Cookie"])
				}
			}
			if res := a.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+sealed, "Accept", "text/html"); res.StatusCode != 500 || !strings.Contains(res.body, "<!doctype html>") {
				t.Errorf("as a page: %d %s", res.StatusCode, res.body)
			}
			if strings.Count(a.log.String(), down.Error()) != 3 {
				t.Errorf("the log is %s", a.log.String())
			}
		})
	}
}

func TestGetToken(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused(), Callbacks: ginauth.Callbacks{
		Session: func(_ *gin.Context, p ginauth.SessionParams) error {
			p.Session.Values["level"] = p.Token.Claims["level"]
			return nil
		},
	}})
	a.engine.GET("/token", a.auth.RequireSession(), func(c *gin.Context) {
		for name, token := range map[string]*ginauth.Token{"c": ginauth.GetToken(c), "c.Request.Context()": ginauth.GetToken(c.Request.Context())} {
			if token == nil || token.Subject != "ada@example.com" || token.Email != "ada@example.com" || token.Claims["level"] != json.Number("7") || token.ExpiresAt.IsZero() {
				t.Errorf("GetToken(%s) is %+v", name, token)
			}
		}
		s := ginauth.GetSession(c.Request.Context())
		if level, ok := ginauth.Value[int](s, "level"); !ok || level != 7 || s.User.ID != "ada@example.com" {
			t.Errorf("the session is %+v", s)
		}
		c.Status(http.StatusNoContent)
	})
	a.engine.GET("/open", func(c *gin.Context) {
		if ginauth.GetSession(c) != nil || ginauth.GetToken(c) != nil || ginauth.GetSession(c.Request.Context()) != nil {
			t.Error("a route without a guard sees a session")
		}
		c.Status(http.StatusNoContent)
	})
	cookies := sessionCookie + "=" + sessionFor(t, "ada@example.com", map[string]any{"level": 7})
	for _, path := range []string{"/token", "/open"} {
		if res := a.send(t, http.MethodGet, path, "", "Cookie", cookies); res.StatusCode != http.StatusNoContent {
			t.Errorf("%s answered %d %s", path, res.StatusCode, res.body)
		}
	}
}

func TestLoadSession(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	a := newApp(t, ginauth.Options{Providers: unused(), TrustedOrigins: trustedOrigins, Callbacks: ginauth.Callbacks{
		Session: func(*gin.Context, ginauth.SessionParams) error {
			if failing.Load() {
				return errors.New("the database is down")
			}
			return nil
		},
	}})
	a.engine.Any("/open", a.auth.LoadSession(), func(c *gin.Context) {
		who := "nobody"
		if s := ginauth.GetSession(c); s != nil {
			who = s.User.Email
		}
		if s := ginauth.GetSession(c.Request.Context()); (s == nil) != (who == "nobody") || (ginauth.GetToken(c) == nil) != (s == nil) {
			t.Errorf("the contexts do not agree on %s", who)
		}
		c.String(http.StatusOK, who)
	})
	cookies := []string{"Cookie", sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)}
	with := func(header ...string) []string { return append(header, cookies...) }
	const evil = "https://evil.example"
	for _, row := range []struct {
		name, method string
		header       []string
		want         string
	}{
		{"nobody", "GET", nil, "nobody"},
		{"nobody, a page", "GET", []string{"Accept", "text/html"}, "nobody"},
		{"a bad cookie", "GET", []string{"Cookie", sessionCookie + "=x"}, "nobody"},
		{"a bad bearer token", "GET", []string{"Authorization", "Bearer x"}, "nobody"},
		{"signed in", "GET", cookies, "ada@example.com"},
		{"signed in by bearer token", "GET", []string{"Authorization", "Bearer " + strings.TrimPrefix(cookies[1], sessionCookie+"=")}, "ada@example.com"},
		{"a link from another site", "GET", with("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), "ada@example.com"},
		{"own form", "POST", with("Sec-Fetch-Site", "same-origin", "Origin", a.URL), "ada@example.com"},
		{"a trusted origin's form", "POST", with("Sec-Fetch-Site", "cross-site", "Origin", "https://foo.com"), "ada@example.com"},
		{"another site's form", "POST", with("Sec-Fetch-Site", "cross-site", "Origin", evil), "nobody"},
		{"another site's form, old browser", "POST", with("Origin", evil), "nobody"},
		{"another site's form, sandboxed", "POST", with("Origin", "null"), "nobody"},
		{"a sister's form", "DELETE", with("Sec-Fetch-Site", "same-site", "Origin", "http://sister.127.0.0.1"), "nobody"},
		{"another site's WebSocket", "GET", with("Upgrade", "websocket", "Origin", evil), "nobody"},
		{"own WebSocket", "GET", with("Upgrade", "websocket", "Origin", a.URL), "ada@example.com"},
	} {
		res := a.send(t, row.method, "/open", "", row.header...)
		if res.StatusCode != http.StatusOK || res.body != row.want {
			t.Errorf("%s: %d %s, want %s", row.name, res.StatusCode, res.body, row.want)
		}
		if control := res.Header.Get("Cache-Control"); !strings.Contains(control, "no-store") {
			t.Errorf("%s: Cache-Control: %q", row.name, control)
		}
	}
	failing.Store(true)
	if res := a.send(t, http.MethodGet, "/open", "", cookies...); res.StatusCode != http.StatusInternalServerError || strings.Contains(res.body, "nobody") {
		t.Errorf("a callback that fails: %d %s", res.StatusCode, res.body)
	}
}

// A callback that fails while a session is read leaves the session as it was,
// and what its error says of secrets out of the log.
func TestRequireSession_FailingSessionCallbackSetsNoCookie(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	app := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Session:   ginauth.SessionOptions{UpdateAge: -1},
		Callbacks: ginauth.Callbacks{Session: func(*gin.Context, ginauth.SessionParams) error {
			return errors.New(`Get "https://api.example/?access_token=SECRETSECRET": refused`)
		}},
	})
	b := app.browser(t)
	b.signIn(idp, "local")
	for _, path := range []string{"/me", "/api/auth/session"} {
		res := b.get(path)
		if res.StatusCode != http.StatusInternalServerError || strings.Contains(strings.Join(res.Header["Set-Cookie"], " "), "session-token") {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header["Set-Cookie"])
		}
	}
	if log := app.log.String(); strings.Contains(log, "SECRETSECRET") || !strings.Contains(log, "reading the session failed") {
		t.Error(log)
	}
}

// The sign-in page may be the application's own, which may use the callback URL
// as it is.
func TestRequireSession_CallbackURLNamesNoHost(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody(), Pages: ginauth.Pages{SignIn: "/login"}})
	app.engine.NoRoute(app.auth.RequireSession())
	b := app.browser(t)
	for _, path := range []string{"//evil.example/x", `/%5Cevil.example`, "///evil.example"} {
		req := b.request(http.MethodGet, app.URL+path, nil)
		req.Header.Set("Accept", "text/html")
		to, err := url.Parse(b.do(req).Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if callback := to.Query().Get("callbackUrl"); !strings.HasPrefix(callback, "/") || strings.HasPrefix(callback, "//") || strings.HasPrefix(callback, `/\\`) {
			t.Errorf("%s leads to %q", path, callback)
		}
	}
	// No browser sends such a line; a page may still use what it is told as a link.
	for _, target := range []string{"x:javascript:alert(1)", "http:evil.example"} {
		res := app.raw(t, "GET "+target+" HTTP/1.1\nHost: "+app.Listener.Addr().String()+"\nAccept: text/html\nConnection: close\n\n")
		to, err := url.Parse(res.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if callback := to.Query().Get("callbackUrl"); res.StatusCode != http.StatusFound || !strings.HasPrefix(callback, "/") || strings.HasPrefix(callback, "//") {
			t.Errorf("%s leads to %q", target, callback)
		}
	}
}

// A failure of our own is one, whether or not the browser has left meanwhile: only that
// it left goes unlogged.
func TestRequireSession_FailsAfterBrowserLeft(t *testing.T) {
	t.Parallel()
	var leave atomic.Pointer[context.CancelFunc]
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{Session: func(*gin.Context, ginauth.SessionParams) error {
		if cancel := leave.Load(); cancel != nil {
			(*cancel)()
			return errors.New("the directory is broken")
		}
		return nil
	}}})
	session := a.enterAs(t, "ada")
	ctx, cancel := context.WithCancel(t.Context())
	leave.Store(&cancel)
	req := httptest.NewRequest(http.MethodGet, a.URL+"/me", nil).WithContext(ctx)
	req.Header.Set("Cookie", session)
	w := httptest.NewRecorder()
	a.engine.ServeHTTP(w, req)
	if w.Code != http.StatusInternalServerError || !strings.Contains(a.log.String(), "the directory is broken") {
		t.Errorf("%d, and the log: %s", w.Code, a.log.String())
	}
}
