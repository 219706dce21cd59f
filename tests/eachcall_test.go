package tests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// A cutApp is an application of which one call of its database, its session store or its
// revocations fails.
type cutApp struct {
	*passwordApp
	*calls
	browser     *browser
	err         error // what the last call of the handlers below returned
	store       wholeStore
	revocations ginauth.Revocations
}

// A cut is something that a person or an application does.
type cut struct {
	name string
	// prepare returns what is done. That reports whether it succeeded.
	prepare func(t *testing.T, a *cutApp) func() bool
	// kept and sealed are the calls that may fail and change nothing of the success, with
	// sessions in a store and sealed ones. What they could not do is told to the log, or
	// is nothing, quietly. Any other call that fails is a failure of the whole.
	kept, sealed string
	// json is what Auth.js's client is told where a call fails: status and error code.
	json       string
	needsStore bool // sealed sessions are known to their browsers alone
}

// newCutApp makes an application with sessions in a store, or sealed with revocations.
func newCutApp(t *testing.T, store wholeStore, change ...func(*ginauth.Options)) *cutApp {
	a := &cutApp{calls: &calls{}}
	opts := ginauth.Options{Adapter: cutAdapter{ginauth.MemoryAdapter(), a.calls}}
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		if p.Update == "end" {
			return ginauth.ErrSignedOut
		}
		return nil
	}
	if store != nil {
		opts.Session.Store = cutStore{store, a.calls}
		opts.Session.KeepTokens = true
		opts.Session.MaxPerUser = 2
		a.store = store
	} else {
		a.revocations = ginauth.MemoryRevocations()
		opts.Session.Revocations = cutRevocations{a.revocations, a.calls}
	}
	for _, change := range change {
		change(&opts)
	}
	a.passwordApp = newPasswordApp(t, passwordOptions{Options: opts, trusting: true})
	a.browser = a.app.browser(t)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	t.Cleanup(service.Close)
	handle := func(path string, do func(c *gin.Context) error) {
		a.engine.POST(path, a.auth.LoadSession(), func(c *gin.Context) {
			if a.err = do(c); a.err != nil {
				c.String(http.StatusTeapot, "%v", a.err)
				return
			}
			c.String(http.StatusOK, "done")
		})
	}
	handle("/enter", func(c *gin.Context) error {
		_, err := a.auth.SignIn(c, ginauth.User{ID: c.PostForm("id")})
		return err
	})
	handle("/leave", func(c *gin.Context) error { return a.auth.SignOut(c) })
	handle("/change", func(c *gin.Context) error {
		_, err := a.auth.Update(c, "data")
		return err
	})
	handle("/end", func(c *gin.Context) error {
		if _, err := a.auth.Update(c, "end"); !errors.Is(err, ginauth.ErrSignedOut) {
			return err
		}
		return nil
	})
	handle("/call", func(c *gin.Context) error {
		client, err := a.auth.Client(c)
		if err != nil {
			return err
		}
		res, err := client.Get(service.URL)
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	return a
}

// does posts to one of the handlers.
func (a *cutApp) does(path string, pairs ...string) bool {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	req := a.browser.request(http.MethodPost, path, form)
	req.Header.Set("Origin", a.URL)
	return a.browser.do(req).StatusCode == http.StatusOK
}

// ada is signed in at a provider, in this browser.
func (a *cutApp) ada(t *testing.T) (id string) {
	t.Helper()
	if res := a.browser.signInAt(a.idp, "first", "ada"); !res.signedIn() {
		t.Fatalf("not signed in: %s\n%s", res.Header.Get("Location"), a.log)
	}
	return a.browser.id()
}

// api is something that the application does for a user.
func api(call func(ctx context.Context, a *cutApp, id string) error) func(*testing.T, *cutApp) func() bool {
	return func(t *testing.T, a *cutApp) func() bool {
		id := a.ada(t)
		return func() bool {
			a.err = call(t.Context(), a, id)
			return a.err == nil
		}
	}
}

// arriving is the way back from a provider.
func arriving(provider, subject string) func(*testing.T, *cutApp) func() bool {
	return func(t *testing.T, a *cutApp) func() bool {
		callback := as(t, a.idp, a.browser.begin(provider, "/after"), subject).String()
		return func() bool { return a.browser.get(callback).signedIn() }
	}
}

// after does something first.
func after(first func(t *testing.T, a *cutApp), next func(*testing.T, *cutApp) func() bool) func(*testing.T, *cutApp) func() bool {
	return func(t *testing.T, a *cutApp) func() bool {
		first(t, a)
		return next(t, a)
	}
}

func signsIn(t *testing.T, a *cutApp) { a.ada(t) }

// pressing is the button on the page of a mail's link.
func pressing(email string) func(*testing.T, *cutApp) func() bool {
	return func(t *testing.T, a *cutApp) func() bool {
		page := a.browser.get(a.asksFor(t, a.browser, email))
		action, fields := onlyForm(t, page.body)
		return func() bool { return a.browser.post(action, fields).signedIn() }
	}
}

func typing(t *testing.T, a *cutApp) func() bool {
	return func() bool { return a.browser.types("member@example.com", "secret 4711").signedIn() }
}

// signIns are the ways in.
func signIns() []cut {
	elsewhere := func(t *testing.T, a *cutApp) { // two more sessions of Ada's
		for range 2 {
			a.app.browser(t).signInAt(a.idp, "first", "ada")
		}
	}
	registered := func(t *testing.T, a *cutApp) { a.registers(t, "member@example.com", "secret 4711") }
	return []cut{
		{name: "a new user signs in at a provider", json: "200 Callback, 200 OAuthCreateAccount, 503 SessionUnavailable", kept: "List", prepare: arriving("first", "ada")},
		{name: "a known user signs in at a provider", json: "200 Callback, 503 SessionUnavailable", kept: "List", prepare: after(func(t *testing.T, a *cutApp) {
			a.app.browser(t).signInAt(a.idp, "first", "ada")
		}, arriving("first", "ada"))},
		{name: "signs in again", json: "200, 200 Callback, 503 SessionUnavailable", kept: "Get, Delete, List, Get quietly", sealed: "Revoke, RevokedAt quietly", prepare: after(signsIn, arriving("first", "ada"))},
		{name: "with more sessions than the cap", kept: "List, DeleteListed", prepare: after(elsewhere, arriving("first", "ada"))},
		{name: "links a second account", json: "200, 200 Callback, 200 OAuthAccountNotLinked, 503 SessionUnavailable", kept: "Get, Delete, List, Get quietly", sealed: "Revoke, RevokedAt quietly", prepare: after(signsIn, arriving("second", "eve"))},
		{name: "asks for a mail", prepare: func(t *testing.T, a *cutApp) func() bool {
			token := a.browser.csrf()
			return func() bool {
				res := a.browser.post("/api/auth/signin/email", url.Values{"csrfToken": {token}, "email": {"new@example.com"}})
				return strings.HasSuffix(res.Header.Get("Location"), "/verify-request?provider=email&type=email")
			}
		}},
		{name: "a new user presses a mail's button", json: "200 Callback, 200 EmailCreateAccount, 500 Callback, 503 SessionUnavailable", kept: "List", prepare: pressing("new@example.com")},
		{name: "a known user presses a mail's button", json: "200 Callback, 500 Callback, 503 SessionUnavailable", kept: "List", prepare: after(func(t *testing.T, a *cutApp) {
			a.mails(t, a.app.browser(t), "known@example.com")
		}, pressing("known@example.com"))},
		{name: "a user with the address signs in at a trusted provider", json: "200 Callback, 503 SessionUnavailable", kept: "List", prepare: after(func(t *testing.T, a *cutApp) {
			a.mails(t, a.app.browser(t), "grace@example.com")
		}, arriving("first", "grace"))},
		{name: "takes over a user whose password was used", json: "200 Callback, 500 Callback, 503 SessionUnavailable", kept: "List", prepare: after(func(t *testing.T, a *cutApp) {
			a.registers(t, "member@example.com", "secret 4711")
			a.app.browser(t).types("member@example.com", "secret 4711")
		}, pressing("member@example.com"))},
		{name: "takes over a user with a password", json: "200 Callback, 500 Callback, 503 SessionUnavailable", kept: "List", prepare: after(registered, pressing("member@example.com"))},
		{name: "first types a password", json: "500 Callback, 503 SessionUnavailable", kept: "List", prepare: after(registered, typing)},
		{name: "types a password", json: "500 Callback, 503 SessionUnavailable", kept: "List", prepare: after(registered, after(func(t *testing.T, a *cutApp) {
			a.app.browser(t).types("member@example.com", "secret 4711")
		}, typing))},
	}
}

// sessionCuts are what is done in a session.
func sessionCuts() []cut {
	return []cut{
		{name: "signs out", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			token := a.browser.csrf()
			return func() bool {
				return a.browser.post("/api/auth/signout", url.Values{"csrfToken": {token}}).StatusCode == http.StatusFound
			}
		})},
		{name: "asks for the session", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			return func() bool { return a.browser.get("/api/auth/session").StatusCode == http.StatusOK }
		})},
		{name: "asks for an old session", kept: "Get quietly", sealed: "RevokedAt quietly", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			a.clock.move(48 * time.Hour)
			return func() bool { return a.browser.get("/api/auth/session").StatusCode == http.StatusOK }
		})},
		{name: "opens a page", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			return func() bool { return a.browser.get("/me").StatusCode == http.StatusOK }
		})},
		{name: "opens a page in an old session", kept: "Get quietly", sealed: "RevokedAt quietly", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			a.clock.move(48 * time.Hour)
			return func() bool { return a.browser.get("/me").StatusCode == http.StatusOK }
		})},
		{name: "SignIn", kept: "List", prepare: func(t *testing.T, a *cutApp) func() bool {
			id := a.registers(t, "member@example.com", "secret 4711")
			return func() bool { return a.does("/enter", "id", id) }
		}},
		{name: "SignOut", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			return func() bool { return a.does("/leave") }
		})},
		{name: "Update", kept: "Get quietly", sealed: "RevokedAt quietly", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			return func() bool { return a.does("/change") }
		})},
		{name: "Update that ends the session", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			return func() bool { return a.does("/end") }
		})},
	}
}

