package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// What people type into the forms of a refusalApp.
const (
	typedName     = "ada.lovelace"
	typedPassword = "difference engine 1842"
	typedAddress  = "ada.lovelace@typed.example"
)

// refusalClient is the address of a refusalApp's browsers, as its proxy tells it, and
// claimedClient what they write into the header themselves.
const (
	refusalClient = "203.0.113.7"
	claimedClient = "198.51.100.66"
)

// A refusalApp signs people in by each method, and keeps what its events told.
type refusalApp struct {
	*mailApp
	idp *ginauthtest.Provider

	mu      sync.Mutex
	refused []ginauth.SignInErrorEvent
	limited []ginauth.RateLimitEvent
	entered int
}

// refusalOptions change what newRefusalApp makes.
type refusalOptions struct {
	authorize func(c *gin.Context, typed map[string]string) (*ginauth.User, error)
	signIn    error // of the SignIn callback
	jwt       error // of the JWT callback
	link      bool  // by mail: a link in place of a code
	profile   func(*ginauth.OAuth)
	opts      func(*ginauth.Options)
}

func newRefusalApp(t *testing.T, row refusalOptions) *refusalApp {
	t.Helper()
	a := &refusalApp{idp: newIDP(t, ginauthtest.Config{People: crowd()})}
	oauth := ginauth.OAuth{Provider: local(a.idp, "first")}
	if row.profile != nil {
		row.profile(&oauth)
	}
	if row.authorize == nil {
		row.authorize = func(*gin.Context, map[string]string) (*ginauth.User, error) {
			return &ginauth.User{ID: "member-1"}, nil
		}
	}
	opts := ginauth.Options{
		Providers: []ginauth.Provider{oauth, ginauth.OAuth{Provider: local(a.idp, "second")}, ginauth.Credentials{
			Fields:    []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: row.authorize,
		}},
		TrustedProxies: behindProxy,
		Callbacks: ginauth.Callbacks{
			SignIn: func(*gin.Context, ginauth.SignInParams) error { return row.signIn },
			JWT:    func(*gin.Context, ginauth.JWTParams) error { return row.jwt },
		},
		Events: ginauth.Events{
			SignIn: func(*gin.Context, ginauth.SignInEvent) {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.entered++
			},
			SignInError: func(c *gin.Context, e ginauth.SignInErrorEvent) {
				if c.Writer.Written() {
					t.Error("the answer is written before the event")
				}
				a.mu.Lock()
				defer a.mu.Unlock()
				a.refused = append(a.refused, e)
			},
			RateLimit: func(_ *gin.Context, e ginauth.RateLimitEvent) {
				a.mu.Lock()
				defer a.mu.Unlock()
				a.limited = append(a.limited, e)
			},
		},
	}
	if row.opts != nil {
		row.opts(&opts)
	}
	a.mailApp = newMailApp(t, ginauth.Email{Code: !row.link}, opts)
	return a
}

// A behindProxies transport is a browser behind the proxy that the app trusts.
type behindProxies struct{ http.RoundTripper }

func (p behindProxies) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("X-Forwarded-For", claimedClient+", "+refusalClient)
	return p.RoundTripper.RoundTrip(req)
}

func (a *refusalApp) visitor(t *testing.T) *browser {
	b := a.browser(t)
	b.Client.Transport = behindProxies{b.Client.Transport}
	return b
}

// types posts name and password from the sign-in form.
func (a *refusalApp) types(b *browser, name string) answer {
	return b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {name}, "password": {typedPassword}})
}

// errLeaky repeats what was typed.
var errLeaky = fmt.Errorf("no row for %s and %s", typedName, typedPassword)

