package tests

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

const completedCookie = "next-auth.completed"

// What the sign-in page says of an answer that belongs to no sign-in under way.
const (
	saysUsed   = "This sign-in was already used, or it has expired. Start again here."
	saysLost   = "This browser did not start that sign-in"
	saysFailed = "The sign-in service did not confirm who you are. Please try again."
)

// A person who goes back after a sign-in comes with the provider's answer to the same
// state once more. It leads on where they are signed in, and else says what happened;
// it signs nobody in, and asks the provider nothing.
func TestAttack27_BackButton(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		before func(t *testing.T, idp *ginauthtest.Provider, b *browser, clock *clock) *browser // what happens meanwhile, and who sends it
		change func(q url.Values)
		says   string // on the page; "" where it leads on
		code   string
	}{
		{name: "at once"},
		{name: "with another code", change: func(q url.Values) { q.Set("code", "made-up") }},
		{name: "without a code", change: func(q url.Values) { q.Del("code") }},
		{name: "fourteen minutes later", before: func(_ *testing.T, _ *ginauthtest.Provider, b *browser, clock *clock) *browser {
			clock.seconds.Add(14 * 60)
			return b
		}},
		{name: "fifteen minutes later", says: saysUsed, before: func(_ *testing.T, _ *ginauthtest.Provider, b *browser, clock *clock) *browser {
			clock.seconds.Add(15 * 60)
			return b
		}},
		{name: "after the sign-out", says: saysUsed, before: func(_ *testing.T, _ *ginauthtest.Provider, b *browser, _ *clock) *browser {
			b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
			return b
		}},
		{name: "after another person's sign-in", says: saysUsed, before: func(t *testing.T, idp *ginauthtest.Provider, b *browser, _ *clock) *browser {
			b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
			b.get(as(t, idp, b.begin("oidc", "/"), "1002").String())
			return b
		}},
		{name: "after their next sign-in", before: func(t *testing.T, idp *ginauthtest.Provider, b *browser, _ *clock) *browser {
			b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
			b.signIn(idp, "oidc")
			return b
		}},
		{name: "in another browser", says: saysLost, before: func(t *testing.T, _ *ginauthtest.Provider, b *browser, _ *clock) *browser {
			return b.app.browser(t)
		}},
		{name: "in another browser, where they are signed in", says: saysLost, before: func(t *testing.T, idp *ginauthtest.Provider, b *browser, _ *clock) *browser {
			other := b.app.browser(t)
			other.signIn(idp, "oidc")
			return other
		}},
		{name: "refused by the provider", change: func(q url.Values) {
			q.Del("code")
			q.Set("error", "temporarily_unavailable") // Keycloak's answer to somebody who is signed in there
		}},
		{name: "cancelled", code: "AccessDenied", change: func(q url.Values) {
			q.Del("code")
			q.Set("error", "access_denied")
		}},
		{name: "another state", says: saysLost, change: func(q url.Values) { q.Set("state", "made-up") }},
		{name: "two states", says: saysFailed, change: func(q url.Values) { q.Add("state", "made-up") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(2)})
			clock := newClock()
			clock.seconds.Store(time.Now().Unix())
			opts := viaOIDC.options(t, idp)
			opts.Now = clock.now
			b := newApp(t, opts).browser(t)
			callback := approve(t, idp, b.begin("oidc", "/me?tab=1#top"))
			b.get(callback.String())
			session := b.cookie(sessionCookie)
			sender, requests := b, 0
			if row.before != nil {
				sender = row.before(t, idp, b, clock)
			}
			requests = len(idp.TokenRequests())
			q := callback.Query()
			if row.change != nil {
				row.change(q)
			}
			callback.RawQuery = q.Encode()
			for range 2 { // as often as they like
				res := sender.get(callback.String())
				switch {
				case row.code != "":
					res.refused(t, row.code)
				case row.says != "":
					res.refused(t, "OAuthCallback")
					if got := sender.follow(res).alert(); !strings.HasPrefix(got, row.says) {
						t.Errorf("the page says %q", got)
					}
				case res.StatusCode != http.StatusFound || res.Header.Get("Location") != b.app.URL+"/me?tab=1#top" || res.signedIn():
					t.Errorf("answered %d, leads to %s\n%s", res.StatusCode, res.Header.Get("Location"), b.app.log)
				}
			}
			if n := len(idp.TokenRequests()); n != requests {
				t.Errorf("%d more token requests", n-requests)
			}
			if row.before == nil && b.cookie(sessionCookie) != session {
				t.Error("the session is another")
			}
		})
	}
}

