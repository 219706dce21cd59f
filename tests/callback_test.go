package tests

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// A waited context tells when somebody begins to wait for its end.
type waited struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (w *waited) Done() <-chan struct{} {
	w.once.Do(func() { close(w.waits) })
	return w.Context.Done()
}

// A twiceApp lets the browser's second request with a provider's answer come while the
// first is under way, in the application's own callback.
type twiceApp struct {
	*app
	idp    *ginauthtest.Provider
	meet   atomic.Pointer[func()] // what happens there, once
	second func() context.Context // of the request with the header Second
}

func newTwiceApp(t *testing.T) *twiceApp {
	t.Helper()
	a := &twiceApp{idp: newIDP(t, ginauthtest.Config{})}
	opts := ginauth.Options{Providers: ginauth.Goth(local(a.idp, "local"))}
	opts.Callbacks.SignIn = func(*gin.Context, ginauth.SignInParams) error {
		if meet := a.meet.Swap(nil); meet != nil {
			(*meet)()
		}
		return nil
	}
	a.app = newApp(t, opts, func(_ *app, c *gin.Context) {
		defer func() {
			if recover() != nil {
				c.AbortWithStatus(http.StatusInternalServerError)
			}
		}()
		if c.GetHeader("Second") != "" {
			c.Request = c.Request.WithContext(a.second())
		}
		c.Next()
	})
	return a
}

// again is the second request.
func (a *twiceApp) again(b *browser, callback string) answer {
	req := b.request(http.MethodGet, callback, nil)
	req.Header.Set("Second", "true")
	return b.do(req)
}

// A provider's answer whose first request panicked in the application's callback is told
// to the operator, and its second request does not hang.
func TestCallback_FirstRequestPanics(t *testing.T) {
	t.Parallel()
	a := newTwiceApp(t)
	b := a.browser(t)
	callback := approve(t, a.idp, b.begin("local", "/")).String()
	w := &waited{Context: t.Context(), waits: make(chan struct{})}
	a.second = func() context.Context { return w }
	second := make(chan answer, 1)
	panics := func() {
		go func() { second <- a.again(b, callback) }()
		<-w.waits
		panic("the application's")
	}
	a.meet.Store(&panics)
	if res := b.get(callback); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("the first answered %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	(<-second).refused(t, "Callback")
	if log := a.log.String(); strings.Count(log, `msg="ginauth: sign-in refused" provider=local code=Callback client=127.0.0.1 step="the callback" error="ginauth: the request that had the provider's answer first has panicked"`) != 1 {
		t.Errorf("the log says %s", log)
	}
	if res := b.signIn(a.idp, "local"); !res.signedIn() {
		t.Errorf("the next sign-in leads to %q", res.Header.Get("Location"))
	}
}

// A browser that has gone while its first request goes on is no fault, and changes nothing
// for the first.
func TestCallback_SecondRequestGone(t *testing.T) {
	t.Parallel()
	a := newTwiceApp(t)
	b := a.browser(t)
	callback := approve(t, a.idp, b.begin("local", "/after")).String()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	a.second = func() context.Context { return gone }
	leaves := func() {
		other := a.browser(t)
		for _, c := range b.cookies() {
			other.plant(c.Name, c.Value)
		}
		if res := a.again(other, callback); res.signedIn() {
			t.Errorf("the second answered %d to %q", res.StatusCode, res.Header.Get("Location"))
		}
	}
	a.meet.Store(&leaves)
	if res := b.get(callback); !res.signedIn() || res.Header.Get("Location") != a.URL+"/after" {
		t.Errorf("the first answered %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	if log := a.log.String(); log != "" {
		t.Errorf("the log says %s", log)
	}
}

// Auth.js's client reads from an answer in JSON where a refusal leads. It takes any status
// from 400 for a failure of its own, so the answers of the provider's refusals are 200.
func TestCallback_RefusalsInJSON(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	var ahead atomic.Int64
	opts := ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}
	opts.Session.Format = ginauth.AuthJSV5
	a := newApp(t, opts)
	for name, row := range map[string]struct {
		answer func(callback *url.URL) string
		code   string
		step   string
	}{
		"cancelled":           {func(u *url.URL) string { return with(u, "code", "", "error", "access_denied") }, "AccessDenied", "the callback"},
		"the provider's own":  {func(u *url.URL) string { return with(u, "code", "", "error", "temporarily_unavailable") }, "Callback", "the callback"},
		"an unknown state":    {func(u *url.URL) string { return with(u, "state", "made-up") }, "OAuthCallback", "the callback"},
		"no state":            {func(u *url.URL) string { return with(u, "state", "") }, "OAuthCallback", "the callback"},
		"a code of nobody":    {func(u *url.URL) string { return with(u, "code", "made-up") }, "OAuthCallback", "the callback"},
		"another issuer":      {func(u *url.URL) string { return with(u, "iss", "https://evil.example") }, "OAuthCallback", "the callback"},
		"an error of no sign": {func(u *url.URL) string { return with(u, "state", "", "code", "", "error", "server_error") }, "Callback", "the callback"},
	} {
		b := page{a.browser(t)}
		res := b.sent("/api/auth/signin/local", nil, "X-Auth-Return-Redirect", "1")
		var begun struct{ URL string }
		decode(t, res.body, &begun)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("signin answered %d %s", res.StatusCode, res.body)
		}
		a.log.forget()
		req := b.request(http.MethodGet, row.answer(approve(t, idp, begun.URL)), nil)
		req.Header.Set("X-Auth-Return-Redirect", "1")
		res = b.do(req)
		if want := `{"url":"` + a.URL + `/api/auth/error?error=` + row.code + `"}`; res.StatusCode != http.StatusOK || res.body != want || res.signedIn() {
			t.Errorf("%s: answered %d %s, want %s", name, res.StatusCode, res.body, want)
		}
		if log := a.log.String(); !strings.Contains(log, `provider=local code=`+row.code+` client=127.0.0.1 step="`+row.step+`"`) {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
	b := page{a.browser(t)}
	res := b.sent("/api/auth/signin/local", map[string]any{"callbackUrl": "/after"}, "X-Auth-Return-Redirect", "1")
	var begun struct{ URL string }
	decode(t, res.body, &begun)
	callback := approve(t, idp, begun.URL).String()
	for n := range 3 { // the first, the one that is remembered, and the one that was completed
		if n == 2 {
			ahead.Store(int64(2 * time.Minute))
		}
		req := b.request(http.MethodGet, callback, nil)
		req.Header.Set("X-Auth-Return-Redirect", "1")
		if res := b.do(req); res.StatusCode != http.StatusOK || res.body != `{"url":"`+a.URL+`/after"}` {
			t.Errorf("request %d answered %d %s", n+1, res.StatusCode, res.body)
		}
	}
}

// While the store is down, the second request with an answer is told so, and not that its
// sign-in was never begun.
func TestCallback_AgainWhileStoreDown(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	store := newSeamStore()
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Session: ginauth.SessionOptions{Store: store}})
	b := a.browser(t)
	callback := approve(t, idp, b.begin("local", "/after")).String()
	if res := b.get(callback); !res.signedIn() {
		t.Fatalf("answered %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	store.down("Get")
	b.get(callback).refused(t, "SessionUnavailable")
	if log := a.log.String(); !strings.Contains(log, `code=SessionUnavailable client=127.0.0.1 step="reading the session"`) || !strings.Contains(log, "connection refused") {
		t.Errorf("the log says %s", log)
	}
	store.up("Get")
	b.get(callback).leads(t, b, "/after")
}

// What an application's Profile says is in the log, and not what came of it.
func TestCallback_ProfileRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		profile func(goth.User) (ginauth.User, error)
		says    string
	}{
		"an error": {func(goth.User) (ginauth.User, error) { return ginauth.User{}, errors.New("the directory is down") }, "the directory is down"},
		"an error and a user": {func(goth.User) (ginauth.User, error) {
			return ginauth.User{ID: "ada"}, errors.New("the directory is down")
		}, "the directory is down"},
		"nobody": {func(goth.User) (ginauth.User, error) { return ginauth.User{Email: "ada@example.com"}, nil }, "Profile gave a User without ID"},
	} {
		idp := newIDP(t, ginauthtest.Config{})
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "local"), Profile: row.profile}}})
		b := a.browser(t)
		b.signIn(idp, "local").refused(t, "OAuthCallback")
		if log := a.log.String(); !strings.Contains(log, `step="the profile"`) || !strings.Contains(log, row.says) || strings.Count(log, "Profile gave") != strings.Count(row.says, "Profile gave") {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
}

