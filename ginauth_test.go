package ginauth_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/steam"
	"github.com/markbates/goth/providers/twitter"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

const testSecret = "0123456789abcdef0123456789abcdef"

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// A site is a Gin application with the auth routes and a browser that visits it.
type site struct {
	*httptest.Server
	browser *http.Client
}

// newSite registers ginauth on an engine that listens on a loopback address.
func newSite(t *testing.T, opts ginauth.Options) *site {
	t.Helper()
	r := gin.New()
	opts.Secret, opts.Logger = testSecret, slog.New(slog.DiscardHandler)
	if _, err := ginauth.Register(r, opts); err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{httptest.NewServer(r), &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(s.Close)
	return s
}

// send makes the browser send a request, and reads the response.
func (s *site) send(t *testing.T, method, target, contentType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := s.browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(answer)
}

// csrf is the token that this browser's forms carry.
func (s *site) csrf(t *testing.T) string {
	t.Helper()
	_, body := s.send(t, http.MethodGet, s.URL+"/api/auth/csrf", "", "")
	var out struct{ CSRFToken string }
	decode(t, body, &out)
	return out.CSRFToken
}

func decode(t *testing.T, body string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
}

// somebody is a provider for tests in which nobody signs in.
func somebody() []ginauth.Provider { return ginauth.Goth(github.New("id", "secret", "")) }

// clean takes away the environment of the person who runs the tests.
func clean(t *testing.T) {
	t.Helper()
	for _, name := range []string{"NEXTAUTH_SECRET", "AUTH_SECRET", "NEXTAUTH_URL", "AUTH_URL", "AUTH_TRUST_HOST"} {
		t.Setenv(name, "")
	}
}

// release runs a test in gin's release mode, which is the whole process's.
func release(t *testing.T) {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	t.Cleanup(func() { gin.SetMode(gin.TestMode) })
}

func TestRegister_Faults(t *testing.T) {
	clean(t)
	tests := []struct {
		name string
		opts ginauth.Options
		want []string // each in the error
	}{
		{"no provider", ginauth.Options{}, []string{"Providers is empty", "github.New", "New"}},
		{"nil provider", ginauth.Options{Providers: []ginauth.Provider{nil}}, []string{"Providers[0] is nil"}},
		{"nil goth provider", ginauth.Options{Providers: ginauth.Goth(nil)}, []string{"OAuth.Provider is nil", "github.New"}},
		{"typed nil goth provider", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: (*github.Provider)(nil)}}}, []string{"OAuth.Provider is nil"}},
		{"two with one id", ginauth.Options{Providers: append(somebody(), somebody()...)}, []string{`two providers have the id "github"`, "ID"}},
		{"id that is no path segment", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{ID: "a/b", Provider: github.New("id", "s", "")}}}, []string{`"a/b"`, "ID"}},
		{"short secret", ginauth.Options{Providers: somebody(), Secret: "short"}, []string{"Secret has 5 bytes", "32", "openssl rand"}},
		{"empty previous secret", ginauth.Options{Providers: somebody(), PreviousSecrets: []string{""}}, []string{"PreviousSecrets"}},
		{"base URL without scheme", ginauth.Options{Providers: somebody(), BaseURL: "app.example.com"}, []string{"BaseURL", "https://app.example.com"}},
		{"base URL of another scheme", ginauth.Options{Providers: somebody(), BaseURL: "ftp://app.example.com"}, []string{"BaseURL", "http"}},
		{"base URL with a query", ginauth.Options{Providers: somebody(), BaseURL: "https://app.example.com/?x=1"}, []string{"BaseURL", "query"}},
		{"base path", ginauth.Options{Providers: somebody(), BasePath: "auth/:x"}, []string{"BasePath", "/api/auth"}},
		{"trusted host", ginauth.Options{Providers: somebody(), TrustedHosts: []string{"https://app.example.com/"}}, []string{"TrustedHosts", "app.example.com"}},
		{"trusted origin", ginauth.Options{Providers: somebody(), TrustedOrigins: []string{"admin.example.com"}}, []string{"TrustedOrigins", "https://admin.example.com"}},
		{"allowed redirect", ginauth.Options{Providers: somebody(), AllowedRedirects: []string{"https://www.example.com/path"}}, []string{"AllowedRedirects", "path"}},
		{"wildcard origin", ginauth.Options{Providers: somebody(), TrustedOrigins: []string{"https://*.example.com"}}, []string{"TrustedOrigins", "*"}},
		{"max age", ginauth.Options{Providers: somebody(), Session: ginauth.SessionOptions{MaxAge: -1}}, []string{"Session.MaxAge"}},
		{"update age", ginauth.Options{Providers: somebody(), Session: ginauth.SessionOptions{MaxAge: time.Hour, UpdateAge: time.Hour}}, []string{"Session.UpdateAge is 1h0m0s", "MaxAge, 1h0m0s", "30m0s"}},
		{"update age beyond the default", ginauth.Options{Providers: somebody(), Session: ginauth.SessionOptions{UpdateAge: 31 * 24 * time.Hour}}, []string{"Session.UpdateAge", "MaxAge, 720h0m0s"}},
		{"cookie prefix", ginauth.Options{Providers: somebody(), Cookies: ginauth.CookieOptions{Prefix: "a b"}}, []string{"Cookies.Prefix"}},
		{"cookie domain", ginauth.Options{Providers: somebody(), Cookies: ginauth.CookieOptions{Domain: "a; b"}}, []string{"Cookies.Domain"}},
		{"SameSite=None on http", ginauth.Options{Providers: somebody(), BaseURL: "http://a.example", Cookies: ginauth.CookieOptions{SameSite: http.SameSiteNoneMode}}, []string{"SameSite", "https"}},
		{"brand color", ginauth.Options{Providers: somebody(), Theme: ginauth.Theme{BrandColor: "red;}"}}, []string{"Theme", "BrandColor"}},
		{"logo of a provider", ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: github.New("id", "secret", ""), Logo: "logo.svg"}}}, []string{"provider github: the Logo", "logo.svg", "/logo.svg"}},
		{"page", ginauth.Options{Providers: somebody(), Pages: ginauth.Pages{SignIn: "javascript:x"}}, []string{"Pages.SignIn", "/login"}},
		{"OAuth 1 provider", ginauth.Options{Providers: ginauth.Goth(twitter.New("k", "s", ""))}, []string{"provider twitter", "OAuth 1.0a"}},
		{"steam", ginauth.Options{Providers: ginauth.Goth(steam.New("k", ""))}, []string{"provider steam", "assertion"}},
	}
	for _, parameter := range []string{"client_id", "redirect_uri", "response_type", "state", "nonce", "code_challenge", "code_challenge_method", "State"} {
		tests = append(tests, struct {
			name string
			opts ginauth.Options
			want []string
		}{"AuthParams " + parameter, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{
			Provider: github.New("id", "secret", ""), AuthParams: url.Values{parameter: {"x"}, "prompt": {"consent"}},
		}}}, []string{"provider github", "AuthParams sets " + parameter}})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.opts.Secret == "" {
				tt.opts.Secret = testSecret
			}
			auth, err := ginauth.Register(gin.New(), tt.opts)
			if err == nil || auth != nil {
				t.Fatalf("got %v, %v", auth, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestRegister_NamesEveryFault(t *testing.T) {
	clean(t)
	_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: "short", BaseURL: "x", TrustedOrigins: []string{"y"}, Theme: ginauth.Theme{Logo: "javascript:z"}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, option := range []string{"Secret", "BaseURL", "TrustedOrigins", "Theme", "Providers"} {
		if !strings.Contains(err.Error(), "ginauth: "+option) {
			t.Errorf("%q says nothing of %s", err, option)
		}
	}
}

func TestRegister_ReleaseModeNeedsSecretAndBaseURL(t *testing.T) {
	clean(t)
	release(t)
	for name, make := range map[string]func(ginauth.Options) (*ginauth.Auth, error){
		"New":      ginauth.New,
		"Register": func(o ginauth.Options) (*ginauth.Auth, error) { return ginauth.Register(gin.New(), o) },
	} {
		_, err := make(ginauth.Options{Providers: somebody()})
		if err == nil || !strings.Contains(err.Error(), "NEXTAUTH_SECRET") || !strings.Contains(err.Error(), "NEXTAUTH_URL") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := make(ginauth.Options{Providers: somebody(), Secret: testSecret, BaseURL: "https://app.example.com"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := make(ginauth.Options{Providers: somebody(), Secret: testSecret, TrustedHosts: []string{"*.example.com"}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegister_Environment(t *testing.T) {
	clean(t)
	signIn := func(t *testing.T, opts ginauth.Options) string {
		t.Helper()
		opts.Providers = somebody()
		r := gin.New()
		if _, err := ginauth.Register(r, opts); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://ignored.example/api/auth/providers", nil))
		var out map[string]struct{ SigninURL string }
		decode(t, w.Body.String(), &out)
		return out["github"].SigninURL
	}
	t.Setenv("AUTH_SECRET", testSecret)
	t.Setenv("AUTH_URL", "https://second.example")
	if got := signIn(t, ginauth.Options{}); got != "https://second.example/api/auth/signin/github" {
		t.Errorf("AUTH_URL: %s", got)
	}
	t.Setenv("NEXTAUTH_URL", "first.example")
	if got := signIn(t, ginauth.Options{}); got != "https://first.example/api/auth/signin/github" {
		t.Errorf("NEXTAUTH_URL: %s", got)
	}
	if got := signIn(t, ginauth.Options{BaseURL: "http://option.example:8080"}); got != "http://option.example:8080/api/auth/signin/github" {
		t.Errorf("BaseURL: %s", got)
	}
	t.Setenv("NEXTAUTH_SECRET", "too short")
	if _, err := ginauth.New(ginauth.Options{}); err == nil || !strings.Contains(err.Error(), "9 bytes") {
		t.Errorf("NEXTAUTH_SECRET does not come first: %v", err)
	}
	t.Setenv("NEXTAUTH_SECRET", "")
	t.Setenv("NEXTAUTH_URL", "")
	t.Setenv("AUTH_URL", "")
	t.Setenv("AUTH_TRUST_HOST", "true")
	if got := signIn(t, ginauth.Options{}); got != "http://ignored.example/api/auth/signin/github" {
		t.Errorf("AUTH_TRUST_HOST: %s", got)
	}
	t.Setenv("AUTH_TRUST_HOST", "perhaps")
	if _, err := ginauth.New(ginauth.Options{}); err == nil || !strings.Contains(err.Error(), "AUTH_TRUST_HOST") {
		t.Errorf("AUTH_TRUST_HOST=perhaps: %v", err)
	}
}

func TestRegister_RandomSecretIsAWarning(t *testing.T) {
	clean(t)
	var log strings.Builder
	if _, err := ginauth.Register(gin.New(), ginauth.Options{Providers: somebody(), Logger: slog.New(slog.NewTextHandler(&log, nil))}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "NEXTAUTH_SECRET") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestRegister_RouteConflict(t *testing.T) {
	clean(t)
	r := gin.New()
	r.GET("/api/auth/mine", func(*gin.Context) {})
	_, err := ginauth.Register(r, ginauth.Options{Secret: testSecret, Providers: somebody()})
	if err == nil || !strings.Contains(err.Error(), "/api/auth") || !strings.Contains(err.Error(), "BasePath") {
		t.Fatalf("got %v", err)
	}
}

// Where the routes are, for a router and a base URL, and what they are called to
// the outside.
func TestRegister_Paths(t *testing.T) {
	clean(t)
	tests := []struct {
		name, group, baseURL, basePath string
		mounted, public                string
	}{
		{"defaults", "", "", "", "/api/auth", "http://localhost/api/auth"},
		{"base URL without path", "", "https://app.example.com", "", "/api/auth", "https://app.example.com/api/auth"},
		{"path in the base URL", "", "https://app.example.com/custom/auth/", "", "/custom/auth", "https://app.example.com/custom/auth"},
		{"base path", "", "", "/login", "/login", "http://localhost/login"},
		{"on a group", "/v1", "", "", "/v1/api/auth", "http://localhost/v1/api/auth"},
		{"on a group, path in the base URL", "/v1", "https://app.example.com/v1/auth", "", "/v1/auth", "https://app.example.com/v1/auth"},
		{"behind a proxy that cuts a prefix", "", "https://app.example.com/shop/auth", "/auth", "/auth", "https://app.example.com/shop/auth"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := gin.New()
			var router gin.IRouter = r
			if tt.group != "" {
				router = r.Group(tt.group)
			}
			_, err := ginauth.Register(router, ginauth.Options{Secret: testSecret, Providers: somebody(), BaseURL: tt.baseURL, BasePath: tt.basePath})
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost"+tt.mounted+"/providers", nil))
			if w.Code != http.StatusOK {
				t.Fatalf("%s answers %d", tt.mounted, w.Code)
			}
			var out map[string]struct{ SigninURL, CallbackURL string }
			decode(t, w.Body.String(), &out)
			if got := out["github"].CallbackURL; got != tt.public+"/callback/github" {
				t.Errorf("callback URL %s, want it below %s", got, tt.public)
			}
		})
	}
	_, err := ginauth.Register(gin.New().Group("/v1"), ginauth.Options{Secret: testSecret, Providers: somebody(), BaseURL: "https://app.example.com/auth"})
	if err == nil || !strings.Contains(err.Error(), "BasePath") {
		t.Errorf("a path that is not below the group: %v", err)
	}
}

func TestRoutes_UnsupportedIs400(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginauth.Options{Providers: somebody()})
	for _, target := range []string{
		"PUT /api/auth/session", "DELETE /api/auth/csrf", "HEAD /api/auth/nothing", "OPTIONS /api/auth/signin",
		"POST /api/auth/csrf", "POST /api/auth/providers", "GET /api/auth/nothing", "POST /api/auth/error",
		"GET /api/auth/callback", "GET /api/auth/callback/nobody",
	} {
		method, path, _ := strings.Cut(target, " ")
		res, _ := s.send(t, method, s.URL+path, "", "")
		if res.StatusCode != http.StatusBadRequest || len(res.Header["Set-Cookie"]) != 0 || len(res.Header["Content-Type"]) != 0 {
			t.Errorf("%s: %d, %v", target, res.StatusCode, res.Header)
		}
	}
}

func TestRoutes_Bodies(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginauth.Options{Providers: somebody()})
	csrf := s.csrf(t)
	for _, tt := range []struct {
		name, contentType, body string
		status                  int
		started                 bool
	}{
		{"form", "application/x-www-form-urlencoded", "csrfToken=" + csrf + "&json=true", 200, true},
		{"JSON", "application/json; charset=utf-8", `{"csrfToken":"` + csrf + `","json":"true"}`, 200, true},
		{"json as a boolean is not json", "application/json", `{"csrfToken":"` + csrf + `","json":true}`, 302, true},
		{"another type is no input", "text/plain", "csrfToken=" + csrf, 302, false},
		{"malformed JSON", "application/json", `{"csrfToken"`, 400, false},
		{"two JSON values", "application/json", `{} {}`, 400, false},
		{"JSON that is no object", "application/json", `[1]`, 302, false},
		{"65 KiB", "application/x-www-form-urlencoded", "csrfToken=" + csrf + "&x=" + strings.Repeat("x", 65<<10), 413, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, body := s.send(t, http.MethodPost, s.URL+"/api/auth/signin/github", tt.contentType, tt.body)
			started := strings.Contains(res.Header.Get("Location")+body, "https://github.com/login/oauth/authorize")
			if res.StatusCode != tt.status || started != tt.started {
				t.Errorf("%d, started %v: %s %s", res.StatusCode, started, res.Header.Get("Location"), body)
			}
		})
	}
}

func TestNew_ReadsSessionsOfAnotherApp(t *testing.T) {
	t.Parallel()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	s := newSite(t, ginauth.Options{Providers: ginauth.Goth(oidc.New(oidc.Config{
		Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
	}))})
	res, _ := s.send(t, http.MethodPost, s.URL+"/api/auth/signin/local", "application/x-www-form-urlencoded", "csrfToken="+s.csrf(t))
	callback, err := idp.Approve(t.Context(), res.Header.Get("Location"), idp.People()[0].Subject)
	if err != nil {
		t.Fatal(err)
	}
	s.send(t, http.MethodGet, callback.String(), "", "")

	auth, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	api := gin.New()
	api.GET("/me", auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	here, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodGet, server.URL+"/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range s.browser.Jar.Cookies(here) {
		req.AddCookie(cookie)
	}
	res, err = http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
}

func TestTrustedProxies_DecideTheScheme(t *testing.T) {
	t.Parallel()
	s := newSite(t, ginauth.Options{
		Providers: somebody(), TrustedHosts: []string{"app.example.com"},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	req, err := http.NewRequest(http.MethodGet, s.URL+"/api/auth/csrf", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "inside:8080"
	req.Header.Set("X-Forwarded-Host", "app.example.com")
	req.Header.Set("X-Forwarded-Proto", "https")
	res, err := s.browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Set-Cookie"), "__Host-next-auth.csrf-token=") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}