// userCuts are what an application does for a user.
func userCuts() []cut {
	return []cut{
		{name: "Sessions", needsStore: true, prepare: api(func(ctx context.Context, a *cutApp, id string) error {
			_, err := a.auth.Sessions(ctx, id)
			return err
		})},
		{name: "EndSession", needsStore: true, prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			id := a.browser.id()
			list, err := a.auth.Sessions(t.Context(), id)
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			return func() bool {
				a.err = a.auth.EndSession(t.Context(), id, list[0].ID)
				return a.err == nil
			}
		})},
		{name: "RevokeUser", prepare: api(func(ctx context.Context, a *cutApp, id string) error { return a.auth.RevokeUser(ctx, id) })},
		{name: "DeleteUser", prepare: api(func(ctx context.Context, a *cutApp, id string) error { return a.auth.DeleteUser(ctx, id) })},
		{name: "Unlink", prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			arriving("second", "eve")(t, a)()
			id := a.browser.id()
			return func() bool {
				a.err = a.auth.Unlink(t.Context(), id, "second", "eve")
				return a.err == nil
			}
		})},
		{name: "LinkCredentials", prepare: func(t *testing.T, a *cutApp) func() bool {
			id := a.registers(t, "member@example.com", "secret 4711")
			return func() bool {
				a.err = a.auth.LinkCredentials(t.Context(), id)
				return a.err == nil
			}
		}},
		{name: "calls a service with tokens that expired", needsStore: true, prepare: after(signsIn, func(t *testing.T, a *cutApp) func() bool {
			a.clock.move(2 * time.Hour)
			return func() bool { return a.does("/call") }
		})},
	}
}