// A site that answers for several hosts finds out at the sign-in only that one of them is on
// http, where browsers would not keep the cookie that an answer by POST needs.
func TestCallback_PostNeedsHTTPS(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	posted := local(idp, "posted").With(func(c *oidc.Config) { c.ResponseMode = "form_post" })
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(posted, local(idp, "plain")), TrustedHosts: []string{"app.example", "localhost"}})
	for host, begins := range map[string]bool{"app.example": false, "localhost": true} {
		for provider, always := range map[string]bool{"posted": false, "plain": true} {
			csrfToken, pair := csrfPair(csrfCookie)
			a.log.forget()
			res := a.form(t, "/api/auth/signin/"+provider, url.Values{"csrfToken": {csrfToken}}, "Cookie", pair, "Host", host)
			if got := strings.HasPrefix(res.Header.Get("Location"), idp.Issuer()); got != (begins || always) {
				t.Errorf("%s at %s: answered %d to %q\n%s", provider, host, res.StatusCode, res.Header.Get("Location"), a.log)
			}
			if !begins && !always && (!strings.HasSuffix(res.Header.Get("Location"), "error=OAuthSignin") || !strings.Contains(a.log.String(), "needs a site on https")) {
				t.Errorf("%s at %s: answered %d to %q\n%s", provider, host, res.StatusCode, res.Header.Get("Location"), a.log)
			}
		}
	}
}

// A sign-in goes on where the session that this browser had before cannot be read, and the
// log says that it was not ended.
func TestSignIn_FormerSessionUnreadable(t *testing.T) {
	t.Parallel()
	store := newSeamStore()
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}})
	b := a.browser(t)
	b.signInAs("ada")
	former := handleOf(b)
	csrf := b.csrf()
	for call, ended := range map[string]bool{"Get": false, "Delete": false, "": true} {
		if call != "" {
			store.down(call)
		}
		a.log.forget()
		form := adasForm()
		form.Set("username", "grace")
		form.Set("csrfToken", csrf)
		if res := b.post("/api/auth/callback/credentials", form); !res.signedIn() {
			t.Fatalf("%s: answered %d to %q\n%s", call, res.StatusCode, res.Header.Get("Location"), a.log)
		}
		store.up("Get", "Delete")
		if log := a.log.String(); strings.Contains(log, `level=WARN msg="ginauth: the session before this sign-in was not deleted" error=`) == ended || strings.Contains(log, former) {
			t.Errorf("%q: the log says %s", call, log)
		}
		former = handleOf(b)
	}
}
