package tests

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// mailing are options with a provider of mails.
func mailing(p ginauth.Email) ginauth.Options {
	p.Send = func(context.Context, ginauth.Mail) error { return nil }
	return ginauth.Options{BaseURL: "https://app.example.com", Adapter: ginauth.MemoryAdapter(), Providers: []ginauth.Provider{p}}
}

// The last value that an option takes, and the first that it refuses, by the name that
// the error has for it.
func TestRegister_Bounds(t *testing.T) {
	clean(t)
	const https = "https://app.example.com"
	for _, row := range []struct {
		name         string
		taken, fault ginauth.Options
		want         string
	}{
		{"max age", ginauth.Options{Session: ginauth.SessionOptions{MaxAge: time.Second}},
			ginauth.Options{Session: ginauth.SessionOptions{MaxAge: time.Second - 1}}, "Session.MaxAge is 999.999999ms"},
		{"update age", ginauth.Options{Session: ginauth.SessionOptions{MaxAge: time.Hour, UpdateAge: time.Hour - 1}},
			ginauth.Options{Session: ginauth.SessionOptions{MaxAge: time.Hour, UpdateAge: time.Hour + 1}}, "Session.UpdateAge"},
		{"update age, as long", ginauth.Options{}, ginauth.Options{Session: ginauth.SessionOptions{MaxAge: time.Hour, UpdateAge: time.Hour}}, "Session.UpdateAge"},
		{"absolute max age", ginauth.Options{Session: ginauth.SessionOptions{AbsoluteMaxAge: time.Second}},
			ginauth.Options{Session: ginauth.SessionOptions{AbsoluteMaxAge: time.Second - 1}}, "Session.AbsoluteMaxAge is 999.999999ms"},
		{"a rate", ginauth.Options{Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 10, Per: 10 * time.Microsecond}}},
			ginauth.Options{Limits: ginauth.Limits{Guesses: ginauth.Rate{Count: 10, Per: 10*time.Microsecond - 1}}}, "Limits.Guesses is 10 in 9.999µs"},
		{"a rate without end", ginauth.Options{Limits: ginauth.Limits{Mails: ginauth.Rate{Count: -1}}},
			ginauth.Options{Limits: ginauth.Limits{Mails: ginauth.Rate{Per: time.Hour}}}, "Limits.Mails is 0 in 1h0m0s"},
		{"a mail's age", mailing(ginauth.Email{MaxAge: time.Minute}), mailing(ginauth.Email{MaxAge: time.Minute - 1}), "provider email: Email.MaxAge"},
		{"a cookie for nobody", ginauth.Options{BaseURL: https, Cookies: ginauth.CookieOptions{Domain: "example.com"}},
			ginauth.Options{BaseURL: "http://127.0.0.1:8080", Cookies: ginauth.CookieOptions{Domain: "example.com"}},
			"Cookies.Domain is example.com, and browsers take no cookie for it from http://127.0.0.1:8080; write nothing: leave it out"},
		{"a cookie for others", ginauth.Options{BaseURL: https, Cookies: ginauth.CookieOptions{Domain: "app.example.com"}},
			ginauth.Options{BaseURL: https, Cookies: ginauth.CookieOptions{Domain: "example.org"}},
			"Cookies.Domain is example.org, and browsers take no cookie for it from https://app.example.com; write example.com, or leave it out"},
		{"secret", ginauth.Options{Secret: strings.Repeat("s", 32)}, ginauth.Options{Secret: strings.Repeat("s", 31)}, "Secret has 31 bytes"},
		{"format", ginauth.Options{Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}},
			ginauth.Options{Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5 + 1}}, "Session.Format"},
		{"cookie domain", ginauth.Options{Cookies: ginauth.CookieOptions{Domain: ".my-site.example.com"}},
			ginauth.Options{Cookies: ginauth.CookieOptions{Domain: "example..com"}}, "Cookies.Domain"},
		{"cookie prefix", ginauth.Options{Cookies: ginauth.CookieOptions{Prefix: "my_app.v2-x"}},
			ginauth.Options{Cookies: ginauth.CookieOptions{Prefix: "app;x"}}, "Cookies.Prefix"},
		{"SameSite=None", ginauth.Options{BaseURL: https, Cookies: ginauth.CookieOptions{SameSite: http.SameSiteNoneMode}},
			ginauth.Options{Cookies: ginauth.CookieOptions{SameSite: http.SameSiteNoneMode}}, "Cookies.SameSite is None"},
		{"base path", ginauth.Options{BasePath: "/a.b/c_d~e-1/"}, ginauth.Options{BasePath: "/a b"}, "BasePath"},
		{"the base URL's path", ginauth.Options{BaseURL: https + "/a.b/auth/"}, ginauth.Options{BaseURL: https + "/a,b/auth"}, "BaseURL has the path"},
		{"sign-in page", ginauth.Options{Pages: ginauth.Pages{SignIn: "/login"}}, ginauth.Options{Pages: ginauth.Pages{SignIn: "login"}}, "Pages.SignIn"},
		{"sign-out page", ginauth.Options{Pages: ginauth.Pages{SignOut: https + "/bye"}}, ginauth.Options{Pages: ginauth.Pages{SignOut: "bye"}}, "Pages.SignOut"},
		{"error page", ginauth.Options{Pages: ginauth.Pages{Error: "/oops"}}, ginauth.Options{Pages: ginauth.Pages{Error: "ftp://x/y"}}, "Pages.Error"},
		{"mail page", ginauth.Options{Pages: ginauth.Pages{VerifyRequest: "/mail"}}, ginauth.Options{Pages: ginauth.Pages{VerifyRequest: "mail"}}, "Pages.VerifyRequest"},
		{"page for new users", ginauth.Options{Adapter: ginauth.MemoryAdapter(), Pages: ginauth.Pages{NewUser: "/welcome"}},
			ginauth.Options{Adapter: ginauth.MemoryAdapter(), Pages: ginauth.Pages{NewUser: "welcome"}}, "Pages.NewUser is"},
		{"new users without adapter", ginauth.Options{}, ginauth.Options{Pages: ginauth.Pages{NewUser: "/welcome"}}, "Pages.NewUser needs an Adapter"},
	} {
		for fault, opts := range map[string]ginauth.Options{"": row.taken, row.want: row.fault} {
			opts.Providers = append(opts.Providers, somebody()...)
			if opts.Secret == "" {
				opts.Secret = testSecret
			}
			auth, err := ginauth.Register(gin.New(), opts)
			if fault == "" && (err != nil || auth == nil) {
				t.Errorf("%s: %v", row.name, err)
			}
			if fault != "" && (err == nil || !strings.Contains(err.Error(), "ginauth: "+fault)) {
				t.Errorf("%s: %v, want %q", row.name, err, fault)
			}
		}
	}
}