// Every sign-in that ends without a session calls SignInError once and leaves one line,
// with the address that the limits count and without what was typed.
func TestSignInError(t *testing.T) {
	t.Parallel()
	const info, warn = "INFO", "WARN"
	document, err := os.ReadFile(auditDocument)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		refusalOptions
		do       func(t *testing.T, a *refusalApp, b *browser)
		provider string
		code     string
		level    string // "": no line of its own
		user     string // of the event
		is       error
		times    int // 0: once
	}{
		{name: "credentials: nobody", provider: "credentials", code: "CredentialsSignin", level: info,
			refusalOptions: refusalOptions{authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil }}},
		{name: "credentials: not found", provider: "credentials", code: "CredentialsSignin", level: info,
			refusalOptions: refusalOptions{authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, ginauth.ErrNotFound }}},
		{name: "credentials: in public", provider: "credentials", code: "CredentialsSignin", level: info,
			refusalOptions: refusalOptions{authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
				return nil, ginauth.PublicError("not " + typedName)
			}}},
		{name: "credentials: an error", provider: "credentials", code: "Callback", level: warn, is: errLeaky,
			refusalOptions: refusalOptions{authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, errLeaky }}},
		{name: "credentials: no ID", provider: "credentials", code: "Callback", level: warn,
			refusalOptions: refusalOptions{authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return &ginauth.User{}, nil }}},
		{name: "credentials: counted by the account", provider: "credentials", code: "RateLimited", level: info,
			refusalOptions: refusalOptions{
				opts: func(o *ginauth.Options) { o.Limits.Guesses = ginauth.Rate{Count: 1, Per: time.Hour} },
				authorize: func(c *gin.Context, _ map[string]string) (*ginauth.User, error) {
					if c.GetHeader("X-First") != "" {
						return nil, ginauth.CountGuess(c, "42")
					}
					return nil, fmt.Errorf("account 42: %w", ginauth.CountGuess(c, "42"))
				},
			},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				req := b.request("POST", "/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"somebody"}})
				req.Header.Set("X-First", "1")
				b.do(req)
				a.forget()
				a.types(b, typedName)
			}},
		{name: "credentials: no CSRF token", provider: "credentials", code: "MissingCSRF", do: func(_ *testing.T, _ *refusalApp, b *browser) {
			b.post("/api/auth/callback/credentials", url.Values{"username": {typedName}, "password": {typedPassword}})
		}},
		{name: "credentials: another user's", provider: "credentials", code: "OAuthAccountNotLinked", level: warn, user: "user-1",
			refusalOptions: refusalOptions{authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return &ginauth.User{ID: "user-1"}, nil }},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.db.add(t, ginauth.User{Name: "Ada"}, ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "ada"})
				a.types(b, typedName)
			}},
		{name: "limits: too many guesses", provider: "credentials", code: "RateLimited", level: info,
			refusalOptions: refusalOptions{
				opts:      func(o *ginauth.Options) { o.Limits.Guesses = ginauth.Rate{Count: 1, Per: time.Hour} },
				authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
			},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.types(b, typedName)
				a.forget()
				a.types(b, typedName)
			}},
		{name: "limits: too many sign-ins begun", provider: "first", code: "RateLimited", level: info,
			refusalOptions: refusalOptions{opts: func(o *ginauth.Options) { o.Limits.Starts = ginauth.Rate{Count: 1, Per: time.Hour} }},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.begin("first", "/")
				b.post("/api/auth/signin/first", url.Values{"csrfToken": {b.csrf()}})
			}},
		{name: "limits: too many mails", provider: "email", code: "RateLimited", level: info,
			refusalOptions: refusalOptions{opts: func(o *ginauth.Options) { o.Limits.Mails = ginauth.Rate{Count: 1, Per: time.Hour} }},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.ask(typedAddress, "/").sent(t)
				b.ask(typedAddress, "/")
			}},
		{name: "limits: too many successes", provider: "first", code: "RateLimited", level: info, user: "user-1",
			refusalOptions: refusalOptions{opts: func(o *ginauth.Options) { o.Limits.Successes = ginauth.Rate{Count: 1, Per: time.Hour} }},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.signInAt(a.idp, "first", "ada")
				b = a.visitor(t)
				callback := as(t, a.idp, b.begin("first", "/"), "ada").RequestURI()
				var cookies []string
				for _, c := range b.cookies() {
					cookies = append(cookies, c.Name+"="+c.Value)
				}
				for range 2 { // a double click has the same refusal
					res := a.send(t, http.MethodGet, callback, "", "Cookie", strings.Join(cookies, "; "), "X-Forwarded-For", refusalClient)
					if res.StatusCode != http.StatusTooManyRequests {
						t.Errorf("answered %d", res.StatusCode)
					}
				}
			}},
		{name: "callback: SignIn denies", provider: "credentials", code: "AccessDenied", level: info, user: "member-1", is: ginauth.ErrAccessDenied,
			refusalOptions: refusalOptions{signIn: fmt.Errorf("banned is %s: %w", typedName, ginauth.ErrAccessDenied)}},
		{name: "callback: SignIn denies in public", provider: "credentials", code: "AccessDenied", level: info, user: "member-1",
			refusalOptions: refusalOptions{signIn: ginauth.PublicError("you are banned")}},
		{name: "callback: SignIn sends elsewhere", provider: "credentials", code: "AccessDenied", level: info, user: "member-1",
			refusalOptions: refusalOptions{signIn: ginauth.RedirectTo("/welcome?invitation=" + typedPassword)}},
		{name: "callback: SignIn fails", provider: "credentials", code: "AccessDenied", level: warn, user: "member-1", is: errLeaky,
			refusalOptions: refusalOptions{signIn: errLeaky}},
		{name: "callback: JWT ends the session", provider: "credentials", code: "AccessDenied", level: info, user: "member-1", is: ginauth.ErrSignedOut,
			refusalOptions: refusalOptions{jwt: ginauth.ErrSignedOut}},
		{name: "callback: JWT fails", provider: "credentials", code: "Callback", level: warn, user: "member-1", is: errLeaky,
			refusalOptions: refusalOptions{jwt: errLeaky}},
		{name: "callback: the profile is of nobody", provider: "first", code: "OAuthCallback", level: warn,
			refusalOptions: refusalOptions{profile: noProfile}, do: atProvider("ada")},
		{name: "provider: it cannot be asked", provider: "first", code: "OAuthSignin", level: warn,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.idp.Break(ginauthtest.Discovery, http.NotFoundHandler())
				b.post("/api/auth/signin/first", url.Values{"csrfToken": {b.csrf()}})
			}},
		{name: "provider: the person cancels", provider: "first", code: "AccessDenied", level: info, is: ginauth.ErrAccessDenied,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				callback, err := a.idp.Cancel(t.Context(), b.begin("first", "/"))
				if err != nil {
					t.Fatal(err)
				}
				b.get(callback.String())
			}},
		{name: "provider: it answers an error", provider: "first", code: "Callback", level: warn,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				callback := as(t, a.idp, b.begin("first", "/"), "ada")
				b.get(with(callback, "error", "server_error", "code", ""))
			}},
		{name: "provider: its id_token lies", provider: "first", code: "OAuthCallback", level: warn,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.idp.Sign(ginauthtest.WrongKey)
				callback := as(t, a.idp, b.begin("first", "/"), "ada").String()
				b.get(callback)
			}},
		{name: "provider: no such sign-in", provider: "first", code: "OAuthCallback", level: warn,
			do: func(_ *testing.T, _ *refusalApp, b *browser) { b.get("/api/auth/callback/first?code=x&state=y") }},
		{name: "provider: a link that says access denied", provider: "first", code: "AccessDenied", level: info,
			do: func(_ *testing.T, _ *refusalApp, b *browser) {
				b.get("/api/auth/callback/first?error=access_denied&error_description=" + typedName)
			}},
		{name: "provider: no CSRF token", provider: "first", code: "MissingCSRF",
			do: func(_ *testing.T, _ *refusalApp, b *browser) { b.post("/api/auth/signin/first", url.Values{}) }},
		{name: "linking: another user's address", provider: "first", code: "OAuthAccountNotLinked", level: warn, user: "ada",
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.db.add(t, ginauth.User{Name: "Somebody", Email: "ada@example.com"})
				b.signInAt(a.idp, "first", "ada")
			}},
		{name: "linking: the users cannot be read", provider: "first", code: "Callback", level: warn, user: "ada", is: errDatabase,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.db.breakDown("GetUserByAccount")
				b.signInAt(a.idp, "first", "ada")
			}},
		{name: "linking: the user cannot be stored", provider: "first", code: "OAuthCreateAccount", level: warn, user: "ada", is: errDatabase,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.db.breakDown("CreateUser")
				b.signInAt(a.idp, "first", "ada")
			}},
		{name: "session: it cannot be kept", provider: "first", code: "SessionUnavailable", level: warn, user: "user-1",
			refusalOptions: refusalOptions{opts: func(o *ginauth.Options) { o.Session.Store = brokenStore{} }}, do: atProvider("ada")},
		{name: "mail: no address", provider: "email", code: "EmailSignin", level: warn,
			do: func(_ *testing.T, _ *refusalApp, b *browser) { b.ask(typedName+"@", "/") }},
		{name: "mail: it is not sent", provider: "email", code: "EmailSignin", level: warn,
			do: func(_ *testing.T, a *refusalApp, b *browser) {
				a.inbox.fault = fmt.Errorf("550 no mailbox %s here", typedAddress)
				b.ask(typedAddress, "/")
			}},
		{name: "mail: SignIn denies", provider: "email", code: "AccessDenied", level: info, is: ginauth.ErrAccessDenied,
			refusalOptions: refusalOptions{signIn: ginauth.ErrAccessDenied},
			do:             func(_ *testing.T, _ *refusalApp, b *browser) { b.ask(typedAddress, "/") }},
		{name: "mail: no CSRF token", provider: "email", code: "MissingCSRF",
			do: func(_ *testing.T, _ *refusalApp, b *browser) {
				b.post("/api/auth/signin/email", url.Values{"email": {typedAddress}})
			}},
		{name: "mail: a wrong code, and no more tries", provider: "email", code: "VerificationCode", level: info, times: 7,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.ask(typedAddress, "/").sent(t)
				for range 7 {
					b.typeCode(other(a.inbox.newest(t).Code))
				}
			}},
		{name: "mail: a code of another browser", provider: "email", code: "VerificationCode", level: info,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.visitor(t).ask(typedAddress, "/").sent(t)
				b.typeCode(a.inbox.newest(t).Code)
			}},
		{name: "mail: the code cannot be checked", provider: "email", code: "Callback", level: warn, is: errDatabase,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.ask(typedAddress, "/").sent(t)
				a.db.breakDown("UseVerificationToken")
				b.typeCode(a.inbox.newest(t).Code)
			}},
		{name: "mail: a link that is none", provider: "email", code: "Verification", level: info, times: 2,
			refusalOptions: refusalOptions{link: true},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.get("/api/auth/callback/email?token=x&email=" + typedName)
				b.get("/api/auth/callback/email?email=" + url.QueryEscape(typedAddress))
			}},
		{name: "mail: a link that was used", provider: "email", code: "Verification", level: info,
			refusalOptions: refusalOptions{link: true},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.ask(typedAddress, "/").sent(t)
				link := a.inbox.newest(t).URL
				if !b.press(link).signedIn() {
					t.Fatal("the link signs nobody in")
				}
				a.visitor(t).press(link)
			}},
		{name: "mail: the link cannot be checked", provider: "email", code: "Callback", level: warn, is: errDatabase,
			refusalOptions: refusalOptions{link: true},
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.ask(typedAddress, "/").sent(t)
				a.db.breakDown("UseVerificationToken")
				b.press(a.inbox.newest(t).URL)
			}},
		{name: "mail: an address that nobody proved", provider: "email", code: "OAuthAccountNotLinked", level: warn, user: "user-1",
			do: func(t *testing.T, a *refusalApp, b *browser) {
				a.db.add(t, ginauth.User{Name: "Mallory", Email: typedAddress}, ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "m"})
				b.ask(typedAddress, "/").sent(t)
				b.typeCode(a.inbox.newest(t).Code)
			}},
		{name: "mail: the user cannot be stored", provider: "email", code: "EmailCreateAccount", level: warn, is: errDatabase,
			do: func(t *testing.T, a *refusalApp, b *browser) {
				b.ask(typedAddress, "/").sent(t)
				a.db.breakDown("CreateUser")
				b.typeCode(a.inbox.newest(t).Code)
			}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if !bytes.Contains(document, []byte("`"+row.code+"`")) {
				t.Errorf("%s does not have the code %s", auditDocument, row.code)
			}
			a := newRefusalApp(t, row.refusalOptions)
			b := a.visitor(t)
			if row.do == nil {
				row.do = func(_ *testing.T, a *refusalApp, b *browser) { a.types(b, typedName) }
			}
			row.do(t, a, b)
			a.mu.Lock()
			defer a.mu.Unlock()
			if want := max(row.times, 1); len(a.refused) != want {
				t.Fatalf("%d events, want %d: %v\n%s", len(a.refused), want, a.refused, a.log)
			}
			for _, e := range a.refused {
				who := ""
				if e.User != nil {
					who = e.User.ID
				}
				if e.Provider != row.provider || e.Code != row.code || who != row.user || e.Client != netip.MustParseAddr(refusalClient) {
					t.Errorf("%s %s of %q at %v, want %s %s of %q", e.Provider, e.Code, who, e.Client, row.provider, row.code, row.user)
				}
				if e.Err == nil || row.is != nil && !errors.Is(e.Err, row.is) {
					t.Errorf("the error %v", e.Err)
				}
				if text := fmt.Sprintf("%v %+v %#v", e.Err, e.Err, e.Code); holdsTyped(text) {
					t.Errorf("the event holds what was typed: %s", text)
				}
			}
			if limited := row.code == "RateLimited"; len(a.limited) != map[bool]int{true: 1}[limited] ||
				limited && (a.limited[0].Provider != row.provider || a.limited[0].Client.String() != refusalClient || a.limited[0].RetryAfter <= 0) {
				t.Errorf("RateLimit was told of %v", a.limited)
			}
			var lines []string
			for line := range strings.Lines(a.log.String()) {
				if strings.Contains(line, `msg="ginauth: sign-in refused"`) {
					lines = append(lines, line)
				}
			}
			want := len(a.refused)
			if row.level == "" {
				want = 0
			}
			start := fmt.Sprintf(`level=%s msg="ginauth: sign-in refused" provider=%s code=%s client=%s `, row.level, row.provider, row.code, refusalClient)
			if len(lines) != want || slices.ContainsFunc(lines, func(line string) bool { return !strings.Contains(line, start) }) {
				t.Errorf("%d lines, want %d with %s:\n%s", len(lines), want, start, a.log)
			}
			if log := a.log.String(); holdsTyped(log) || strings.Contains(log, claimedClient) {
				t.Errorf("the log holds what somebody wrote: %s", log)
			}
		})
	}
}

