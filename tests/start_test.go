package tests

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// registered is what the log says when an application starts.
func registered(t *testing.T, router gin.IRouter, opts ginauth.Options) (log string, err error) {
	t.Helper()
	var lines logBuffer
	if opts.Secret == "" {
		opts.Secret = testSecret
	}
	opts.Logger = lines.logger()
	_, err = ginauth.Register(router, opts)
	return lines.String(), err
}

// Each provider has one line, with what its operator must enter at the provider, and in
// debug mode one more says where the site is.
func TestRegister_SaysWhatToEnter(t *testing.T) {
	out := gin.DefaultWriter
	gin.DefaultWriter = io.Discard // where gin lists routes in debug mode
	t.Cleanup(func() { gin.DefaultWriter = out })
	both := ginauth.Goth(github.New("id", "secret", ""), google.New("id", "secret", ""))
	for _, row := range []struct {
		name string
		opts ginauth.Options
		at   string
		also string // a line more
	}{
		{"a base URL", ginauth.Options{BaseURL: "https://app.example.com"}, "[https://app.example.com/api/auth]", ""},
		{"a site below a prefix", ginauth.Options{BaseURL: "https://app.example.com/shop/api/auth", BasePath: "/api/auth"}, "[https://app.example.com/shop/api/auth]",
			"prefix=/shop base_path=/api/auth"},
		{"routes below a path", ginauth.Options{BaseURL: "https://app.example.com/shop/api/auth"}, "[https://app.example.com/shop/api/auth]",
			"path=/shop/api/auth base_path=/api/auth"},
		{"routes at another path", ginauth.Options{BaseURL: "https://app.example.com/id/auth"}, "[https://app.example.com/id/auth]",
			"path=/id/auth base_path=/auth"},
		{"routes at a path that is said twice", ginauth.Options{BaseURL: "https://app.example.com/id/auth", BasePath: "/id/auth"}, "[https://app.example.com/id/auth]", ""},
		{"a prefix that the proxy says", ginauth.Options{BaseURL: "https://app.example.com", Pages: ginauth.Pages{TrustForwardedPrefix: true}, TrustedProxies: loopbackProxies},
			"[https://app.example.com<prefix>/api/auth]", ""},
		{"nothing", ginauth.Options{}, "[http://localhost:<port>/api/auth]", ""},
		{"hosts", ginauth.Options{TrustedHosts: []string{"a.example.com", "*.example.org", "localhost:8080", "b.example.com:8443"}},
			"[https://a.example.com/api/auth https://<host>.example.org/api/auth http://localhost:8080/api/auth https://b.example.com:8443/api/auth]", ""},
	} {
		for _, mode := range []string{gin.DebugMode, gin.TestMode} {
			clean(t)
			row.opts.Providers = append([]ginauth.Provider{members()}, both...)
			gin.SetMode(mode)
			log, err := registered(t, gin.New(), row.opts)
			gin.SetMode(gin.TestMode)
			if err != nil {
				t.Fatalf("%s: %v", row.name, err)
			}
			want := 2
			if row.also != "" {
				want++
			}
			if !strings.Contains(log, row.also) {
				t.Errorf("%s: the log does not say %s:\n%s", row.name, row.also, log)
			}
			if mode == gin.DebugMode {
				want++
				if !strings.Contains(log, `at="`+row.at+`"`) && !strings.Contains(log, "at="+row.at) {
					t.Errorf("%s: the log does not say %s:\n%s", row.name, row.at, log)
				}
			}
			if n := strings.Count(log, "level=INFO"); n != want || strings.Contains(log, "level=WARN") {
				t.Errorf("%s, %s: %d lines:\n%s", row.name, mode, n, log)
			}
			for _, id := range []string{"github", "google"} {
				callback := strings.NewReplacer("/auth]", "/auth/callback/"+id+"]", "/auth ", "/auth/callback/"+id+" ").Replace(row.at)
				if !strings.Contains(log, "provider="+id+" callback_url="+callback) && !strings.Contains(log, "provider="+id+` callback_url="`+callback+`"`) {
					t.Errorf("%s: no callback URL %s of %s:\n%s", row.name, callback, id, log)
				}
			}
		}
	}
}

var loopbackProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// What is likely to be a mistake is a warning that names the option, and with what it
// advises there is none.
func TestRegister_Doubts(t *testing.T) {
	const site = "https://app.example.com"
	mail := ginauth.Email{From: "a@example.com", Send: func(context.Context, ginauth.Mail) error { return nil }}
	typed := func(reset func(context.Context, string) error) ginauth.Credentials {
		return ginauth.Credentials{Reset: reset, Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }}
	}
	reset := func(context.Context, string) error { return nil }
	for _, row := range []struct {
		name         string
		release      bool
		doubted, fix ginauth.Options
		says         []string
	}{
		{"http in release mode", true, ginauth.Options{BaseURL: "http://app.example.com", Providers: somebody()}, ginauth.Options{BaseURL: site, Providers: somebody()},
			[]string{"write an https URL in BaseURL or NEXTAUTH_URL", "base_url=http://app.example.com"}},
		{"no client id", false, ginauth.Options{Providers: ginauth.Goth(github.New("", "secret", ""))}, ginauth.Options{Providers: somebody()},
			[]string{"client id is empty", "provider=github"}},
		{"no client secret", false, ginauth.Options{Providers: ginauth.Goth(google.New("id", "", ""))}, ginauth.Options{Providers: ginauth.Goth(google.New("id", "secret", ""))},
			[]string{"client secret is empty", "was its variable set?", "provider=google"}},
		{"a callback URL of its own", false,
			ginauth.Options{BaseURL: site, Providers: ginauth.Goth(github.New("id", "secret", "http://user:hidden@localhost:3000/auth/github/callback?token=hidden"))},
			ginauth.Options{BaseURL: site, Providers: ginauth.Goth(github.New("id", "secret", ""))},
			[]string{"a callback URL of its own, which is not used", `pass \"\"`, "written=http://localhost:3000/auth/github/callback", "used=[https://app.example.com/api/auth/callback/github]"}},
		{"the same without base URL", false,
			ginauth.Options{Providers: ginauth.Goth(github.New("id", "secret", "http://localhost:3000/auth/github/callback"))},
			ginauth.Options{Providers: ginauth.Goth(github.New("id", "secret", "http://localhost:3000/api/auth/callback/github"))},
			[]string{"which is not used"}},
		{"everybody is a proxy", false, ginauth.Options{BaseURL: site, Providers: somebody(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
			ginauth.Options{BaseURL: site, Providers: somebody(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), ginauth.UnixSocket()}},
			[]string{"TrustedProxies holds clients too", "10.0.0.5/32", "network=0.0.0.0/0"}},
		{"half of everybody", false, ginauth.Options{BaseURL: site, Providers: somebody(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("2000::/3")}},
			ginauth.Options{BaseURL: site, Providers: somebody(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fc00::/7")}},
			[]string{"network=2000::/3"}},
		{"a password that nobody can take away", false,
			ginauth.Options{BaseURL: site, Providers: []ginauth.Provider{typed(nil), mail}, Adapter: newMemory()},
			ginauth.Options{BaseURL: site, Providers: []ginauth.Provider{typed(reset), mail}, Adapter: newMemory(), Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}},
			[]string{"set Credentials.Reset", "provider=credentials"}},
		{"a password without sessions that end", false,
			ginauth.Options{BaseURL: site, Providers: []ginauth.Provider{&mail, typed(reset)}, Adapter: newMemory()},
			ginauth.Options{BaseURL: site, Providers: []ginauth.Provider{typed(reset), mail}, Adapter: newMemory(), Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}},
			[]string{"Credentials.Reset is never called", "set Session.Revocations"}},
	} {
		clean(t)
		for _, fixed := range []bool{false, true} {
			opts := row.doubted
			if fixed {
				opts = row.fix
			}
			if row.release {
				gin.SetMode(gin.ReleaseMode)
			}
			log, err := registered(t, gin.New(), opts)
			gin.SetMode(gin.TestMode)
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			if fixed && strings.Contains(log, "level=WARN") {
				t.Errorf("%s: its fix is warned of too:\n%s", row.name, log)
			}
			for _, words := range row.says {
				if !fixed && (strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, words)) {
					t.Errorf("%s: no %q in\n%s", row.name, words, log)
				}
			}
			if strings.Contains(log, "hidden") {
				t.Errorf("%s: the log has a secret:\n%s", row.name, log)
			}
		}
	}
	// A site in release mode on this machine has no network in between.
	release(t)
	if log, err := registered(t, gin.New(), ginauth.Options{BaseURL: "http://localhost:8080", Providers: somebody()}); err != nil || strings.Contains(log, "level=WARN") {
		t.Errorf("%v\n%s", err, log)
	}
}

// The fault of a second Register says what it needs, and with that both work.
func TestRegister_Twice(t *testing.T) {
	clean(t)
	opts := ginauth.Options{Providers: []ginauth.Provider{members()}}
	for name, router := range map[string]func(*gin.Engine) gin.IRouter{
		"engine": func(e *gin.Engine) gin.IRouter { return e },
		"group":  func(e *gin.Engine) gin.IRouter { return e.Group("/v1") },
	} {
		engine := gin.New()
		if _, err := registered(t, router(engine), opts); err != nil {
			t.Fatal(err)
		}
		_, err := registered(t, router(engine), opts)
		if err == nil || !strings.Contains(err.Error(), "Register was called twice on this router") || !strings.Contains(err.Error(), "BasePath and a Cookies.Prefix of its own, for instance /admin/auth and admin") {
			t.Errorf("%s: %v", name, err)
		}
		second := opts
		second.BasePath, second.Cookies.Prefix = "/admin/auth", "admin"
		if _, err := registered(t, router(engine), second); err != nil {
			t.Errorf("%s: its advice: %v", name, err)
		}
	}
	// Another route in the way is another fault.
	engine := gin.New()
	engine.GET("/api/auth/mine", func(*gin.Context) {})
	if _, err := registered(t, engine, opts); err == nil || strings.Contains(err.Error(), "twice") || !strings.Contains(err.Error(), "write another path in BasePath") {
		t.Errorf("%v", err)
	}
	opts.BasePath = "/login"
	if _, err := registered(t, engine, opts); err != nil {
		t.Errorf("its advice: %v", err)
	}
}

