package tests

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// One process serves many hosts, each with its own callback URLs; a sign-in
// begun on one does not end on another.
func TestHosts_EachItsOwn(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{RedirectURIs: []string{
		"http://a.example.com/api/auth/callback/local", "http://b.example.com/api/auth/callback/local",
	}})
	app := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), TrustedHosts: []string{"*.example.com"}})
	jar := map[string]string{}
	send := func(method, host, target string, form url.Values) answer {
		b := app.browser(t)
		b.Jar = nil
		req := b.request(method, target, form)
		req.Host = host
		for name, value := range jar {
			req.Header.Add("Cookie", name+"="+value)
		}
		res := b.do(req)
		for _, c := range res.Cookies() {
			jar[c.Name] = c.Value
		}
		return res
	}
	begin := func(host string) *url.URL {
		var out struct{ CSRFToken string }
		decode(t, send(http.MethodGet, host, "/api/auth/csrf", nil).body, &out)
		res := send(http.MethodPost, host, "/api/auth/signin/local", url.Values{"csrfToken": {out.CSRFToken}})
		authURL, err := url.Parse(res.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := authURL.Query().Get("redirect_uri"), "http://"+host+"/api/auth/callback/local"; got != want {
			t.Fatalf("callback URL %s, want %s", got, want)
		}
		return approve(t, idp, authURL.String())
	}
	fromA := begin("a.example.com")
	res := send(http.MethodGet, "b.example.com", "/api/auth/callback/local?"+fromA.RawQuery, nil)
	if !strings.Contains(res.Header.Get("Location"), "error=OAuthCallback") || len(idp.TokenRequests()) != 0 {
		t.Errorf("a sign-in of a ended at b: %s, %d token requests", res.Header.Get("Location"), len(idp.TokenRequests()))
	}
	fromB := begin("b.example.com")
	res = send(http.MethodGet, "b.example.com", "/api/auth/callback/local?"+fromB.RawQuery, nil)
	if res.Header.Get("Location") != "http://b.example.com" {
		t.Errorf("b leads to %s", res.Header.Get("Location"))
	}
	if res := send(http.MethodGet, "a.example.org", "/api/auth/session", nil); res.StatusCode != http.StatusBadRequest {
		t.Errorf("another host: %d", res.StatusCode)
	}
}

