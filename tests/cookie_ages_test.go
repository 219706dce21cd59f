package tests

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A browser keeps each cookie for as long as it is of use: what a mail is checked against
// as long as the mail works, what a page shows for a minute or an hour, and the rest until
// it is closed.
func TestCookies_Ages(t *testing.T) {
	t.Parallel()
	ages := map[string]int{} // in seconds, by cookie; 0: until the browser is closed
	note := func(res answer) {
		for _, c := range res.Cookies() {
			if c.Value != "" {
				ages[c.Name] = c.MaxAge
			}
			if !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Domain != "" {
				t.Errorf("%s is %v", c.Name, c)
			}
		}
	}
	for _, row := range []struct {
		email ginauth.Email
		sent  int // Max-Age of the note of a mail that was sent
		mail  int // and of what its code is checked against
	}{
		{ginauth.Email{Code: true}, 600, 600},
		{ginauth.Email{BindBrowser: true}, 3600, 24 * 3600},
		{ginauth.Email{Code: true, MaxAge: 2 * time.Minute}, 120, 120},
		{ginauth.Email{BindBrowser: true, MaxAge: 90 * time.Minute}, 3600, 5400},
	} {
		a := newMailApp(t, row.email, ginauth.Options{Providers: []ginauth.Provider{members()}, Limits: ginauth.Limits{Mails: ginauth.Rate{Count: 50, Per: time.Hour}}})
		b := a.browser(t)
		note(b.get("/api/auth/signin?callbackUrl=/there"))
		note(b.ask(adaReads, "/"))
		note(b.post("/api/auth/callback/email", url.Values{"csrfToken": {b.csrf()}, "code": {"1"}, "token": {"x"}}))
		note(a.browser(t).post("/api/auth/signin/email", url.Values{}))
		note(a.browser(t).post("/api/auth/callback/email", url.Values{"csrfToken": {"x"}}))
		note(b.typed("ada", "wrong"))
		foreign := b.request(http.MethodPost, "/api/auth/signin/email", url.Values{"csrfToken": {b.csrf()}})
		foreign.Header.Set("Origin", "https://evil.example")
		note(b.do(foreign))
		note(b.signInAs("ada"))
		const minute, year = 60, 365 * 24 * 3600
		want := map[string]int{
			csrfCookie: 0, "next-auth.callback-url": 0, "next-auth.sent": row.sent, mailCookie: row.mail,
			"next-auth.failure": minute, "next-auth.notice": minute, "next-auth.last-used": year, deviceCookie: 90 * 24 * 3600,
		}
		for name, age := range want {
			if got, set := ages[name]; !set || got != age {
				t.Errorf("%+v: %s is kept for %d seconds (set %v), want %d", row.email, name, got, set, age)
			}
		}
		for name := range ages {
			if _, known := want[name]; !known && name != sessionCookie {
				t.Errorf("%s is set", name)
			}
		}
	}
}

// An answer that is one person's is kept by no cache, and says what else it depends on.
func TestRoutes_Private(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ front, vary []string }{
		{nil, []string{"Cookie"}}, {[]string{"Origin"}, []string{"Origin", "Cookie"}}, {[]string{"Cookie", "Origin"}, []string{"Cookie", "Origin"}},
	} {
		idle := func(_ *app, c *gin.Context) {
			for _, name := range row.front {
				c.Writer.Header().Add("Vary", name)
			}
		}
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}}, idle)
		for _, path := range []string{"/api/auth/session", "/api/auth/csrf"} {
			res := a.browser(t).get(path)
			if !slices.Equal(res.Header["Vary"], row.vary) || res.Header.Get("Cache-Control") != "private, no-cache, no-store" || res.Header.Get("Pragma") != "no-cache" || res.Header.Get("Expires") != "0" {
				t.Errorf("%s behind Vary %v: %v", path, row.front, res.Header)
			}
		}
	}
}

// A page of the application's own may have a query and a fragment of its own.
func TestPages_OwnWithFragment(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"/login": "/login?callbackUrl=%s&error=Callback", "/login?a=b": "/login?a=b&callbackUrl=%s&error=Callback",
		"/login#form": "/login?callbackUrl=%s&error=Callback#form", "/login?a=b#form?x": "/login?a=b&callbackUrl=%s&error=Callback#form?x",
		"https://www.example.com/in": "https://www.example.com/in?callbackUrl=%s&error=Callback",
	} {
		a := newApp(t, ginauth.Options{Providers: somebody(), Pages: ginauth.Pages{SignIn: page}})
		got := a.browser(t).get("/api/auth/signin?error=Callback&callbackUrl=/me").Header.Get("Location")
		target := strings.NewReplacer(":", "%3A", "/", "%2F").Replace(a.URL + "/me")
		if got != strings.Replace(want, "%s", target, 1) {
			t.Errorf("%s: leads to %s", page, got)
		}
	}
}