// forget drops what was told so far, and the lines of it.
func (a *refusalApp) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refused, a.limited = nil, nil
	a.log.mu.Lock()
	defer a.log.mu.Unlock()
	a.log.b.Reset()
}

// holdsTyped reports whether a text holds what was typed, written in any way.
func holdsTyped(text string) bool {
	return slices.ContainsFunc([]string{typedName, typedPassword, typedAddress}, func(s string) bool {
		return strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s))
	})
}

// atProvider signs a person in at the provider first.
func atProvider(subject string) func(*testing.T, *refusalApp, *browser) {
	return func(_ *testing.T, a *refusalApp, b *browser) { b.signInAt(a.idp, "first", subject) }
}

// A sign-in that succeeds is no error, nor is its answer that the browser sends again,
// nor a visit of somebody who has no session.
func TestSignInError_NoneWhereAllGoesWell(t *testing.T) {
	t.Parallel()
	a := newRefusalApp(t, refusalOptions{link: true})
	b := a.visitor(t)
	callback := as(t, a.idp, b.begin("first", "/"), "ada").String()
	b.get(callback)
	b.get(callback)
	a.types(a.visitor(t), typedName)
	c := a.visitor(t)
	c.ask(typedAddress, "/").sent(t)
	c.press(a.inbox.newest(t).URL)
	a.visitor(t).get("/me")
	b.post("/api/auth/signout", url.Values{"csrfToken": {"wrong"}}) // signing out is no sign-in
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.refused) != 0 || a.entered != 3 {
		t.Errorf("%d signed in, and %v\n%s", a.entered, a.refused, a.log)
	}
}

