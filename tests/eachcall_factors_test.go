package tests

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// cutUserFactors are users with second factors, of whose calls one fails.
type cutUserFactors struct {
	cutAdapter
	factors ginauth.FactorStore
}

func (a cutUserFactors) GetFactors(ctx context.Context, userID string) ([]byte, error) {
	return uncut(a.calls, "GetFactors", func() ([]byte, error) { return a.factors.GetFactors(ctx, userID) })
}

func (a cutUserFactors) UpdateFactors(ctx context.Context, userID string, old, data []byte) error {
	return uncutToo(a.calls, "UpdateFactors", func() error { return a.factors.UpdateFactors(ctx, userID, old, data) })
}

// withFactors lets people set authenticator apps up.
func withFactors(opts *ginauth.Options) {
	users := opts.Adapter.(cutAdapter)
	opts.Adapter = cutUserFactors{users, users.Adapter.(ginauth.FactorStore)}
	opts.Factors.OTP = true
}

// A person has an authenticator app, and is asked for its code.
type enrolled struct {
	*factorApp
	phone *authenticator
}

// enrolling sets Ada's app up first, in another browser.
func enrolling(next func(t *testing.T, a *cutApp, ada enrolled) func() bool) func(*testing.T, *cutApp) func() bool {
	return func(t *testing.T, a *cutApp) func() bool {
		f := &factorApp{passwordApp: a.passwordApp}
		f.ada = f.joins(t, adaReads, adaTypes)
		return next(t, a, enrolled{f, f.enrols(t, a.browser)})
	}
}

// coding types a code behind what passes the first factor.
func coding(first func(t *testing.T, a *cutApp, b *browser) answer) func(*testing.T, *cutApp) func() bool {
	return enrolling(func(t *testing.T, a *cutApp, ada enrolled) func() bool {
		if res := first(t, a, a.browser); !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Fatalf("no code is asked for: %s\n%s", res.Header.Get("Location"), a.log)
		}
		form := url.Values{"csrfToken": {a.browser.csrf()}, "code": {ada.phone.code(ada.factorApp)}}
		return func() bool { return a.browser.post(codeURL, form).signedIn() }
	})
}

// ofUsers are the calls that tell who somebody is, and by which factors. Others fail in the
// same flows without factors.
var ofUsers = []string{"GetFactors", "UpdateFactors", "GetUser", "ListAccounts", "LinkAccount", "DeleteUserSessions"}

// factorCuts are what is done with second factors.
func factorCuts() []cut {
	fresh := func(t *testing.T, a *cutApp) *browser {
		a.browser = a.app.browser(t)
		return a.browser
	}
	return []cut{
		{name: "types a password, and is asked for a code", prepare: enrolling(func(t *testing.T, a *cutApp, _ enrolled) func() bool {
			b := fresh(t, a)
			return func() bool { return strings.HasSuffix(b.types(adaReads, adaTypes).Header.Get("Location"), codeURL) }
		})},
		{name: "types a password and a code", prepare: coding(func(t *testing.T, a *cutApp, _ *browser) answer {
			return fresh(t, a).types(adaReads, adaTypes)
		})},
		{name: "presses a mail's button, and types a code", prepare: coding(func(t *testing.T, a *cutApp, _ *browser) answer {
			return a.mails(t, fresh(t, a), adaReads)
		})},
		{name: "signs in at a trusted provider, and types a code", prepare: coding(func(t *testing.T, a *cutApp, _ *browser) answer {
			return fresh(t, a).signInAt(a.idp, "first", "ada")
		})},
		{name: "links an account in a session, and types a code", prepare: coding(func(t *testing.T, a *cutApp, b *browser) answer {
			return b.signInAt(a.idp, "second", "eve")
		})},
		{name: "looks at the key of an app", prepare: enrolling(func(t *testing.T, a *cutApp, _ enrolled) func() bool {
			return func() bool { return keyOnPage.MatchString(a.browser.get("/api/auth/second-factor/add").body) }
		})},
		{name: "sets another app up", kept: "GetUser", prepare: enrolling(func(t *testing.T, a *cutApp, ada enrolled) func() bool {
			phone, action, fields := scan(t, a.browser.get("/api/auth/second-factor/add"))
			fields.Set("code", phone.code(ada.factorApp))
			return func() bool {
				return len(codeOnPage.FindAllString(a.browser.post(action, fields).body, -1)) == 10
			}
		})},
		{name: "takes the app away", kept: "GetUser", prepare: enrolling(func(t *testing.T, a *cutApp, _ enrolled) func() bool {
			form := url.Values{"csrfToken": {a.browser.csrf()}}
			return func() bool {
				return strings.HasSuffix(a.browser.post("/api/auth/second-factor/remove", form).Header.Get("Location"), "/second-factor/list")
			}
		})},
		{name: "RevokeUser of somebody with an app", prepare: enrolling(func(t *testing.T, a *cutApp, ada enrolled) func() bool {
			return func() bool {
				a.err = a.auth.RevokeUser(t.Context(), ada.ada)
				return a.err == nil
			}
		})},
		{name: "DeleteUser of somebody with an app", prepare: enrolling(func(t *testing.T, a *cutApp, ada enrolled) func() bool {
			return func() bool {
				a.err = a.auth.DeleteUser(t.Context(), ada.ada)
				return a.err == nil
			}
		})},
	}
}

// Where people have second factors, each call that reads or changes them fails once, and
// each that tells who they are.
func TestFault_EachCallOfFactors(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servertest.Redis(t))
	for i, row := range factorCuts() {
		for _, sealed := range []bool{true, false} {
			if !sealed && !slices.Contains([]string{"types a password and a code", "RevokeUser of somebody with an app"}, row.name) {
				continue
			}
			t.Run(row.name+map[bool]string{true: ", sealed"}[sealed], func(t *testing.T) {
				t.Parallel()
				try := func(fails int) (a *cutApp, done bool, names []string) {
					var store wholeStore
					if !sealed {
						store = redisstore.New(client, redisstore.Options{Prefix: fmt.Sprintf("factors.%d.%d:", i, fails)})
					}
					a = newCutApp(t, store, withFactors)
					done, names = a.try(t, row, fails)
					return a, done, names
				}
				if went := eachCall(t, try, ofUsers...); went != row.kept {
					t.Errorf("it goes on without %q, want %q", went, row.kept)
				}
			})
		}
	}
	for _, row := range signIns() {
		switch row.name {
		case "links a second account", "a user with the address signs in at a trusted provider", "a known user presses a mail's button",
			"takes over a user whose password was used", "first types a password", "types a password":
		default:
			continue // the same steps
		}
		t.Run(row.name+", whose factors cannot be read", func(t *testing.T) {
			t.Parallel()
			try := func(fails int) (a *cutApp, done bool, names []string) {
				a = newCutApp(t, nil, withFactors)
				done, names = a.try(t, row, fails)
				return a, done, names
			}
			if went := eachCall(t, try, "GetFactors", "UpdateFactors"); went != "" {
				t.Errorf("it goes on without %q", went)
			}
		})
	}
}