// Of all that a person or an application does, each call of the database, the session
// store and the revocations fails once. Then nothing is told as done, nobody is signed in,
// and what failed is told: to the application by the error, to the operator by the log.
func TestFault_EachCallOfSignIns(t *testing.T)  { testEachCall(t, signIns()) }
func TestFault_EachCallOfSessions(t *testing.T) { testEachCall(t, sessionCuts()) }
func TestFault_EachCallOfUsers(t *testing.T)    { testEachCall(t, userCuts()) }

func testEachCall(t *testing.T, cuts []cut) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	for i, row := range cuts {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			try := func(fails int) (a *cutApp, done bool, names []string) {
				a = newCutApp(t, redisstore.New(client, redisstore.Options{Prefix: fmt.Sprintf("%d.%d:", i, fails)}))
				done, names = a.try(t, row, fails)
				return a, done, names
			}
			if went := eachCall(t, try); went != row.kept {
				t.Errorf("it goes on without %q, want %q", went, row.kept)
			}
		})
		if row.needsStore {
			continue
		}
		t.Run(row.name+", sealed", func(t *testing.T) {
			t.Parallel()
			try := func(fails int) (a *cutApp, done bool, names []string) {
				a = newCutApp(t, nil)
				done, names = a.try(t, row, fails)
				return a, done, names
			}
			if went := eachCall(t, try); went != row.sealed {
				t.Errorf("it goes on without %q, want %q", went, row.sealed)
			}
		})
	}
}

// try does something while one of the calls fails.
func (a *cutApp) try(t *testing.T, row cut, fails int) (done bool, names []string) {
	do := row.prepare(t, a)
	a.log.forget()
	a.err = nil
	a.arm(fails)
	done = do()
	return done, a.disarm()
}