// Two Auths on one engine: a person signs in to each by itself.
func TestHosts_SecondAuthWithPrefix(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	app := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	admin, err := ginauth.Register(app.engine, ginauth.Options{
		Secret: testSecret, Providers: ginauth.Goth(local(idp, "staff")), BasePath: "/admin/auth",
		Cookies: ginauth.CookieOptions{Prefix: "admin"}, Logger: app.log.logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	app.engine.GET("/admin/me", admin.RequireSession(), func(c *gin.Context) { c.Status(http.StatusOK) })
	b := app.browser(t)
	b.signIn(idp, "local")
	if me, office := b.get("/me").StatusCode, b.get("/admin/me").StatusCode; me != http.StatusOK || office != http.StatusUnauthorized {
		t.Fatalf("signed in to the first: %d and %d", me, office)
	}
	var out struct{ CSRFToken string }
	decode(t, b.get("/admin/auth/csrf").body, &out)
	begun := b.post("/admin/auth/signin/staff", url.Values{"csrfToken": {out.CSRFToken}})
	b.get(approve(t, idp, begun.Header.Get("Location")).String())
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	if me, office := b.get("/me").StatusCode, b.get("/admin/me").StatusCode; me != http.StatusUnauthorized || office != http.StatusOK {
		t.Errorf("signed in to the second alone: %d and %d", me, office)
	}
}

// Two Auths of one engine whose cookies would be each other's are refused, wherever on the
// engine they are; what keeps them apart is a prefix, or that they are never one host.
func TestHosts_SecondAuthWithSameCookies(t *testing.T) {
	clean(t)
	group := func(path string) func(*gin.Engine) gin.IRouter {
		return func(e *gin.Engine) gin.IRouter { return e.Group(path) }
	}
	engine := func(e *gin.Engine) gin.IRouter { return e }
	prefix := func(p string) ginauth.CookieOptions { return ginauth.CookieOptions{Prefix: p} }
	hosts := func(h ...string) ginauth.Options { return ginauth.Options{TrustedHosts: h} }
	for _, row := range []struct {
		name          string
		first, second ginauth.Options
		on            func(*gin.Engine) gin.IRouter // the second
		refused       bool
	}{
		{"loopback", ginauth.Options{}, ginauth.Options{}, group("/admin"), true},
		{"on the engine itself", ginauth.Options{}, ginauth.Options{BasePath: "/admin/auth"}, engine, true},
		{"in a group of a group", ginauth.Options{}, ginauth.Options{}, func(e *gin.Engine) gin.IRouter { return e.Group("/a").Group("/b") }, true},
		{"another secret", ginauth.Options{}, ginauth.Options{Secret: "another secret of thirty-two bytes"}, group("/admin"), true},
		{"the default, written out", ginauth.Options{}, ginauth.Options{Cookies: prefix("next-auth")}, group("/admin"), true},
		{"another prefix", ginauth.Options{}, ginauth.Options{Cookies: prefix("admin")}, group("/admin"), false},
		{"the other format", ginauth.Options{}, ginauth.Options{Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5}}, group("/admin"), false},
		{"one base URL", ginauth.Options{BaseURL: "https://a.example"}, ginauth.Options{BaseURL: "https://a.example:8443"}, group("/admin"), true},
		{"two hosts", ginauth.Options{BaseURL: "https://a.example"}, ginauth.Options{BaseURL: "https://b.example"}, group("/admin"), false},
		{"a host of a list", ginauth.Options{BaseURL: "https://a.example"}, hosts("b.example", "A.example:8443"), group("/admin"), true},
		{"a host below one of a list", ginauth.Options{BaseURL: "https://x.a.example"}, hosts("*.a.example"), group("/admin"), true},
		{"names of one pattern", hosts("*.a.example"), hosts("*.x.a.example"), group("/admin"), true},
		{"one pattern", hosts("*.a.example"), hosts("*.a.example"), group("/admin"), true},
		{"a host beside a pattern", hosts("a.example"), hosts("*.a.example"), group("/admin"), false},
		{"two lists", hosts("a.example", "b.example"), hosts("c.example"), group("/admin"), false},
		{"a loopback site", ginauth.Options{BaseURL: "http://127.0.0.1:3000"}, ginauth.Options{}, group("/admin"), true},
	} {
		e := gin.New()
		e.GET("/api/other", func(*gin.Context) { t.Error("another handler is called") })
		row.first.Providers, row.second.Providers = somebody(), somebody()
		if log, err := registered(t, e, row.first); err != nil {
			t.Fatalf("%s: %v %s", row.name, err, log)
		}
		if row.second.BaseURL != "" {
			row.second.BaseURL += "/admin/api/auth"
		}
		_, err := registered(t, row.on(e), row.second)
		if refused := err != nil && strings.Contains(err.Error(), "Cookies.Prefix: the Auth at /api/auth has the same prefix, next-auth"); refused != row.refused || (err != nil) != row.refused {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// The application's own pages take the built-in ones' places.
func TestPages_OwnAndTranslated(t *testing.T) {
	t.Parallel()
	r := gin.New()
	_, err := ginauth.Register(r, ginauth.Options{
		Secret: testSecret, BaseURL: "http://a.example", Providers: somebody(),
		Pages: ginauth.Pages{SignIn: "/login?x=1#top", SignOut: "/bye", Error: "/oops", VerifyRequest: "/mail"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/signin?callbackUrl=/a%20b": "/login?x=1&callbackUrl=http%3A%2F%2Fa.example%2Fa%20b#top",
		"/signin?error=Callback":     "/login?x=1&callbackUrl=http%3A%2F%2Fa.example&error=Callback#top",
		"/signin/acme":               "/login?x=1&callbackUrl=http%3A%2F%2Fa.example&error=acme#top",
		"/signout":                   "/bye",
		"/verify-request":            "/mail",
		"/error?error=AccessDenied":  "/oops?error=AccessDenied",
		"/error?error=OAuthCallback": "http://a.example/api/auth/signin?error=OAuthCallback",
	} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://a.example/api/auth"+path, nil))
		if w.Code != http.StatusFound || w.Header().Get("Location") != want {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Header().Get("Location"), want)
		}
	}

	app := newApp(t, ginauth.Options{Providers: somebody(), Texts: ginauth.Texts{
		Lang: "de", SignInTitle: "Anmelden", SignInWith: "Mit {provider} anmelden", VerifyTitle: "Post ist unterwegs",
		Errors: map[string]string{"OAuthCallback": "Das hat nicht geklappt."},
	}})
	b := app.browser(t)
	page := b.get("/api/auth/signin?error=OAuthCallback").body
	for _, want := range []string{`lang="de"`, "Anmelden", "Mit GitHub anmelden", "Das hat nicht geklappt."} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	if page := b.get("/api/auth/verify-request"); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "Post ist unterwegs") {
		t.Errorf("verify-request: %d", page.StatusCode)
	}
}

// Anybody may send what next-auth's client reports; only its code is kept.
func TestLog_KeepsTheCodeAlone(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	res := app.browser(t).post("/api/auth/_log", url.Values{
		"level": {"error"}, "code": {"CLIENT_FETCH_ERROR\nforged=1"}, "message": {"SECRETSECRET"}, "stack": {"SECRETSECRET"},
	})
	if res.StatusCode != http.StatusOK || res.body != "" || len(res.Header["Set-Cookie"])+len(res.Header["Content-Type"]) != 0 {
		t.Errorf("%d %q %v", res.StatusCode, res.body, res.Header)
	}
	log := app.log.String()
	if !strings.Contains(log, "CLIENT_FETCH_ERROR") || strings.Contains(log, "SECRET") || strings.Contains(log, "forged=1") {
		t.Error(log)
	}
}

// Two Auths on one host have one secret: a session of the first, carried over into
// the second's cookie or sent as a bearer token, is nobody there. Where the first
// is open to everybody and the second for staff, it would be a way up.
func TestHosts_SessionOfAnotherPrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		format ginauth.Format
		cookie string
	}{
		{"next-auth 4", ginauth.NextAuthV4, sessionCookie},
		{"Auth.js 5", ginauth.AuthJSV5, "authjs.session-token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			format := ginauth.SessionOptions{Format: tt.format}
			site := membersApp(t, ginauth.Options{Session: format})
			admin := membersApp(t, ginauth.Options{Session: format, Cookies: ginauth.CookieOptions{Prefix: "admin"}})
			b, office := site.browser(t), admin.browser(t)
			b.signInAs("ada")
			office.signInAs("grace")
			own, theirs := b.cookie(tt.cookie), office.cookie("admin.session-token")
			for _, row := range []struct {
				name   string
				site   *app
				header []string
				want   int
			}{
				{"own cookie", site, []string{"Cookie", tt.cookie + "=" + own}, 200},
				{"own bearer token", site, []string{"Authorization", "Bearer " + own}, 200},
				{"the second's own cookie", admin, []string{"Cookie", "admin.session-token=" + theirs}, 200},
				{"the second's own bearer token", admin, []string{"Authorization", "Bearer " + theirs}, 200},
				{"the first's in the second's cookie", admin, []string{"Cookie", "admin.session-token=" + own}, 401},
				{"the first's as bearer token", admin, []string{"Authorization", "Bearer " + own}, 401},
				{"the second's in the first's cookie", site, []string{"Cookie", tt.cookie + "=" + theirs}, 401},
				{"the second's as bearer token", site, []string{"Authorization", "Bearer " + theirs}, 401},
				{"next-auth's as bearer token", admin, []string{"Authorization", "Bearer " + vectorToken(t)}, 401},
			} {
				if res := row.site.send(t, http.MethodGet, "/me", "", row.header...); res.StatusCode != row.want {
					t.Errorf("%s: %d, want %d", row.name, res.StatusCode, row.want)
				}
			}
		})
	}
	first := newApp(t, ginauth.Options{Providers: unused()})
	if res := first.send(t, http.MethodGet, "/me", "", "Authorization", "Bearer "+vectorToken(t)); res.StatusCode != http.StatusOK {
		t.Errorf("a session of next-auth's under the default prefix: %d", res.StatusCode)
	}
}