// Where the routes are mounted, by the options and the environment.
func TestRegister_Path(t *testing.T) {
	for _, row := range []struct {
		env             map[string]string
		group           string
		opts            ginauth.Options
		mounted, signIn string
		want            string // in the error
	}{
		{nil, "", ginauth.Options{}, "/api/auth", "http://127.0.0.1/api/auth/signin", ""},
		{nil, "/v1/", ginauth.Options{}, "/v1/api/auth", "http://127.0.0.1/v1/api/auth/signin", ""},
		{nil, "", ginauth.Options{BasePath: "/login/"}, "/login", "http://127.0.0.1/login/signin", ""},
		{nil, "", ginauth.Options{BaseURL: "https://a.example/my/auth"}, "/my/auth", "https://a.example/my/auth/signin", ""},
		{nil, "/v1", ginauth.Options{BaseURL: "https://a.example/v1/auth"}, "/v1/auth", "https://a.example/v1/auth/signin", ""},
		{nil, "/v1", ginauth.Options{BaseURL: "https://a.example/v1x/auth"}, "", "", "not below the router's own, /v1"},
		{nil, "", ginauth.Options{BaseURL: "https://a.example/proxy/auth", BasePath: "/auth"}, "/auth", "https://a.example/proxy/auth/signin", ""},
		{map[string]string{"NEXTAUTH_URL": "a.example"}, "", ginauth.Options{}, "/api/auth", "https://a.example/api/auth/signin", ""},
		{map[string]string{"AUTH_URL": "http://b.example/x"}, "", ginauth.Options{BasePath: "/x"}, "/x", "http://b.example/x/signin", ""},
		{map[string]string{"AUTH_URL": "http://b.example/x"}, "", ginauth.Options{}, "", "", "ginauth: AUTH_URL has the path /x"},
		{map[string]string{"AUTH_URL": "https://b.example", "NEXTAUTH_URL": "https://a.example"}, "", ginauth.Options{}, "/api/auth", "https://a.example/api/auth/signin", ""},
		{map[string]string{"NEXTAUTH_URL": "ftp://a.example"}, "", ginauth.Options{}, "", "", "ginauth: NEXTAUTH_URL: "},
		{map[string]string{"AUTH_TRUST_HOST": "maybe"}, "", ginauth.Options{}, "", "", `AUTH_TRUST_HOST is "maybe"`},
		{map[string]string{"AUTH_TRUST_HOST": "maybe"}, "", ginauth.Options{BaseURL: "https://a.example"}, "/api/auth", "https://a.example/api/auth/signin", ""},
		{map[string]string{"AUTH_TRUST_HOST": "maybe"}, "", ginauth.Options{TrustedHosts: []string{"127.0.0.1"}}, "/api/auth", "http://127.0.0.1/api/auth/signin", ""},
	} {
		clean(t)
		for name, value := range row.env {
			t.Setenv(name, value)
		}
		row.opts.Secret, row.opts.Providers = testSecret, somebody()
		engine := gin.New()
		auth, err := ginauth.Register(engine.Group(row.group), row.opts)
		if row.want != "" {
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%+v: %v, want %q", row.env, err, row.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v %q %q: %v", row.env, row.opts.BaseURL, row.opts.BasePath, err)
			continue
		}
		mounted := false
		for _, r := range engine.Routes() {
			mounted = mounted || strings.HasPrefix(r.Path, row.mounted+"/")
		}
		if !mounted {
			t.Errorf("%v %q %q: not mounted at %s", row.env, row.opts.BaseURL, row.opts.BasePath, row.mounted)
		}
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request, _ = http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
		if got := string(auth.SignInForm(c, "github", "")); !strings.Contains(got, `action="`+row.signIn+`/github"`) {
			t.Errorf("%v %q %q: the form is %s, want %s", row.env, row.opts.BaseURL, row.opts.BasePath, got, row.signIn)
		}
	}
}

