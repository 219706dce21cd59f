package tests

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/oidc"
)

// signIn signs the person in with that subject, and returns the session's token.
func (d device) signIn(idp *ginauthtest.Provider, subject string) string {
	d.t.Helper()
	token, _ := tokensFor(d.t, idp, subject, d.nonce("idp"), nil)
	res := d.hand("idp", map[string]any{"id_token": token})
	if !d.isIn(res) {
		d.t.Fatalf("answered %d %s\n%s", res.StatusCode, res.body, d.app.log)
	}
	return d.token(res)
}

func bearing(token string) []string { return []string{"Authorization", "Bearer " + token} }

// A native application's session: it is renewed by its token until AbsoluteMaxAge, by
// that changes nothing in it, and ends by its token, a revocation or a callback.
func TestNative_Session(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func(t *testing.T) ginauth.SessionStore{"sealed": nil, "stored": listStore} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256", Now: clock.now})
			var updates atomic.Int64
			opts := ginauth.Options{Now: clock.now, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}
			if store != nil {
				opts.Session.Store, opts.Session.Revocations = store(t), nil
			}
			opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.Trigger == ginauth.TriggerUpdate || p.Update != nil {
					updates.Add(1)
				}
				return nil
			}
			app := newApp(t, handing(opts, idp))
			d := device{t, app}
			token := d.signIn(idp, "ada")
			renew := func(token string) answer {
				t.Helper()
				res := d.post("/api/auth/session", map[string]any{"data": map[string]any{"role": "admin"}}, bearing(token)...)
				if len(res.Cookies()) != 0 || res.Header.Get("Cache-Control") != "private, no-cache, no-store" {
					t.Errorf("%v %v", res.Cookies(), res.Header)
				}
				return res
			}
			if res := renew(token); d.token(res) != token { // it is not due
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
			var at struct{ Expires time.Time }
			for day := range 89 {
				clock.seconds.Add(24 * 60 * 60)
				res := renew(token)
				next := d.token(res)
				if next == "" || store == nil && next == token {
					t.Fatalf("day %d: answered %d %s\n%s", day+1, res.StatusCode, res.body, app.log)
				}
				token = next
				if got := app.who(t, "", bearing(token)...); got != "ada@example.com" {
					t.Fatalf("day %d: the bearer is %q", day+1, got)
				}
				decode(t, res.body, &at)
				if left := at.Expires.Sub(clock.now()); left > 30*24*time.Hour || left > time.Duration(89-day)*24*time.Hour {
					t.Errorf("day %d: it goes on for %v", day+1, left)
				}
			}
			clock.seconds.Add(24*60*60 + 20)
			if res := renew(token); res.StatusCode != http.StatusUnauthorized || d.token(res) != "" {
				t.Errorf("after AbsoluteMaxAge: %d %s", res.StatusCode, res.body)
			}
			if updates.Load() != 0 {
				t.Errorf("%d updates", updates.Load())
			}
			gone := func(why, token string) {
				t.Helper()
				for _, res := range []answer{renew(token), app.send(t, http.MethodGet, "/me", "", bearing(token)...)} {
					if res.StatusCode != http.StatusUnauthorized || strings.Contains(res.body, "sessionToken") {
						t.Errorf("%s: answered %d %s", why, res.StatusCode, res.body)
					}
				}
			}
			token = d.signIn(idp, "ada")
			for range 2 { // again is no error
				res := d.post("/api/auth/signout", nil, bearing(token)...)
				if res.StatusCode != http.StatusOK || res.body != "{}" || len(res.Cookies()) != 0 {
					t.Errorf("signout answered %d %s", res.StatusCode, res.body)
				}
				gone("signed out", token)
			}
			token = d.signIn(idp, "grace")
			if err := app.auth.RevokeUser(t.Context(), "grace"); err != nil {
				t.Fatal(err)
			}
			gone("revoked", token)
			gone("garbage", "eyJhbGciOiJub25lIn0.e30.")
		})
	}
}

// listStore is a store that finds a user's sessions.
func listStore(t *testing.T) ginauth.SessionStore { return filedUsers(t).Sessions() }

