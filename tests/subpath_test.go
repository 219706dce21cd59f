package tests

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// stripped runs an application behind net/http's own StripPrefix, which takes /shop off.
func stripped(t *testing.T, opts ginauth.Options) (*httptest.Server, *ginauth.Auth, *gin.Engine) {
	t.Helper()
	engine := gin.New()
	server := httptest.NewServer(http.StripPrefix("/shop", engine))
	t.Cleanup(server.Close)
	opts.Secret, opts.BaseURL, opts.BasePath = testSecret, server.URL+"/shop/api/auth", "/api/auth"
	auth, err := ginauth.Register(engine, opts)
	if err != nil {
		t.Fatal(err)
	}
	engine.Any("/me", auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c)) })
	return server, auth, engine
}

// Everything that goes out of an application below a prefix has the prefix, once.
func TestSubpath_Outgoing(t *testing.T) {
	t.Parallel()
	opts := ginauth.Options{Providers: []ginauth.Provider{members()}, Theme: ginauth.Theme{Logo: "/logo.svg"}}
	builtIn, auth, engine := stripped(t, opts)
	engine.GET("/forms", func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(auth.SignInForm(c, "credentials", "/me")+auth.SignOutForm(c, "/")))
	})
	opts.Pages = ginauth.Pages{SignIn: "/login", SignOut: "/bye", Error: "/oops", VerifyRequest: "/shop/mail"}
	own, _, _ := stripped(t, opts)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	escaped := url.QueryEscape
	for _, row := range []struct {
		site   *httptest.Server
		path   string
		header [2]string
		where  string // a header, or "" for the body
		want   string // SITE stands for the site's URL
	}{
		{builtIn, "/me?a=b", [2]string{}, "Location", "SITE/shop/api/auth/signin?callbackUrl=%2Fshop%2Fme%3Fa%3Db"},
		{builtIn, "/me", [2]string{"HX-Request", "true"}, "Hx-Redirect", "SITE/shop/api/auth/signin?callbackUrl=%2Fshop%2F"},
		{builtIn, "/me", [2]string{"HX-Current-Url", "SITE/shop/list?p=2"}, "Location", "SITE/shop/api/auth/signin?callbackUrl=%2Fshop%2Fme"},
		{builtIn, "/api/auth/signin", [2]string{}, "", `src="/shop/logo.svg"`},
		{builtIn, "/api/auth/signin", [2]string{}, "", `action="SITE/shop/api/auth/callback/credentials"`},
		{builtIn, "/api/auth/signin", [2]string{}, "", `name="callbackUrl" value="SITE/shop/"`},
		{builtIn, "/api/auth/signin?callbackUrl=/cart", [2]string{}, "", `name="callbackUrl" value="SITE/shop/cart"`},
		{builtIn, "/api/auth/signin?callbackUrl=/shop/cart", [2]string{}, "", `name="callbackUrl" value="SITE/shop/cart"`},
		{builtIn, "/api/auth/signin?callbackUrl=/shopping", [2]string{}, "", `name="callbackUrl" value="SITE/shop/shopping"`},
		{builtIn, "/api/auth/signin?callbackUrl=" + escaped("https://evil.example"), [2]string{}, "", `name="callbackUrl" value="SITE/shop/"`},
		{builtIn, "/api/auth/signin?callbackUrl=" + escaped("//evil.example"), [2]string{}, "", `name="callbackUrl" value="SITE//evil.example"`},
		{builtIn, "/api/auth/signout", [2]string{}, "", `action="SITE/shop/api/auth/signout"`},
		{builtIn, "/api/auth/error?error=AccessDenied", [2]string{}, "", `href="SITE/shop/api/auth/signin"`},
		{builtIn, "/api/auth/providers", [2]string{}, "", `"callbackUrl":"SITE/shop/api/auth/callback/credentials"`},
		{builtIn, "/api/auth/client.js", [2]string{}, "", `let base = "/shop/api/auth"`},
		{builtIn, "/forms", [2]string{}, "", `action="SITE/shop/api/auth/callback/credentials"`},
		{builtIn, "/forms", [2]string{}, "", `action="SITE/shop/api/auth/signout"`},
		{own, "/me", [2]string{}, "Location", "/shop/login?callbackUrl=%2Fshop%2Fme"},
		{own, "/api/auth/signin", [2]string{}, "Location", "/shop/login?callbackUrl=" + "SITE%2Fshop%2F"},
		{own, "/api/auth/signout", [2]string{}, "Location", "/shop/bye"},
		{own, "/api/auth/error?error=AccessDenied", [2]string{}, "Location", "/shop/oops?error=AccessDenied"},
		{own, "/api/auth/verify-request", [2]string{}, "Location", "/shop/mail"},
	} {
		req, err := http.NewRequest(http.MethodGet, row.site.URL+"/shop"+row.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		if row.header[0] != "" {
			req.Header.Set(row.header[0], strings.ReplaceAll(row.header[1], "SITE", row.site.URL))
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		want := strings.ReplaceAll(row.want, "SITE", row.site.URL)
		if strings.Contains(row.want, "=SITE") && row.where != "" {
			want = strings.ReplaceAll(row.want, "SITE", escaped(row.site.URL))
		}
		if got := res.Header.Get(row.where); row.where != "" && got != want {
			t.Errorf("%s: %s is %q, want %q", row.path, row.where, got, want)
		}
		if row.where == "" && !strings.Contains(string(body), want) {
			t.Errorf("%s: no %s in %.3000s", row.path, want, body)
		}
	}
	if got := auth.ClientURL(); !strings.HasPrefix(got, "/shop/api/auth/client.js?v=") {
		t.Errorf("ClientURL: %s", got)
	}
}

// Callbacks speak of the application's own paths; where they send people has the prefix.
// A page of another application of the origin is still where it was asked for.
func TestSubpath_Callbacks(t *testing.T) {
	t.Parallel()
	var asked []string
	idp := newIDP(t, ginauthtest.Config{})
	for _, row := range []struct {
		callbackURL string
		redirect    func(url, baseURL string) string
		signIn      error
		told, leads string // SITE stands for the origin
	}{
		{"/me", func(url, _ string) string { return url }, nil, "/me SITE/shop", "SITE/shop/me"},
		{"/shop/me", func(url, baseURL string) string { return baseURL + url }, nil, "/me SITE/shop", "SITE/shop/me"},
		{"/shop/shop/x", func(url, _ string) string { return url }, nil, "/shop/x SITE/shop", "SITE/shop/shop/x"},
		{"/me", func(_, baseURL string) string { return baseURL }, nil, "/me SITE/shop", "SITE/shop/"},
		{"/me", func(string, string) string { return "/welcome" }, nil, "/me SITE/shop", "SITE/shop/welcome"},
		{"/me", func(string, string) string { return "https://evil.example" }, nil, "/me SITE/shop", "SITE/shop/"},
		{"SITE/blog/x", nil, nil, "", "SITE/blog/x"},
		{"/me", nil, ginauth.RedirectTo("/terms?x=1"), "", "/shop/terms?x=1"},
		{"/me", nil, ginauth.RedirectTo("https://elsewhere.example/"), "", "https://elsewhere.example/"},
	} {
		asked = nil
		opts := ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))}
		if row.redirect != nil {
			opts.Callbacks.Redirect = func(_ *gin.Context, url, baseURL string) string {
				asked = append(asked, url+" "+baseURL)
				return row.redirect(url, baseURL)
			}
		}
		if row.signIn != nil {
			opts.Callbacks.SignIn = func(*gin.Context, ginauth.SignInParams) error { return row.signIn }
		}
		site, _, _ := stripped(t, opts)
		fill := func(text string) string { return strings.ReplaceAll(text, "SITE", site.URL) }
		b := (&app{Server: site}).browser(t)
		var csrf struct{ CSRFToken string }
		decode(t, b.get("/shop/api/auth/csrf").body, &csrf)
		asked = nil
		begun := b.post("/shop/api/auth/signin/local", url.Values{"csrfToken": {csrf.CSRFToken}, "callbackUrl": {fill(row.callbackURL)}})
		if row.redirect != nil && (len(asked) == 0 || asked[0] != fill(row.told)) {
			t.Errorf("%s: the callback is told %q, want %q", row.callbackURL, asked, fill(row.told))
		}
		if row.redirect != nil {
			if got := b.cookie("next-auth.callback-url"); got != fill(row.leads) {
				t.Errorf("%s: kept is %s, want %s", row.callbackURL, got, fill(row.leads))
			}
			continue
		}
		callback := approve(t, idp, begun.Header.Get("Location")).String()
		for range 2 { // a reload leads on from what is kept of the first time
			back := b.get(callback)
			if got := back.Header.Get("Location"); got != fill(row.leads) {
				t.Errorf("%s leads to %s, want %s", row.callbackURL, got, fill(row.leads))
			}
			if row.signIn != nil { // nobody was signed in
				break
			}
		}
	}
}

// docs/deployment.md shows each file that the tests of the proxies run, as it is.
func TestDeploymentPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/deployment.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/proxy/*")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, s := range settings() {
		used[s.file] = true
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !used[filepath.Base(file)] {
			t.Errorf("no test runs %s", file)
		}
		shown, base := string(page), filepath.Base(file)
		if !strings.Contains(base, "-") { // the others differ from it by lines that the page has
			if !strings.Contains(shown, "\n"+string(text)+"```") {
				t.Errorf("the page does not show %s as it is", base)
			}
			continue
		}
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(shown, strings.TrimSpace(line)) {
				t.Errorf("the page lacks the line %q of %s", line, base)
			}
		}
	}
}
