package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

const noticeCookie = "next-auth.notice"

// What the page says of a provider's answer that belongs to no sign-in, and what the log does:
// whether the sign-in is over, was begun elsewhere, or the answer is not one at all.
func TestCallback_WhatThePageSays(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	const used, lost = "This sign-in was already used, or it has expired", "This browser did not start that sign-in"
	const over, without, noState = "came to a sign-in that was used, is over", "came without the cookie of its sign-in", "has no state"
	for name, row := range map[string]struct {
		come   func(b *browser, clock *mailClock) string // the URL that the browser comes back to
		notice string                                    // of the cookie
		page   string
		says   string
		others bool // sign-ins under way in this browser
	}{
		"it has expired": {func(b *browser, clock *mailClock) string {
			callback := approve(t, idp, b.begin("local", "/")).String()
			kept := b.transactions()[0]
			clock.move(16 * time.Minute)
			b.plant(kept.Name, mustUnescape(t, kept.Value))
			return callback
		}, "SignInUsed", used, over, true},
		"it was completed, and its person is gone": {func(b *browser, clock *mailClock) string {
			callback := approve(t, idp, b.begin("local", "/")).String()
			b.get(callback)
			b.signOut()
			clock.move(2 * time.Minute)
			return callback
		}, "SignInUsed", used, over, true},
		"another browser began it": {func(b *browser, _ *mailClock) string {
			return approve(t, idp, b.app.browser(t).begin("local", "/")).String()
		}, "", lost, without, false},
		"another browser began it, and this one another": {func(b *browser, clock *mailClock) string {
			b.begin("local", "/")
			return approve(t, idp, b.app.browser(t).begin("local", "/")).String()
		}, "SignInLost", lost, without, true},
		"it has no state": {func(b *browser, _ *mailClock) string {
			return with(approve(t, idp, b.begin("local", "/")), "state", "")
		}, "", "did not confirm who you are", noState, true},
		"it has two states": {func(b *browser, clock *mailClock) string {
			u := approve(t, idp, b.begin("local", "/"))
			return u.String() + "&state=" + u.Query().Get("state")
		}, "", "did not confirm who you are", noState, true},
	} {
		clock := &mailClock{} // the log says each of these once in a while
		a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Now: clock.now})
		b := a.browser(t)
		callback := row.come(b, clock)
		a.log.forget()
		b.plant(noticeCookie, "LinkLost") // of before
		res := b.get(callback)
		res.refused(t, "OAuthCallback")
		if got := b.cookie(noticeCookie); got != row.notice {
			t.Errorf("%s: the notice is %q, want %q", name, got, row.notice)
		}
		page := res
		for page.Header.Get("Location") != "" {
			page = b.get(page.Header.Get("Location"))
		}
		if page.StatusCode != http.StatusOK || !strings.Contains(page.body, row.page) {
			t.Errorf("%s: the page says %d %s", name, page.StatusCode, page.body)
		}
		log := a.log.String()
		for _, text := range []string{
			row.says, "provider=local cookie=next-auth.transaction.* other_sign_ins=" + map[bool]string{true: "true", false: "false"}[row.others],
			"expected=" + a.URL + "/api/auth/callback/local", "host=" + a.Listener.Addr().String(), `step="the callback"`, "belongs to no sign-in of this browser",
		} {
			if !strings.Contains(log, text) {
				t.Errorf("%s: the log lacks %q: %s", name, text, log)
			}
		}
	}
}

// A sign-in that succeeds takes the notice of one away that did not, and no cache keeps its
// redirect, the first nor the second.
func TestCallback_LeavesNothingBehind(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	b := a.browser(t)
	b.begin("local", "/")
	b.get(approve(t, idp, a.browser(t).begin("local", "/")).String()).refused(t, "OAuthCallback")
	if b.cookie(noticeCookie) != "SignInLost" {
		t.Fatalf("the notice is %q", b.cookie(noticeCookie))
	}
	callback := approve(t, idp, b.begin("local", "/after?x=1")).String()
	for n := range 2 {
		res := b.get(callback)
		res.leads(t, b, "/after?x=1")
		if got := res.Header.Get("Cache-Control"); got != "private, no-cache, no-store" || !strings.Contains(res.Header.Get("Vary"), "Cookie") {
			t.Errorf("answer %d has Cache-Control %q", n+1, got)
		}
		if got := b.cookie(noticeCookie); got != "" {
			t.Errorf("answer %d leaves the notice %q", n+1, got)
		}
	}
}