// A user's ID that holds what was typed stays out of the log, and in the event.
func TestSignInError_IDThatWasTyped(t *testing.T) {
	t.Parallel()
	a := newRefusalApp(t, refusalOptions{signIn: ginauth.ErrAccessDenied, authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
		return &ginauth.User{ID: "member:" + typed["username"]}, nil
	}})
	a.types(a.visitor(t), typedName)
	if log := a.log.String(); holdsTyped(log) || !strings.Contains(log, "error=\"ginauth: access denied\"") {
		t.Errorf("the log: %s", log)
	}
	if len(a.refused) != 1 || a.refused[0].User.ID != "member:"+typedName {
		t.Errorf("the event: %v", a.refused)
	}
}

// The event cannot change who is refused, nor the outcome.
func TestSignInError_CannotChangeTheOutcome(t *testing.T) {
	t.Parallel()
	a := newRefusalApp(t, refusalOptions{signIn: ginauth.ErrAccessDenied, opts: func(o *ginauth.Options) {
		o.Events.SignInError = func(_ *gin.Context, e ginauth.SignInErrorEvent) { e.User.ID = "root" }
	}})
	b := a.visitor(t)
	a.types(b, typedName).refused(t, "AccessDenied")
	if log := a.log.String(); !strings.Contains(log, "user=member-1") {
		t.Errorf("the log: %s", log)
	}
}

// noProfile makes a provider's profile one of nobody.
func noProfile(o *ginauth.OAuth) {
	o.Profile = func(goth.User) (ginauth.User, error) { return ginauth.User{}, nil }
}

// A brokenStore keeps nothing.
type brokenStore struct{}

func (brokenStore) Create(context.Context, string, []byte, time.Time) (string, error) {
	return "", errDatabase
}
func (brokenStore) Get(context.Context, string) ([]byte, error) { return nil, errDatabase }
func (brokenStore) Update(context.Context, string, []byte, time.Time) (string, error) {
	return "", errDatabase
}
func (brokenStore) Delete(context.Context, string) error { return errDatabase }