// filedUsers are an adapter on a database of their own in a file.
func filedUsers(t *testing.T) *gormadapter.Adapter {
	return gormUsers(t, sqlite.Open(t.TempDir()+"/auth.db?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)"))
}

// Callbacks.JWT ends a native session as it does a browser's.
func TestNative_EndedByCallback(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	var over atomic.Bool
	opts := ginauth.Options{}
	opts.Callbacks.JWT = func(*gin.Context, ginauth.JWTParams) error {
		if over.Load() {
			return ginauth.ErrSignedOut
		}
		return nil
	}
	app := newApp(t, handing(opts, idp))
	d := device{t, app}
	token := d.signIn(idp, "ada")
	over.Store(true)
	if res := d.post("/api/auth/session", nil, bearing(token)...); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	over.Store(false)
	if got := app.who(t, "", bearing(token)...); got != "" {
		t.Errorf("the bearer is %q", got)
	}
}

// A browser never gets a session's token in a body, and a bearer token changes nothing
// where there is a cookie, an origin or no IDTokens.
func TestAttack07_NativeRoutes(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	app := newApp(t, handing(ginauth.Options{}, idp))
	plain := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "idp")}}})
	d := device{t, app}
	token := d.signIn(idp, "ada")
	for _, header := range [][]string{
		{"Origin", app.URL}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Mode", "cors"}, {"Cookie", "a=b"}, {"Cookie", sessionCookie + "=" + token},
	} {
		for _, path := range []string{"/api/auth/session", "/api/auth/signout"} {
			res := d.post(path, struct{}{}, append(header, bearing(token)...)...)
			if strings.Contains(res.body, "sessionToken") || path == "/api/auth/session" && res.StatusCode != http.StatusBadRequest {
				t.Errorf("%v %s: answered %d %s", header, path, res.StatusCode, res.body)
			}
		}
	}
	if got := app.who(t, "", bearing(token)...); got != "ada@example.com" {
		t.Errorf("the bearer is %q", got)
	}
	for _, path := range []string{"/api/auth/session", "/api/auth/nonce/idp", "/api/auth/nonce/nobody", "/api/auth/nonce"} {
		if res := (device{t, plain}).post(path, struct{}{}, bearing(token)...); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: answered %d %s", path, res.StatusCode, res.body)
		}
	}
	for _, path := range []string{"closed", "nobody", ""} {
		if res := d.post("/api/auth/nonce/"+path, struct{}{}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: answered %d %s", path, res.StatusCode, res.body)
		}
	}
	idToken, _ := tokensFor(t, idp, "ada", d.nonce("idp"), nil)
	if res := d.post("/api/auth/callback/closed", map[string]any{"id_token": idToken}); strings.Contains(res.body, "sessionToken") || res.signedIn() {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// What an application's callbacks and limits refuse reaches a native application as JSON.
func TestNative_Refusals(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	opts := ginauth.Options{}
	opts.Callbacks.SignIn = func(_ *gin.Context, p ginauth.SignInParams) error {
		switch p.User.ID {
		case "eve":
			return ginauth.ErrAccessDenied
		case "nemo":
			return ginauth.PublicError("Ask for an invitation.")
		case "grace":
			return ginauth.RedirectTo("/terms")
		}
		return nil
	}
	app := newApp(t, handing(opts, idp))
	d := device{t, app}
	for subject, want := range map[string]struct {
		status int
		body   map[string]string
	}{
		"eve":   {http.StatusForbidden, map[string]string{"error": "AccessDenied"}},
		"nemo":  {http.StatusUnauthorized, map[string]string{"error": "Ask for an invitation."}},
		"grace": {http.StatusForbidden, map[string]string{"error": "AccessDenied", "url": "/terms"}},
	} {
		token, _ := tokensFor(t, idp, subject, d.nonce("idp"), nil)
		res := d.hand("idp", map[string]any{"id_token": token})
		raw, err := json.Marshal(want.body)
		if err != nil || res.StatusCode != want.status || res.body != string(raw) {
			t.Errorf("%s: answered %d %s, want %d %s", subject, res.StatusCode, res.body, want.status, raw)
		}
	}
	limited := handing(ginauth.Options{}, idp)
	limited.Limits.Starts = ginauth.Rate{Count: 2, Per: time.Hour}
	limited.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	app = newApp(t, limited)
	d = device{t, app}
	for n := range 4 {
		res := d.post("/api/auth/nonce/idp", struct{}{}, "X-Forwarded-For", "203.0.113.7")
		if ok := res.StatusCode == http.StatusOK; ok != (n < 2) || !ok && (res.StatusCode != http.StatusTooManyRequests || res.body != `{"error":"RateLimited"}` || res.Header.Get("Retry-After") == "") {
			t.Errorf("%d: answered %d %s", n, res.StatusCode, res.body)
		}
	}
}

// What New asks for beside IDTokens, each with what to write.
func TestIDTokens_Configuration(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{Algorithm: "ES256"})
	for _, row := range []struct {
		name   string
		change func(o *ginauth.Options)
		want   string // empty: it is taken
	}{
		{"complete", func(*ginauth.Options) {}, ""},
		{"an adapter in place of the limiter", func(o *ginauth.Options) { o.Limits.Limiter, o.Adapter = nil, ginauth.MemoryAdapter() }, ""},
		{"a store in place of revocations", func(o *ginauth.Options) {
			o.Session.Revocations, o.Session.Store = nil, listStore(t)
		}, ""},
		{"nothing that counts nonces", func(o *ginauth.Options) { o.Limits.Limiter = nil }, "provider idp: IDTokens needs a place"},
		{"nothing that ends sessions", func(o *ginauth.Options) { o.Session.Revocations = nil }, "provider idp: IDTokens begins sessions of native applications, which nothing could end"},
		{"sessions without end", func(o *ginauth.Options) { o.Session.AbsoluteMaxAge = 0 }, "set Session.AbsoluteMaxAge"},
		{"a provider of goth's", func(o *ginauth.Options) {
			o.Providers = []ginauth.Provider{ginauth.OAuth{Provider: viaGitHub.provider(t, idp).Provider, IDTokens: &ginauth.IDTokens{}}}
		}, "is no ginauth.IDTokenVerifier"},
		{"an empty audience", func(o *ginauth.Options) {
			o.Providers = []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "idp"), IDTokens: &ginauth.IDTokens{Audiences: []string{""}}}}
		}, `IDTokens.Audiences has ""`},
		{"white space in a presenter", func(o *ginauth.Options) {
			o.Providers = []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "idp"), IDTokens: &ginauth.IDTokens{Presenters: []string{"a "}}}}
		}, `IDTokens.Presenters has "a "`},
	} {
		opts := handing(ginauth.Options{Secret: testSecret}, idp)
		row.change(&opts)
		_, err := ginauth.Register(gin.New(), opts)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
}

