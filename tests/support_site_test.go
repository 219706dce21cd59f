package tests

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// A siteBrowser is a browser that knows SameSite (RFC 6265bis §5.8.3), which
// net/http's cookie jar does not.
type siteBrowser struct {
	t       testing.TB
	app     *httptest.Server
	cookies map[string]*http.Cookie
}

// do sends a request from a page of the site itself, or from another site.
func (b *siteBrowser) do(req *http.Request, crossSite bool) answer {
	b.t.Helper()
	for _, c := range b.cookies {
		lax := c.SameSite == http.SameSiteLaxMode && req.Method == http.MethodGet // a navigation of the whole page
		if !crossSite || lax || c.SameSite == http.SameSiteNoneMode && c.Secure {
			req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	client := b.app.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (b *siteBrowser) get(path string) answer {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodGet, b.app.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req, false)
}

// begin starts a sign-in and returns the provider's authorization URL.
func (b *siteBrowser) begin(provider, callbackURL string) string {
	b.t.Helper()
	var csrf struct{ CSRFToken string }
	decode(b.t, b.get("/api/auth/csrf").body, &csrf)
	form := url.Values{"csrfToken": {csrf.CSRFToken}, "callbackUrl": {callbackURL}}
	req, err := http.NewRequest(http.MethodPost, b.app.URL+"/api/auth/signin/"+provider, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res := b.do(req, false)
	if res.StatusCode != http.StatusFound {
		b.t.Fatalf("signin answered %d %s", res.StatusCode, res.body)
	}
	return res.Header.Get("Location")
}

// user is the e-mail address and name of who is signed in.
func (b *siteBrowser) user() (email, name string) {
	b.t.Helper()
	var out struct{ User struct{ Email, Name string } }
	decode(b.t, b.get("/api/auth/session").body, &out)
	return out.User.Email, out.User.Name
}

// transaction is the one cookie of a sign-in under way.
func (b *siteBrowser) transaction() *http.Cookie {
	b.t.Helper()
	var found *http.Cookie
	for name, c := range b.cookies {
		if strings.Contains(name, "transaction.") {
			if found != nil {
				b.t.Fatal("there are two transactions")
			}
			found = c
		}
	}
	return found
}
