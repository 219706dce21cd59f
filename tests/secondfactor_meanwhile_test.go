package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// finishing are the ways to finish a sign-in that waits.
func finishing() map[string]func(t *testing.T, a *cutFactorApp) func() answer {
	ways := map[string]func(t *testing.T, a *cutFactorApp) func() answer{}
	for _, row := range secondCuts() {
		switch row.name {
		case "gives a code", "gives the code that links", "sets an app up at sign-in":
			ways[row.name] = row.prepare
		}
	}
	return ways
}

// A person is signed out everywhere, or deleted, right before one of the calls of a sign-in
// that is being finished, whichever it is: then it has signed nobody in.
func TestSecondFactor_EndedBeforeEachCall(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(ctx context.Context, auth *ginauth.Auth, id string) error{
		"RevokeUser": func(ctx context.Context, auth *ginauth.Auth, id string) error { return auth.RevokeUser(ctx, id) },
		"DeleteUser": func(ctx context.Context, auth *ginauth.Auth, id string) error { return auth.DeleteUser(ctx, id) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a := newCutFactorApp(t, false)
			other := a.elsewhere(t)
			for name, prepare := range finishing() {
				for n, all := -1, 0; n < all; n++ {
					a.again(t)
					do := prepare(t, a)
					a.instead = func() { must(t, end(t.Context(), other.auth, a.ada)) }
					a.arm(n)
					res := do()
					names := a.disarm()
					if a.instead = nil; n < 0 {
						all = len(names)
						continue
					}
					a.clock.move(6 * time.Second) // answers of the revocations are believed for five
					if id := a.b.id(); id != "" {
						t.Errorf("%s: before call %d, %s: %s is signed in, and the answer was %s", name, n, names[n], id, res.said(t))
					}
				}
			}
		})
	}
}

// again is anew for a user who may be deleted already.
func (a *cutFactorApp) again(t *testing.T) {
	t.Helper()
	if _, err := a.users.GetUser(t.Context(), a.ada); err != nil {
		a.ada = a.joins(t, adaReads, adaTypes)
	}
	a.anew(t)
}

// The factors change right before one of the calls of a sign-in that is being finished: then
// it is not finished with what was there before, unless it was by then.
func TestSecondFactor_ChangedBeforeEachCall(t *testing.T) {
	t.Parallel()
	a := newCutFactorApp(t, false)
	other := a.elsewhere(t)
	// hers is another session of the person, in which the factors are changed.
	removes := func(t *testing.T, a *cutFactorApp) (hers func(), do func() answer) {
		session := a.b
		phone := inSession(t, a)
		a.b = a.browser(t)
		a.waits(t, a.b)
		token := session.csrf()
		return func() { session.post(other.URL+secondURL+"remove", url.Values{"csrfToken": {token}}) },
			a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})
	}
	setsUp := func(t *testing.T, a *cutFactorApp) (hers func(), do func() answer) {
		session := a.b
		session.types(adaReads, adaTypes)
		own, _, fields := scan(t, session.get(secondURL+"add"))
		fields.Set("code", own.code(a.factorApp))
		a.required, a.b = true, a.browser(t)
		a.waits(t, a.b)
		evil, enrol, form := scan(t, a.b.get(codeURL))
		form.Set("code", evil.code(a.factorApp))
		return func() { session.post(other.URL+secondURL+"add", fields) }, a.asks(enrol, form)
	}
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, a *cutFactorApp) (hers func(), do func() answer)
		want    string
	}{
		{"removed, and a code is given", removes, `
GetFactors: 401 FactorExpired
RevokedAt: 401 FactorExpired
GetFactors: 401 FactorExpired
UpdateFactors: 401 FactorExpired
GetUser: 200 signed in
GetUser: 200 signed in
ListAccounts: 200 signed in`},
		{"set up, and another app is", setsUp, `
GetFactors: 401 FactorExpired
RevokedAt: 401 FactorExpired
GetFactors: 401 FactorExpired
UpdateFactors: 401 FactorExpired
GetUser: 200 signed in
GetUser: 200 signed in
ListAccounts: 200 signed in
GetUser: 200 signed in`},
	} {
		var lines []string
		for n, all := -1, 0; n < all; n++ {
			a.anew(t)
			hers, do := row.prepare(t, a)
			a.instead = hers
			a.log.forget()
			a.arm(n)
			res := do()
			names := a.disarm()
			if a.instead = nil; n < 0 {
				all = len(names)
				continue
			}
			lines = append(lines, names[n]+": "+res.said(t))
			if log := a.log.String(); !res.signedIn() && (a.b.id() != "" || a.b.cookie(waitingCookie) != "" ||
				!strings.Contains(log, "level=INFO msg=\"ginauth: sign-in refused\"") || !strings.Contains(log, "the sign-in that waited for its second factor was finished or has expired, or the user's factors")) {
				t.Errorf("%s: before call %d, %s: the log: %s", row.name, n, names[n], log)
			}
		}
		if got := strings.Join(lines, "\n"); got != strings.TrimSpace(row.want) {
			t.Errorf("%s:\n%s", row.name, got)
		}
	}
}