// A sign-in that failed leads nobody on, not even a person who is signed in.
func TestAttack27_BackAfterFailure(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, code string
		fail       func(opts *ginauth.Options, failing *bool)
	}{
		{"refused by the application", "AccessDenied", func(opts *ginauth.Options, failing *bool) {
			opts.Callbacks.SignIn = func(*gin.Context, ginauth.SignInParams) error {
				if *failing {
					return ginauth.ErrAccessDenied
				}
				return nil
			}
		}},
		{"sent elsewhere by the application", "", func(opts *ginauth.Options, failing *bool) {
			opts.Callbacks.SignIn = func(*gin.Context, ginauth.SignInParams) error {
				if *failing {
					return ginauth.RedirectTo("/terms")
				}
				return nil
			}
		}},
		{"a fault of the application", "Callback", func(opts *ginauth.Options, failing *bool) {
			opts.Callbacks.JWT = func(*gin.Context, ginauth.JWTParams) error {
				if *failing {
					return errors.New("no")
				}
				return nil
			}
		}},
		{"another person's account", "OAuthAccountNotLinked", func(opts *ginauth.Options, _ *bool) { opts.Adapter = newMemory() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(2)})
			opts := viaOIDC.options(t, idp)
			failing := false
			row.fail(&opts, &failing)
			a := newApp(t, opts)
			other := a.browser(t)
			other.get(as(t, idp, other.begin("oidc", "/"), "1002").String())
			b := a.browser(t)
			b.signIn(idp, "oidc")
			failing = true
			callback := as(t, idp, b.begin("oidc", "/linked"), "1002").String()
			if res := b.get(callback); row.code != "" {
				res.refused(t, row.code)
			} else if res.Header.Get("Location") != "/terms" {
				t.Fatalf("leads to %s", res.Header.Get("Location"))
			}
			failing = false
			res := b.get(callback)
			res.refused(t, "OAuthCallback")
			if got := b.follow(res).alert(); got != saysUsed {
				t.Errorf("the page says %q", got)
			}
		})
	}
}

// What a completed sign-in leaves is sealed for this alone: neither a cookie of another
// kind, nor of another state, leads anybody on, and none starts a sign-in anew.
func TestAttack05_CompletedCookie(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	opts := viaOIDC.options(t, idp)
	opts.Adapter = newMemory() // the transaction names who is signed in
	a := newApp(t, opts)
	b := a.browser(t)
	b.signIn(idp, "oidc")
	find := func(prefix string) *http.Cookie {
		var found *http.Cookie
		for _, c := range b.cookies() {
			if strings.HasPrefix(c.Name, prefix+".") {
				found = c
			}
		}
		if found == nil {
			t.Fatalf("no cookie %s", prefix)
		}
		return found
	}
	completed, session := find(completedCookie), sessionCookie+"="+b.cookie(sessionCookie)
	second := approve(t, idp, b.begin("oidc", "/"))
	transaction := find(transactionCookie)
	suffix := strings.TrimPrefix(transaction.Name, transactionCookie)
	for name, pair := range map[string]string{
		"a transaction as completed":         completedCookie + suffix + "=" + transaction.Value,
		"completed of another state":         completedCookie + suffix + "=" + completed.Value,
		"completed as a transaction":         transactionCookie + suffix + "=" + completed.Value,
		"a session as completed":             completedCookie + suffix + "=" + b.cookie(sessionCookie),
		"completed, one character different": completedCookie + suffix + "=" + completed.Value[:len(completed.Value)-2] + "xx",
	} {
		before := len(idp.TokenRequests())
		res := a.send(t, http.MethodGet, second.String(), "", "Cookie", session+"; "+pair)
		res.refused(t, "OAuthCallback")
		if len(idp.TokenRequests()) != before {
			t.Errorf("%s: the provider was asked", name)
		}
	}
	if got := a.who(t, sessionCookie+"="+completed.Value); got != "" {
		t.Errorf("it passes as %q", got)
	}
}

// The cookies of completed sign-ins count with those under way: four in all, and these
// go first.
func TestAttack54_CompletedCookies(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	b := viaOIDC.app(t, idp).browser(t)
	long := "/" + strings.Repeat("a", 500) // does not fit
	for range 6 {
		b.get(approve(t, idp, b.begin("oidc", long)).String())
	}
	last := approve(t, idp, b.begin("oidc", long)).String()
	b.get(last)
	if got := b.get(last).Header.Get("Location"); got != b.app.URL {
		t.Errorf("it leads on to %s", got)
	}
	var tabs []string
	for range 4 {
		tabs = append(tabs, b.begin("oidc", "/"))
	}
	if n := len(b.transactions()); n != 4 {
		t.Errorf("%d sign-ins are under way", n)
	}
	for i, tab := range tabs {
		if !b.get(approve(t, idp, tab).String()).signedIn() {
			t.Errorf("tab %d was not signed in", i)
		}
	}
	n := 0
	for _, c := range b.cookies() {
		if strings.HasPrefix(c.Name, completedCookie+".") {
			n++
			if len(c.Name)+len(c.Value) > 600 {
				t.Errorf("a cookie of %d bytes", len(c.Name)+len(c.Value))
			}
		}
	}
	if n != 4 {
		t.Errorf("%d completed ones are kept", n)
	}
}

