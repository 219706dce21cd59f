package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// generous are limits that nobody reaches, except for the sign-ins of a user.
func generous(successes ginauth.Rate) ginauth.Limits {
	much := ginauth.Rate{Count: 1000, Per: time.Minute}
	return ginauth.Limits{Starts: much, Failures: much, Guesses: much, AllGuesses: much, Mails: much, Successes: successes}
}

// A sign-in with two factors counts once, when it is finished: not while it waits, nor where
// it fails.
func TestSecondFactor_CountedOnce(t *testing.T) {
	t.Parallel()
	a := newCutFactorApp(t, false, func(opts *ginauth.Options) {
		opts.Limits = generous(ginauth.Rate{Count: 2, Per: time.Hour})
	})
	a.b = a.browser(t)
	phone := a.enrols(t, a.b) // the first one
	for range 5 {
		a.waits(t, a.browser(t))
	}
	fails := func(b *browser, path string, form url.Values, call, want string) {
		t.Helper()
		a.b = b
		form.Set("json", "true")
		form.Set("csrfToken", b.csrf())
		for n := 0; ; n++ {
			a.arm(n)
			res := b.post(path, form)
			names := a.disarm()
			if len(names) <= n {
				t.Fatalf("there is no call of %s: %v", call, names)
			}
			if res.said(t) == want && names[n] == call {
				return
			}
		}
	}
	password := url.Values{"username": {adaReads}, "password": {adaTypes}}
	for range 3 {
		fails(a.browser(t), "/api/auth/callback/credentials", password, "GetFactors", "503 SessionUnavailable")
		fails(a.browser(t), "/api/auth/callback/credentials", password, "RevokedAt", "503 SessionUnavailable")
	}
	b := a.browser(t)
	a.waits(t, b)
	if res := b.gives("code", phone.next(a.factorApp)); !res.signedIn() {
		t.Fatalf("the second one: %d %s\n%s", res.StatusCode, res.body, a.log)
	}
	a.log.forget()
	b = a.browser(t)
	if res := b.types(adaReads, adaTypes); res.StatusCode != http.StatusTooManyRequests || res.signedIn() {
		t.Errorf("the third one: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	a.clock.move(time.Hour)
	for _, json := range []string{"", "true"} { // of three that wait, two may be finished
		var waiting []*browser
		for range 3 {
			b := a.browser(t)
			a.waits(t, b)
			waiting = append(waiting, b)
		}
		for _, b := range waiting[1:] {
			if res := b.gives("code", phone.next(a.factorApp)); !res.signedIn() {
				t.Errorf("%d %s\n%s", res.StatusCode, res.body, a.log)
			}
		}
		a.log.forget()
		b := waiting[0]
		res := b.post(codeURL, url.Values{"csrfToken": {b.csrf()}, "code": {phone.next(a.factorApp)}, "json": {json}})
		if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" || res.signedIn() || b.id() != "" {
			t.Errorf("one too many: %d %s", res.StatusCode, res.body)
		}
		if json == "true" && !strings.Contains(res.leadsTo(t), "error=RateLimited&retryAfter=") {
			t.Errorf("one too many leads to %s", res.leadsTo(t))
		}
		if !strings.Contains(a.log.String(), `level=INFO msg="ginauth: sign-in refused" provider=credentials code=RateLimited`) {
			t.Errorf("the log: %s", a.log)
		}
		a.clock.move(time.Hour)
	}
}

// A takeover of the user by the owner of the address that fails when its session is made is
// not counted.
func TestSecondFactor_TakeoverNotCounted(t *testing.T) {
	t.Parallel()
	a := newCutFactorApp(t, false, func(opts *ginauth.Options) {
		opts.Limits = generous(ginauth.Rate{Count: 2, Per: time.Hour})
	})
	a.b = a.browser(t)
	phone := a.enrols(t, a.b) // the first one
	for n, failed := 10, false; !failed; n++ {
		a.proves(t, a.ada, time.Time{})
		a.passwords.set(adaReads, a.ada, adaTypes)
		must(t, a.auth.LinkCredentials(t.Context(), a.ada))
		a.b = a.browser(t)
		if res := a.mails(t, a.b, adaReads); !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Fatalf("%d: the mail leads to %s\n%s", n, res.Header.Get("Location"), a.log)
		}
		do := a.asks(codeURL, url.Values{"code": {phone.next(a.factorApp)}})
		a.log.forget()
		a.arm(n)
		res := do()
		if names := a.disarm(); len(names) <= n || res.signedIn() {
			t.Fatalf("%v: %s\n%s", names, res.said(t), a.log)
		}
		failed = cutLogged(a.log.String()) == "keeping the session"
	}
	a.proves(t, a.ada, time.Time{})
	b := a.browser(t)
	a.mails(t, b, adaReads)
	if res := b.gives("code", phone.next(a.factorApp)); !res.signedIn() {
		t.Errorf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
}

// A browser in which somebody finished with a password is known from then on; one in which
// they came from a provider, or only waited, is not.
func TestSecondFactor_Device(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Limits: generous(ginauth.Rate{Count: 1000, Per: time.Minute})}, trusting: true})
	phone := a.enrols(t, a.browser(t))
	for name, row := range map[string]struct {
		signIn func(b *browser)
		known  bool
	}{
		"password":   {func(b *browser) { a.waits(t, b) }, true},
		"mail":       {func(b *browser) { a.mails(t, b, adaReads) }, true},
		"a provider": {func(b *browser) { b.signInAt(a.idp, "first", "ada") }, false},
	} {
		b := a.browser(t)
		row.signIn(b)
		if b.cookie("next-auth.device") != "" {
			t.Errorf("%s: it is known before the second factor", name)
		}
		if res := b.gives("code", phone.next(a)); !res.signedIn() || (b.cookie("next-auth.device") != "") != row.known {
			t.Errorf("%s: signed in: %v, known: %q", name, res.signedIn(), b.cookie("next-auth.device"))
		}
	}
}

// A browser is trusted where the site trusts browsers and the person says so.
func TestSecondFactor_Trust(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		lasts time.Duration
		trust string
		want  bool
	}{
		"said":                    {time.Hour, "true", true},
		"not said":                {time.Hour, "", false},
		"said otherwise":          {time.Hour, "on", false},
		"where no browser may be": {0, "true", false},
	} {
		for _, enrols := range []bool{false, true} {
			required := enrols
			a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{
				TrustDevice: row.lasts, Required: func(*gin.Context, ginauth.User) bool { return required },
			}}})
			b := a.browser(t)
			var res answer
			if enrols {
				a.waits(t, b)
				phone, action, fields := scan(t, b.get(codeURL))
				fields.Set("code", phone.code(a))
				fields.Set("trust", row.trust)
				res = b.post(action, fields)
			} else {
				phone := a.enrols(t, a.browser(t))
				a.waits(t, b)
				if page := b.get(codeURL); strings.Contains(page.body, `name="trust"`) != (row.lasts > 0) {
					t.Errorf("%s: the page is %s", name, page.body)
				}
				res = b.post(codeURL, url.Values{"csrfToken": {b.csrf()}, "code": {phone.code(a)}, "trust": {row.trust}})
			}
			set := setCookies(res)["next-auth.trusted"]
			if !res.signedIn() || (set != nil) != row.want || row.want && set.MaxAge != 3600 {
				t.Errorf("%s, enrols %v: %d %v\n%s", name, enrols, res.StatusCode, set, a.log)
			}
			if got := b.types(adaReads, adaTypes).signedIn(); got != row.want {
				t.Errorf("%s, enrols %v: the password alone signs in: %v", name, enrols, got)
			}
		}
	}
}