// Pages show a person's picture: what is no web address could be a script.
func TestOAuth_Picture(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	var picture string
	a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local"), Profile: func(u goth.User) (ginauth.User, error) {
		return ginauth.User{ID: u.UserID, Image: picture}, nil
	}}}})
	for sent, want := range map[string]string{
		"https://img.example/a.png": "https://img.example/a.png", "http://img.example/a.png": "http://img.example/a.png",
		"javascript:alert(1)": "", "data:text/html,x": "", "//img.example/a.png": "", "/a.png": "", "https://[::1/a.png": "", "ftp://img.example/a": "", "": "",
	} {
		picture = sent
		b := a.browser(t)
		if res := b.signIn(idp, "local"); !res.signedIn() {
			t.Fatalf("%q: answered %d to %q", sent, res.StatusCode, res.Header.Get("Location"))
		}
		var out struct{ User struct{ Image string } }
		if decode(t, b.get("/me").body, &out); out.User.Image != want {
			t.Errorf("%q is shown as %q", sent, out.User.Image)
		}
	}
}

// Linking by address needs users to link, and the log tells where a provider answers to.
func TestOAuth_Configuration(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	_, err := ginauth.New(ginauth.Options{Secret: testSecret, Providers: []ginauth.Provider{
		ginauth.OAuth{Provider: local(idp, "trusted"), DangerousEmailAccountLinking: true, IDTokens: &ginauth.IDTokens{}},
	}})
	for _, says := range []string{"provider trusted: DangerousEmailAccountLinking needs an Adapter", "IDTokens needs a place"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the error lacks %q: %v", says, err)
		}
	}
	log := &logBuffer{}
	if _, err := ginauth.New(ginauth.Options{
		Secret: testSecret, BaseURL: "https://app.example", Logger: log.logger(), Providers: ginauth.Goth(github.New("id", "secret", "https://old.example/cb")),
	}); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"a callback URL of its own, which is not used", "provider=github", "written=https://old.example/cb", "used=[https://app.example/api/auth/callback/github]"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log lacks %q: %s", says, log)
		}
	}
	for _, doubt := range []string{"the client secret is empty", "the client id is empty"} {
		if strings.Contains(log.String(), doubt) {
			t.Errorf("the log says %s", log)
		}
	}
}

// While the database is down a provider's answer leads a script on by 200, and signs nobody in.
func TestCallback_DatabaseDownInJSON(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	db := newMemory()
	opts := ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Adapter: db}
	opts.Session.Format = ginauth.AuthJSV5
	a := newApp(t, opts)
	db.breakDown("GetUserByAccount")
	b := page{a.browser(t)}
	var begun struct{ URL string }
	decode(t, b.sent("/api/auth/signin/local", nil, "X-Auth-Return-Redirect", "1").body, &begun)
	a.log.forget()
	req := b.request(http.MethodGet, approve(t, idp, begun.URL).String(), nil)
	req.Header.Set("X-Auth-Return-Redirect", "1")
	a.leadsByJSON(t, "the database is down", b.do(req), 200, errorPage("Callback"), `"looking up the user"`, "connection refused")
}

// A SignIn callback that leaves the user as they are is told nothing, with an Adapter.
func TestSignIn_CallbackLeavesTheUser(t *testing.T) {
	t.Parallel()
	asked := 0
	a := newUserApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
		asked++
		p.User.Name = "Countess " + p.User.Name
		return nil
	}}})
	for range 2 {
		if res := a.browser(t).signInAt(a.idp, "first", "ada"); !res.signedIn() {
			t.Fatalf("answered %d to %q", res.StatusCode, res.Header.Get("Location"))
		}
	}
	if log := a.log.String(); asked != 2 || log != "" {
		t.Errorf("asked %d times, the log says %s", asked, log)
	}
}

// A passkey makes nobody prove who they are at a provider where they have no account.
func TestFactor_PasskeyOfAnotherProvider(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd()})
	a := newPasskeyApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "first"))})
	b := a.browser(t)
	b.signInByPassword("ada")
	if !b.register(a.device(t)) {
		t.Fatalf("no passkey\n%s", a.log)
	}
	page := b.get(factorPage)
	if strings.Contains(page.body, "/api/auth/factor/first") || !strings.Contains(page.body, "/api/auth/factor/passkey") {
		t.Errorf("the page offers %s", page.body)
	}
	b.post("/api/auth/factor/first", url.Values{"csrfToken": {b.csrf()}}).unproved(t, "OtherAccount")
}

// Somebody whose address was changed proves who they are by a mail to the new one.
func TestFactor_MailToANewAddress(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	b := s.browser(t)
	b.press(s.asksFor(t, b, "old@example.com"))
	user := s.db.everybody()["old@example.com"]
	user.Email = "new@example.com"
	if _, err := s.db.UpdateUser(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	s.clock.move(freshFor + time.Minute)
	typed := b.get(b.proves(s.URL+"/api/auth/factor?callbackUrl=%2Ffresh", "email", nil).Header.Get("Location"))
	mail := s.inbox.newest(t)
	if mail.To != "new@example.com" {
		t.Errorf("mailed to %s", mail.To)
	}
	action, fields := onlyForm(t, typed.body)
	fields.Set("code", mail.Code)
	b.post(action, fields).leads(t, b, "/fresh")
	b.admits("/fresh/mail")
}