// An account that somebody adds in their session is added only while that session goes on,
// and is theirs.
func TestSecondFactor_LinkingSession(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(t *testing.T, a *cutFactorApp)
		linked bool
	}{
		"it goes on":     {func(*testing.T, *cutFactorApp) {}, true},
		"she signed out": {func(t *testing.T, a *cutFactorApp) { a.b.plant(sessionCookie, "") }, false},
		"it was ended elsewhere": {func(t *testing.T, a *cutFactorApp) {
			thief := a.browser(t)
			thief.plant(sessionCookie, a.b.cookie(sessionCookie))
			thief.post("/api/auth/signout", url.Values{"csrfToken": {thief.csrf()}})
		}, false},
		"somebody else signed in": {func(t *testing.T, a *cutFactorApp) {
			a.joins(t, "grace@example.org", "hers")
			other := a.browser(t)
			other.types("grace@example.org", "hers")
			a.b.plant(sessionCookie, other.cookie(sessionCookie))
		}, false},
	} {
		a := newCutFactorApp(t, false)
		a.anew(t)
		phone := inSession(t, a)
		if res := a.b.signInAt(a.idp, "second", "nemo"); res.signedIn() || !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Fatalf("%s: %s\n%s", name, res.Header.Get("Location"), a.log)
		}
		row.change(t, a)
		res := a.asks(codeURL, url.Values{"code": {phone.code(a.factorApp)}})()
		accounts := a.passwordApp.names(t, a.ada)
		if linked := len(accounts) == 2; linked != row.linked || res.signedIn() != row.linked {
			t.Errorf("%s: %d %s, and her accounts are %v\n%s", name, res.StatusCode, res.body, accounts, a.log)
		}
		if !row.linked && res.said(t) != "200 OAuthAccountNotLinked" {
			t.Errorf("%s: %s", name, res.said(t))
		}
	}
}

// Somebody new who must have a second factor sets it up, and only then is told of as signed
// up: once, with all that the provider said. Then they get to the page for new users.
func TestSecondFactor_NewUser(t *testing.T) {
	t.Parallel()
	var told []string
	opts := ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return true }}}
	opts.Pages.NewUser = "/welcome"
	opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
		if p.Trigger != "" {
			told = append(told, "JWT "+string(p.Trigger))
		}
		return nil
	}
	opts.Events.SignIn = func(_ *gin.Context, e ginauth.SignInEvent) {
		told = append(told, fmt.Sprintf("SignIn %s %t", e.User.Email, e.IsNewUser && e.Profile != nil))
	}
	opts.Events.CreateUser = func(_ *gin.Context, e ginauth.UserEvent) { told = append(told, "CreateUser") }
	a := newFactorApp(t, passwordOptions{Options: opts})
	told = nil
	b := a.browser(t)
	b.signInAt(a.idp, "first", "grace")
	page := b.get(codeURL)
	if got := fmt.Sprint(told); got != "[CreateUser JWT signUp]" {
		t.Errorf("before the second factor the application is told %s", got)
	}
	phone, action, fields := scan(t, page)
	fields.Set("code", phone.code(a))
	done := b.post(action, fields)
	if got := fmt.Sprint(told); got != "[CreateUser JWT signUp SignIn grace@example.com true]" {
		t.Errorf("the application is told %s", got)
	}
	if !done.signedIn() || !strings.Contains(done.body, `href="/welcome?callbackUrl=`) {
		t.Errorf("%d %s", done.StatusCode, done.body)
	}
	if got := b.cookie("next-auth.last-used"); got != "first" {
		t.Errorf("the browser remembers %q", got)
	}
	if page := b.get("/api/auth/signin"); page.StatusCode != http.StatusOK {
		t.Errorf("%d", page.StatusCode)
	}
}

// A person is signed out everywhere, in another process, right before one of the calls by
// which a session changes their second factors. Then nothing has changed, unless the session
// went on when it was looked at behind the change.
func TestSecondFactor_RevokedWhileChanging(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T, *cutFactorApp) func() answer{
		"sets an app up": setsUpInSession,
		"takes the app away": func(t *testing.T, a *cutFactorApp) func() answer {
			inSession(t, a)
			return a.asks(secondURL+"remove", nil)
		},
		"asks for other codes": func(t *testing.T, a *cutFactorApp) func() answer {
			inSession(t, a)
			return a.asks(secondURL+"codes", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newCutFactorApp(t, false)
			other := a.elsewhere(t)
			kept := func() (otp, recovery string) {
				data, err := a.inner.(ginauth.FactorStore).GetFactors(t.Context(), a.ada)
				must(t, err)
				var record struct {
					OTP      struct{ Secret string }
					Recovery []string
				}
				if data != nil {
					must(t, json.Unmarshal(data, &record))
				}
				return record.OTP.Secret, strings.Join(record.Recovery, " ")
			}
			changed := 0
			for n, all := -1, 0; n < all; n++ {
				a.again(t)
				do := prepare(t, a)
				otp, recovery := kept()
				a.instead = func() { must(t, other.auth.RevokeUser(t.Context(), a.ada)) }
				a.arm(n)
				res := do()
				names := a.disarm()
				if a.instead = nil; n < 0 {
					all = len(names)
					continue
				}
				a.clock.move(6 * time.Second)
				asked := slices.Index(names, "UpdateFactors") + 1 // the revocations, once more
				nowOTP, nowRecovery := kept()
				switch same := nowOTP == otp && nowRecovery == recovery; {
				case n <= asked && (!same || res.StatusCode != http.StatusUnauthorized):
					t.Errorf("revoked before call %d, %s: the factors stayed: %t, %s", n, names[n], same, res.said(t))
				case n > asked && !same:
					changed++
				}
			}
			if changed == 0 {
				t.Error("nothing ever changes")
			}
		})
	}
}