// Apple's answer comes by another site's POST, with none of these cookies: the sign-in
// page, which has them, leads on.
func TestAttack33b_BackButton(t *testing.T) {
	t.Parallel()
	s := newAppleSite(t, ginauth.Options{})
	b := s.browser(t)
	authURL := b.begin("apple", "/welcome")
	b.do(s.post(t, authURL), true)
	again := func() answer {
		t.Helper()
		res := b.do(s.post(t, authURL), true)
		if res.signedInTLS() {
			t.Error("signed in again")
		}
		for range 3 {
			next, found := strings.CutPrefix(res.Header.Get("Location"), s.URL)
			if !found || next == "/welcome" {
				break
			}
			res = b.get(next)
		}
		return res
	}
	if got := again().Header.Get("Location"); got != s.URL+"/welcome" {
		t.Errorf("it leads on to %q", got)
	}
	for name := range b.cookies {
		if strings.Contains(name, "session-token") {
			delete(b.cookies, name)
		}
	}
	if got := again().alert(); got != saysUsed {
		t.Errorf("signed out, the page says %q", got)
	}
	clear(b.cookies)
	if got := again().alert(); !strings.HasPrefix(got, saysLost) {
		t.Errorf("in another browser, the page says %q", got)
	}
}

// A browser that keeps no cookies is told so, and not shown the same page again.
func TestSignIn_WithoutCookies(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused(), Texts: ginauth.Texts{Errors: map[string]string{"CookiesBlocked": "No cookies."}}})
	res := a.form(t, "/api/auth/signin/local", url.Values{"csrfToken": {"made-up"}})
	if got := a.send(t, http.MethodGet, res.Header.Get("Location"), "").alert(); got != "No cookies." {
		t.Errorf("the page says %q", got)
	}
	_, pair := csrfPair(csrfCookie)
	if got := a.send(t, http.MethodGet, res.Header.Get("Location"), "", "Cookie", pair).alert(); !strings.HasPrefix(got, "That form did not show") {
		t.Errorf("with cookies the page says %q", got)
	}
}

// A page of the application's own gets the reason beside the code.
func TestSignIn_ReasonForOwnPage(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	opts := viaOIDC.options(t, idp)
	opts.Pages.SignIn = "/login"
	b := newApp(t, opts).browser(t)
	callback := approve(t, idp, b.begin("oidc", "/")).String()
	b.get(callback)
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	res := b.get(b.get(callback).Header.Get("Location"))
	res = b.get(res.Header.Get("Location"))
	if got := res.Header.Get("Location"); !strings.HasPrefix(got, "/login?") || !strings.HasSuffix(got, "&error=OAuthCallback&reason=SignInUsed") {
		t.Errorf("leads to %s", got)
	}
}

// A link or code that was used signs nobody in again. Who is signed in reads that they
// are, and can go on; who opens it elsewhere, where it works.
func TestMail_UsedTwice(t *testing.T) {
	t.Parallel()
	page := func(b *browser, res answer) string {
		_, rest, _ := strings.Cut(b.follow(res).body, "<h1>")
		rest, _, _ = strings.Cut(rest, "</main>")
		return rest
	}
	holds := func(t *testing.T, page string, want ...string) {
		t.Helper()
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("no %q in %s", text, page)
			}
		}
	}
	t.Run("link", func(t *testing.T) {
		t.Parallel()
		a := newMailApp(t, ginauth.Email{BindBrowser: true}, ginauth.Options{})
		b := a.browser(t)
		b.ask("ada@example.com", "/me?tab=1").sent(t)
		link := a.inbox.newest(t).URL
		other := a.browser(t)
		holds(t, page(other, other.get(link)), "This link no longer works", "in the browser in which you asked for it", "Back to sign in")
		b.press(link)
		holds(t, page(b, b.press(link)), "This link no longer works", "You are signed in", `href="`+a.URL+`/me?tab=1"`, "Continue")
		b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
		holds(t, page(b, b.press(link)), "It may have expired, or it was used before.", "Back to sign in")
	})
	t.Run("code", func(t *testing.T) {
		t.Parallel()
		a := newMailApp(t, ginauth.Email{Code: true}, ginauth.Options{})
		b := a.browser(t)
		b.ask("ada@example.com", "/me?tab=1").sent(t)
		code := a.inbox.newest(t).Code
		other := a.browser(t)
		holds(t, page(other, other.typeCode(code)), "This code no longer works", "you asked for it in another browser")
		b.typeCode(code)
		holds(t, page(b, b.typeCode(code)), "You are signed in", "Continue")
	})
}