// A secret of the environment is as good as one in the options, which come first.
func TestRegister_SecretOfTheEnvironment(t *testing.T) {
	for _, row := range []struct {
		env  map[string]string
		opts string
		want string // what Register says, if anything
	}{
		{map[string]string{"NEXTAUTH_SECRET": testSecret, "AUTH_SECRET": "short"}, "", ""},
		{map[string]string{"AUTH_SECRET": testSecret}, "", ""},
		{map[string]string{"AUTH_SECRET": "short"}, "", "Secret has 5 bytes"},
		{map[string]string{"NEXTAUTH_SECRET": "short"}, testSecret, ""},
	} {
		clean(t)
		for name, value := range row.env {
			t.Setenv(name, value)
		}
		var log logBuffer
		_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: row.opts, Providers: somebody(), Logger: log.logger()})
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%v: %v", row.env, err)
		}
		if strings.Contains(log.String(), "random one") {
			t.Errorf("%v: another secret was made up", row.env)
		}
	}
}

// An IPv4 network written as IPv6 has no address in it, as netip.Prefix.Contains says: the
// fault names what to write instead, and following that works.
func TestRegister_TrustedProxiesWrittenAsIPv6(t *testing.T) {
	clean(t)
	for written, instead := range map[string]string{
		"::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:127.0.0.1/128": "127.0.0.1/32", "10.0.0.0/8": "", "fd00::/8": "",
	} {
		opts := ginauth.Options{
			Secret: testSecret, BaseURL: "http://app.example.com", Providers: []ginauth.Provider{members()},
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix(written)},
		}
		_, err := ginauth.Register(gin.New(), opts)
		if instead == "" {
			if err != nil {
				t.Errorf("%s: %v", written, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "TrustedProxies") || !strings.Contains(err.Error(), "write "+instead) {
			t.Errorf("%s: %v", written, err)
		}
		opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(instead)}
		if _, err := ginauth.Register(gin.New(), opts); err != nil {
			t.Errorf("%s: %v", instead, err)
		}
	}
}
