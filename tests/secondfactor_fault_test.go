package tests

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// cutFactors is a cutAdapter that keeps second factors too.
type cutFactors struct{ cutAdapter }

func (a cutFactors) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	return uncut(a.calls, "GetFactors", func() ([]byte, error) { return a.Adapter.(ginauth.FactorStore).GetFactors(ctx, userID) })
}

func (a cutFactors) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	return uncutToo(a.calls, "UpdateFactors", func() error {
		return a.Adapter.(ginauth.FactorStore).UpdateFactors(ctx, userID, old, data)
	})
}

// cutKept is a store with nothing but the four methods, of which one call fails.
type cutKept struct {
	ginauth.SessionStore
	*calls
}

func (s cutKept) Create(ctx context.Context, userID string, data []byte, expires time.Time) (string, error) {
	return uncut(s.calls, "Create", func() (string, error) { return s.SessionStore.Create(ctx, userID, data, expires) })
}

func (s cutKept) Get(ctx context.Context, handle string) ([]byte, error) {
	return uncut(s.calls, "Get", func() ([]byte, error) { return s.SessionStore.Get(ctx, handle) })
}

func (s cutKept) Update(ctx context.Context, handle string, data []byte, expires time.Time) (string, error) {
	return uncut(s.calls, "Update", func() (string, error) { return s.SessionStore.Update(ctx, handle, data, expires) })
}

func (s cutKept) Delete(ctx context.Context, handle string) error {
	return uncutToo(s.calls, "Delete", func() error { return s.SessionStore.Delete(ctx, handle) })
}

// A cutFactorApp is a factorApp of which one call of its database, its session store or
// its revocations fails.
type cutFactorApp struct {
	*factorApp
	*calls
	b        *browser
	required bool // everybody must have a second factor
	revoked  ginauth.Revocations
	inner    ginauth.Adapter // no call of it fails
}

func newCutFactorApp(t *testing.T, stored bool, change ...func(*ginauth.Options)) *cutFactorApp {
	t.Helper()
	a := &cutFactorApp{calls: &calls{}, revoked: ginauth.MemoryRevocations(), inner: ginauth.MemoryAdapter()}
	opts := ginauth.Options{Adapter: cutFactors{cutAdapter{a.inner, a.calls}}}
	opts.Factors.TrustDevice = time.Hour
	opts.Factors.Required = func(*gin.Context, ginauth.User) bool { return a.required }
	opts.Session.Revocations = cutRevocations{a.revoked, a.calls}
	if stored {
		opts.Session.Revocations, opts.Session.Store = nil, cutKept{memoryStore(), a.calls}
	}
	for _, change := range change {
		change(&opts)
	}
	a.factorApp = newFactorApp(t, passwordOptions{Options: opts, trusting: true})
	return a
}

// elsewhere is another process with the same users and revocations.
func (a *cutFactorApp) elsewhere(t *testing.T) *factorApp {
	t.Helper()
	other := newFactorApp(t, passwordOptions{Options: ginauth.Options{Adapter: a.inner, Session: ginauth.SessionOptions{Revocations: a.revoked}}})
	other.clock.follow(a.clock)
	return other
}

// anew takes Ada's user away, and makes another one of her, with another browser.
func (a *cutFactorApp) anew(t *testing.T) {
	t.Helper()
	must(t, a.auth.DeleteUser(t.Context(), a.ada))
	a.ada, a.b, a.required = a.joins(t, adaReads, adaTypes), a.browser(t), false
}

// asks posts a form as a page's script does, which wants JSON.
func (a *cutFactorApp) asks(path string, fields url.Values) func() answer {
	form := url.Values{"csrfToken": {a.b.csrf()}, "json": {"true"}}
	for name, values := range fields {
		form[name] = values
	}
	return func() answer { return a.b.post(path, form) }
}

var loggedStep = regexp.MustCompile(`step=(?:"([^"]*)"|(\S+))`)

// said is what an answer tells: its status, and the error code or name of the page that it
// leads to.
func (a answer) said(t testing.TB) string {
	t.Helper()
	leads := a.leadsTo(t)
	u := mustURL(t, leads)
	switch {
	case a.signedIn():
		leads = "signed in"
	case leads != "":
		leads = cmp.Or(u.Query().Get("error"), u.Path[strings.LastIndex(u.Path, "/")+1:])
	}
	return strings.TrimSpace(fmt.Sprint(a.StatusCode, " ", leads))
}

// cutLogged is what a log says of the call that failed: the step, or whether there is
// anything.
func cutLogged(log string) string {
	found := loggedStep.FindStringSubmatch(log)
	switch {
	case !strings.Contains(log, errCut.Error()):
		return "quietly"
	case found == nil:
		return "logged"
	}
	return found[1] + found[2]
}

// A secondCut is something that a person does with second factors. want says of each call
// what it leads to when the call fails, what the log says, and what the same leads to
// afterwards.
type secondCut struct {
	name    string
	prepare func(t *testing.T, a *cutFactorApp) (do func() answer)
	want    string
}

// Of a sign-in with two factors, and of all that people do to theirs, each call of the
// database, the session store and the revocations fails once. Nobody is signed in then who
// has not given both. What failed before a code was used up can be tried again.
func TestSecondFactor_EachCallSealed(t *testing.T) { testSecondCuts(t, false, secondCuts()) }
func TestSecondFactor_EachCallStored(t *testing.T) { testSecondCuts(t, true, storedSecondCuts()) }

func testSecondCuts(t *testing.T, stored bool, rows []secondCut) {
	t.Parallel()
	a := newCutFactorApp(t, stored)
	for _, row := range rows {
		var lines []string
		for n, all := -1, 0; n < all; n++ {
			a.anew(t)
			do := row.prepare(t, a)
			before := a.b.id()
			a.log.forget()
			a.arm(n)
			res := do()
			names := a.disarm()
			if n < 0 {
				all = len(names)
				lines = append(lines, res.said(t))
				res.isPrivate(t)
				continue
			}
			if !res.signedIn() && a.b.cookie("next-auth.trusted") != "" {
				t.Errorf("%s: call %d, %s, fails, and the browser is trusted", row.name, n, names[n])
			}
			if id := a.b.id(); id != "" && id != before && !res.signedIn() {
				t.Errorf("%s: call %d, %s, fails, and %q is signed in", row.name, n, names[n], id)
			}
			lines = append(lines, fmt.Sprintf("%s: %s, %s; %s", names[n], res.said(t), cutLogged(a.log.String()), do().said(t)))
		}
		if got := strings.Join(lines, "\n"); got != strings.TrimSpace(row.want) {
			t.Errorf("%s:\n%s", row.name, got)
		}
	}
}