// max_age holds for tokens that are handed over too, wherever it was set.
func TestIDTokens_MaxAge(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	for name, with := range map[string]func(o *ginauth.OAuth){
		"OAuth.AuthParams": func(o *ginauth.OAuth) { o.AuthParams = map[string][]string{"max_age": {"60"}} },
		"oidc.Config.AuthParams": func(o *ginauth.OAuth) {
			o.Provider = local(idp, "idp").With(func(c *oidc.Config) { c.AuthParams = map[string][]string{"max_age": {"60"}} })
		},
	} {
		opts := handing(ginauth.Options{}, idp)
		p := ginauth.OAuth{Provider: local(idp, "idp"), IDTokens: &ginauth.IDTokens{}}
		with(&p)
		opts.Providers = []ginauth.Provider{p}
		d := device{t, newApp(t, opts)}
		for at, ok := range map[any]bool{time.Now().Unix(): true, time.Now().Add(-time.Hour).Unix(): false, nil: false, "now": false} {
			token, _ := tokensFor(t, idp, "ada", d.nonce("idp"), func(claims map[string]any) { claims["auth_time"] = at })
			if res := d.hand("idp", map[string]any{"id_token": token}); d.isIn(res) != ok {
				t.Errorf("%s, auth_time %v: answered %d %s\n%s", name, at, res.StatusCode, res.body, d.app.log)
			}
		}
	}
}
