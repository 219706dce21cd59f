package tests

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// Sessions without a name, as those of another program may be, are told one by one when
// they end together; of one session's two cookies the application hears once.
func TestSignOut_Nameless(t *testing.T) {
	t.Parallel()
	var out []string
	a := newApp(t, ginauth.Options{
		Providers: unused(),
		Events:    ginauth.Events{SignOut: func(_ *gin.Context, e ginauth.SignOutEvent) { out = append(out, e.Token.Email) }},
	})
	nameless := func(email string) string {
		return seal(t, testSecret, []byte(`{"sub":"`+email+`","email":"`+email+`"}`))
	}
	csrfToken, pair := csrfPair(csrfCookie)
	cookies := pair
	for _, email := range []string{"ada@example.com", "grace@example.com"} {
		cookies += "; " + sessionCookie + "=" + nameless(email)
	}
	res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, "Cookie", cookies)
	if res.StatusCode != http.StatusFound || strings.Join(out, " ") != "ada@example.com grace@example.com" {
		t.Errorf("answered %d, and Events.SignOut was told of %v", res.StatusCode, out)
	}
}

// The provider that somebody signed in at is no longer one of this site: they are signed
// out here, and stay here.
func TestSignOut_ProviderGone(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	store := memoryStore()
	before := newApp(t, ginauth.Options{Providers: leaving(idp), Session: keptTokens(store)})
	b := before.browser(t)
	b.signIn(idp, "local")
	now := newApp(t, ginauth.Options{Providers: []ginauth.Provider{members()}, Session: keptTokens(store)})
	res := b.post(now.URL+"/api/auth/signout", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/bye"}})
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != now.URL+"/bye" || b.user() != "" {
		t.Errorf("%d, leads to %q, signed in is %q", res.StatusCode, res.Header.Get("Location"), b.user())
	}
}

// A store that cannot delete the session answers 503, and the person is signed in still:
// the page can try again.
func TestSignOut_StoreFails(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"form", "script", "Auth.SignOut"} {
		store := &keptSessions{SessionStore: memoryStore()}
		var fault error
		a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
		a.engine.POST("/leave", func(c *gin.Context) { fault = a.auth.SignOut(c) })
		b := a.browser(t)
		b.signInAs("ada")
		store.undeletable = true
		var res answer
		switch method {
		case "form":
			res = a.send(t, http.MethodPost, "/api/auth/signout", url.Values{"csrfToken": {b.csrf()}}.Encode(),
				"Cookie", cookieHeader(b), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Mode", "navigate")
			if res.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(res.body, "<!doctype html>") || !strings.Contains(a.log.String(), "ginauth: ending the session failed") {
				t.Errorf("answered %d %s\n%s", res.StatusCode, res.body, a.log)
			}
		case "script":
			res = b.signOut()
			if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(res.body, "There is a problem with the server") {
				t.Errorf("answered %d %s", res.StatusCode, res.body)
			}
		default:
			res = b.post("/leave", url.Values{})
			if fault == nil || errors.Is(fault, ginauth.ErrNoSession) {
				t.Errorf("Auth.SignOut: %v", fault)
			}
		}
		if res.ends() || b.user() != "ada@example.com" {
			t.Errorf("%s: signed in is %q", method, b.user())
		}
		store.undeletable = false
		if b.signOut(); b.user() != "" {
			t.Errorf("%s: later, signed in is %q", method, b.user())
		}
	}
}