// eachCall lets each call fail in turn, or each of only these names, and returns those
// without which it went on.
func eachCall(t *testing.T, try func(fails int) (*cutApp, bool, []string), only ...string) string {
	t.Helper()
	a, done, all := try(-1)
	if !done {
		t.Fatalf("cannot be done: %v\n%s", a.err, a.log)
	}
	var went []string
	for n := range all {
		if len(only) > 0 && !slices.Contains(only, all[n]) {
			continue
		}
		a, done, names := try(n)
		name, said := names[n], strings.Contains(a.log.String(), errCut.Error())
		switch {
		case done && said:
			went = append(went, name)
		case done:
			went = append(went, name+" quietly")
		case a.err != nil && !errors.Is(a.err, errCut):
			t.Errorf("call %d, %s, fails, and the error is %v", n, name, a.err)
		case a.err == nil && !said:
			t.Errorf("call %d, %s, fails, and the log says %q", n, name, a.log)
		}
	}
	return strings.Join(went, ", ")
}

// The session ends elsewhere right before one of the calls, whichever it is: by another
// process, that deletes it in the store, or that revokes it. Then nothing that the request
// does brings it back.
func TestSignOut_BeforeEachCall(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	rows := append(sessionCuts(), userCuts()...)
	for i, row := range rows {
		switch row.name {
		case "asks for the session", "asks for an old session", "opens a page", "opens a page in an old session",
			"Update", "calls a service with tokens that expired":
		default:
			continue
		}
		for _, sealed := range []bool{false, true} {
			if sealed && row.needsStore {
				continue
			}
			t.Run(fmt.Sprintf("%s, sealed %v", row.name, sealed), func(t *testing.T) {
				t.Parallel()
				for n, all := -1, 0; n < all; n++ {
					var store wholeStore
					if !sealed {
						store = redisstore.New(client, redisstore.Options{Prefix: fmt.Sprintf("ended.%d.%d:", i, n)})
					}
					a := newCutApp(t, store)
					do := row.prepare(t, a)
					id := a.browser.id()
					a.instead = func() { a.endElsewhere(t, id) }
					a.arm(n)
					done := do()
					if names := a.disarm(); n < 0 {
						if !done {
							t.Fatalf("cannot be done: %v", a.err)
						}
						all = len(names)
						continue
					}
					a.clock.move(6 * time.Second) // answers of the revocations are believed for five
					if res := a.browser.get("/me"); res.StatusCode == http.StatusOK {
						t.Errorf("the session ended before call %d, and is back", n)
					}
					if a.err != nil && !errors.Is(a.err, ginauth.ErrNoSession) {
						t.Errorf("the session ended before call %d, and the error is %v", n, a.err)
					}
				}
			})
		}
	}
}

// endElsewhere ends all sessions of a user as another process does.
func (a *cutApp) endElsewhere(t *testing.T, userID string) {
	var err error
	if a.store != nil {
		err = a.store.DeleteUser(t.Context(), userID)
	} else {
		now := a.clock.now()
		err = a.revocations.Revoke(t.Context(), "user:"+userID, now, now.Add(100*time.Hour))
	}
	if err != nil {
		t.Error(err)
	}
}

// A returning transport asks for JSON where a sign-in ends, as Auth.js's client does, and
// keeps the last answer.
type returning struct {
	http.RoundTripper
	status int
	body   string
}

func (r *returning) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.Contains(req.URL.Path, "/callback/") {
		return r.RoundTripper.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Header.Set("X-Auth-Return-Redirect", "1")
	res, err := r.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	r.status, r.body = res.StatusCode, string(body)
	res.Body = io.NopCloser(strings.NewReader(r.body))
	return res, err
}

// A client that asks for JSON learns of each fault by status and code.
func TestFault_EachCallAsJSON(t *testing.T) {
	t.Parallel()
	for _, row := range signIns() {
		if row.name == "asks for a mail" || row.name == "with more sessions than the cap" {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			answers := map[string]bool{}
			for n, all := -1, 0; n < all; n++ {
				a := newCutApp(t, nil, func(opts *ginauth.Options) {
					opts.Session.Format, opts.Cookies.Prefix = ginauth.AuthJSV5, "next-auth"
				})
				r := &returning{RoundTripper: a.browser.Transport}
				a.browser.Transport = r
				do := row.prepare(t, a)
				a.arm(n)
				done := do()
				var out struct{ URL string }
				decode(t, r.body, &out)
				u, err := url.Parse(out.URL)
				if err != nil {
					t.Fatal(err)
				}
				code := u.Query().Get("error")
				if names := a.disarm(); n < 0 {
					all = len(names)
				} else {
					answers[strings.TrimSpace(fmt.Sprint(r.status, " ", code))] = true
				}
				if done && (r.status != http.StatusOK || code != "") || !done && code == "" {
					t.Errorf("call %d: done is %v, and the answer %d %s", n, done, r.status, r.body)
				}
			}
			if got := strings.Join(slices.Sorted(maps.Keys(answers)), ", "); got != row.json {
				t.Errorf("the answers are %q, want %q", got, row.json)
			}
		})
	}
}
