package tests

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

var hidden = regexp.MustCompile(`name="([A-Za-z]+)" value="([^"]*)"`)

// fields are the hidden inputs of a page.
func fields(page string) url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

func TestForms_SignInAndOut(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	app := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	app.engine.GET("/in", func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(app.auth.SignInForm(c, "local", "/me")))
	})
	app.engine.GET("/out", app.auth.RequireSession(), func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(app.auth.SignOutForm(c, "/bye")))
	})
	b := app.browser(t)

	page := b.get("/in")
	if !strings.Contains(page.body, `action="`+app.URL+`/api/auth/signin/local"`) || !strings.Contains(page.body, "Sign in with local") {
		t.Fatal(page.body)
	}
	if page.Header.Get("Cache-Control") == "" {
		t.Error("a page with this browser's token may be cached")
	}
	begun := b.post("/api/auth/signin/local", fields(page.body))
	done := b.get(approve(t, idp, begun.Header.Get("Location")).String())
	if done.Header.Get("Location") != app.URL+"/me" || b.user() == "" {
		t.Fatalf("%v", done.Header)
	}
	out := b.post("/api/auth/signout", fields(b.get("/out").body))
	if out.Header.Get("Location") != app.URL+"/bye" || b.user() != "" {
		t.Fatalf("%v", out.Header)
	}
}

// Two forms on one page carry one token, and one cookie is set.
func TestForms_OneTokenAnAnswer(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	app.engine.GET("/forms", func(c *gin.Context) {
		page := app.auth.SignInForm(c, "github", "") + app.auth.CSRFField(c) + app.auth.SignInForm(c, "nobody", "")
		c.Data(http.StatusOK, "text/html", []byte(page))
	})
	page := app.browser(t).get("/forms")
	tokens := map[string]bool{}
	for _, m := range hidden.FindAllStringSubmatch(page.body, -1) {
		if m[1] == "csrfToken" {
			tokens[m[2]] = true
		}
	}
	if len(tokens) != 1 || len(page.Header["Set-Cookie"]) != 1 || strings.Count(page.body, "<form") != 1 {
		t.Errorf("%d tokens, cookies %v, %s", len(tokens), page.Header["Set-Cookie"], page.body)
	}
}

func TestForms_EscapeWhatIsPutIn(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody(), Texts: ginauth.Texts{SignInWith: `<b>"{provider}"</b>`}})
	app.engine.GET("/form", func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(app.auth.SignInForm(c, "github", c.Query("to"))))
	})
	page := app.browser(t).get("/form?to=" + url.QueryEscape(`"><script>alert(1)</script>`)).body
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>") {
		t.Error(page)
	}
}

// htmx follows a 302 itself, which would lead its request to the provider.
func TestForms_HTMXIsSentOn(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	b := app.browser(t)
	req := b.request(http.MethodPost, "/api/auth/signin/github", url.Values{"csrfToken": {b.csrf()}})
	req.Header.Set("HX-Request", "true")
	res := b.do(req)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("HX-Redirect"), "https://github.com/") || res.Header.Get("Location") != "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

// A form of one's own posts with the field's token, and one for a host that the site
// does not answer for has none.
func TestForms_CSRFField(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	app.engine.GET("/field", func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html", []byte(app.auth.CSRFField(c)))
	})
	b := app.browser(t)
	page := b.get("/field")
	if !strings.HasPrefix(page.body, `<input type="hidden" name="csrfToken" value="`) || strings.Contains(page.body, "<form") {
		t.Fatal(page.body)
	}
	if token := fields(page.body).Get("csrfToken"); token == "" || token != b.csrf() {
		t.Errorf("the field has %q", token)
	}
	if res := b.post("/api/auth/signin/github", fields(page.body)); !strings.HasPrefix(res.Header.Get("Location"), "https://github.com/") {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	req := b.request(http.MethodGet, "/field", nil)
	req.Host = "evil.example"
	if res := b.do(req); res.body != "" {
		t.Errorf("another host gets %s", res.body)
	}
}