// The option that believes a header, where it has no effect.
func TestRegister_TrustForwardedPrefix(t *testing.T) {
	clean(t)
	for _, row := range []struct {
		opts ginauth.Options
		says string
	}{
		{ginauth.Options{BaseURL: "https://h.example", Pages: ginauth.Pages{TrustForwardedPrefix: true}}, "TrustForwardedPrefix needs TrustedProxies"},
		{ginauth.Options{BaseURL: "https://h.example/shop/api/auth", BasePath: "/api/auth", Pages: ginauth.Pages{TrustForwardedPrefix: true}, TrustedProxies: loopbackProxies}, "BaseURL has the path /shop/api/auth"},
		{ginauth.Options{BaseURL: "https://h.example", Pages: ginauth.Pages{TrustForwardedPrefix: true}, TrustedProxies: loopbackProxies}, ""},
		{ginauth.Options{BaseURL: "https://h.example/shop/api/auth", BasePath: "/api/auth", TrustedProxies: loopbackProxies}, ""},
	} {
		row.opts.Providers = somebody()
		_, err := registered(t, gin.New(), row.opts)
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%+v: %v", row.opts, err)
		}
	}
}

// A provider whose document has no end_session_endpoint signs nobody out: the first
// sign-in says so, once.
func TestSignOutAtProvider_WithoutEndpoint(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		idp := newIDP(t, ginauthtest.Config{})
		if !ends {
			idp.TamperDiscovery(func(doc map[string]any) { delete(doc, "end_session_endpoint") })
		}
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{SignOutAtProvider: true, Provider: oidc.New(oidc.Config{
			Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
		})}}})
		for range 2 {
			a.browser(t).signIn(idp, "local")
		}
		want := 1
		if ends {
			want = 0
		}
		if log := a.log.String(); strings.Count(log, "SignOutAtProvider is set, and the provider signs nobody out; leave it out") != want {
			t.Errorf("ends sessions: %v, and the log says\n%s", ends, log)
		}
	}
}

// A session that proxies take by default makes no line; of a longer one the log names the
// claim that makes it long, once; one that hardly any server takes is refused. What
// nginx makes of each, TestProxy_LongSessions shows.
func TestSession_TooLong(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		claim   int // bytes
		warns   bool
		refuses bool
	}{{1000, false, false}, {4500, false, false}, {5300, true, false}, {11_000, true, false}, {13_000, false, true}} {
		t.Run(fmt.Sprint(row.claim), func(t *testing.T) {
			t.Parallel()
			a := membersApp(t, ginauth.Options{
				Session: ginauth.SessionOptions{UpdateAge: -1},
				Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
					p.Token.Claims["permissions"] = strings.Repeat("p", row.claim)
					return nil
				}},
			})
			b := a.browser(t)
			res := b.post("/api/auth/callback/credentials", map[string][]string{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}})
			if res.signedIn() == row.refuses {
				t.Errorf("answered %d %s", res.StatusCode, res.Header.Get("Location"))
			}
			if !row.refuses {
				if res := b.get("/me"); res.StatusCode != http.StatusOK { // sealed again
					t.Errorf("/me: %d", res.StatusCode)
				}
			}
			log := a.log.String()
			warned := strings.Count(log, "a proxy may refuse each request with it")
			if warned > 0 != row.warns || warned > 1 {
				t.Errorf("warned %d times:\n%s", warned, log)
			}
			told := row.claim >= 3000
			named := strings.Contains(log, "permissions") && strings.Contains(log, "Callbacks.JWT") && strings.Contains(log, sessionCookie)
			if told != named || strings.Contains(log, "pppp") {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// A session that grows too long later is not sealed so: the request is a fault of the
// callback's, which the log names, and the session stays what it was.
func TestSession_GrowsTooLong(t *testing.T) {
	t.Parallel()
	var grown atomic.Bool
	a := membersApp(t, ginauth.Options{
		Session: ginauth.SessionOptions{UpdateAge: -1},
		Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if grown.Load() {
				p.Token.Claims["permissions"] = strings.Repeat("p", 13_000)
			}
			return nil
		}},
	})
	b := a.browser(t)
	b.signInAs("ada")
	grown.Store(true)
	if res := b.get("/me"); res.StatusCode != http.StatusInternalServerError || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("/me: %d, %d cookies", res.StatusCode, len(res.Header["Set-Cookie"]))
	}
	if log := a.log.String(); !strings.Contains(log, "the largest claim is permissions, look at Callbacks.JWT") {
		t.Errorf("the log says\n%s", log)
	}
	grown.Store(false)
	if res := b.get("/me"); res.StatusCode != http.StatusOK {
		t.Errorf("afterwards /me is %d", res.StatusCode)
	}
}
