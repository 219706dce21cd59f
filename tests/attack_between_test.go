package tests

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/otp"
)

// TestAttack82_PlantedEnrolment has a session of an hour ago, which was stolen, change
// second factors. It needs a fresh proof, by something else than what it changes.
func TestAttack82_PlantedEnrolment(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	b := a.browser(t)
	if !b.types(adaReads, adaTypes).signedIn() {
		t.Fatal("she is not signed in")
	}
	phone, action, fields := scan(t, b.get("/api/auth/second-factor/add"))
	a.clock.move(9 * time.Minute)
	asked := func(res answer) {
		t.Helper()
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.Contains(got, "/api/auth/factor?methods=provider") {
			t.Errorf("%s answers %d and leads to %q: %s", res.Request.URL.Path, res.StatusCode, got, res.body)
		}
	}
	a.clock.move(2 * time.Minute)
	asked(b.get("/api/auth/second-factor/add"))
	fields.Set("code", phone.code(a))
	asked(b.post(action, fields))
	if data, err := a.users.GetFactors(t.Context(), a.ada); err != nil || data != nil {
		t.Fatalf("a stale session has set up an app, %v", err)
	}
	page := b.get("/api/auth/factor?callbackUrl=/api/auth/second-factor/add")
	if page.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", page.StatusCode, page.body)
	}
	again := url.Values{"csrfToken": {b.csrf()}, "username": {adaReads}, "password": {adaTypes}, "callbackUrl": {"/api/auth/second-factor/add"}}
	if res := b.post("/api/auth/factor/credentials", again); !strings.HasSuffix(res.Header.Get("Location"), "/api/auth/second-factor/add") {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	phone = a.setUp(t, b, b.get("/api/auth/second-factor/add"))
	a.clock.move(11 * time.Minute)
	if res := b.gives("confirm", phone.code(a)); res.StatusCode != http.StatusFound {
		t.Errorf("a code as a proof: %d %s", res.StatusCode, res.body)
	}
	for _, page := range []string{"remove", "add"} { // the proof is of what it would change
		asked(b.gives(page, ""))
	}
	if res := b.gives("codes", ""); len(codeOnPage.FindAllString(res.body, -1)) != 10 {
		t.Errorf("after a code, new recovery codes are refused: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
	if res := b.gives("confirm-recovery", phone.recovery[0]); res.StatusCode == http.StatusOK {
		t.Errorf("a former recovery code is a proof")
	}
	a.clock.move(11 * time.Minute)
	asked(b.gives("codes", ""))
}

// TestAttack82_ForcedEnrolment sends the form by which somebody must set an app up from
// another site, and with another person's key.
func TestAttack82_ForcedEnrolment(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{
		Required: func(_ *gin.Context, u ginauth.User) bool { return u.Email == adaReads || u.Name == "Mallory" },
	}}})
	b, evil := a.browser(t), a.browser(t)
	a.waits(t, b)
	phone, action, fields := scan(t, b.get(codeURL))
	mallory := a.joins(t, "mallory@example.com", "mallory's")
	if res := evil.types("mallory@example.com", "mallory's"); res.signedIn() {
		t.Fatal("Mallory need not set anything up")
	}
	hers, _, planted := scan(t, evil.get(codeURL))
	planted.Set("code", hers.code(a))
	for name, change := range map[string]func(url.Values) string{
		"without a CSRF token":      func(f url.Values) string { f.Del("csrfToken"); return "" },
		"with another's CSRF token": func(f url.Values) string { f.Set("csrfToken", evil.csrf()); return "" },
		"from another origin":       func(url.Values) string { return "https://evil.example" },
		"with another person's key": func(f url.Values) string {
			f.Set("setup", planted.Get("setup"))
			f.Set("code", planted.Get("code"))
			return ""
		},
		"with a key of an attacker": func(f url.Values) string { f.Set("setup", "x"); return "" },
		"without a key":             func(f url.Values) string { f.Del("setup"); return "" },
		"with a code that is wrong": func(f url.Values) string { f.Set("code", "none"); return "" },
		"as somebody who signs in":  func(f url.Values) string { f.Set("setup", strings.Repeat("a", 5000)); return "" },
		"with two keys in one field": func(f url.Values) string {
			f.Add("setup", planted.Get("setup"))
			f.Set("code", planted.Get("code"))
			return ""
		},
	} {
		victim := a.browser(t)
		a.waits(t, victim)
		own, action, sent := scan(t, victim.get(codeURL))
		sent.Set("code", own.code(a))
		from := change(sent)
		req := victim.request(http.MethodPost, action, sent)
		if from != "" {
			req.Header.Set("Origin", from)
		}
		if res := victim.do(req); res.signedIn() || victim.id() != "" {
			t.Errorf("%s: signed in", name)
		}
		if data, err := a.users.GetFactors(t.Context(), a.ada); err != nil || data != nil {
			t.Fatalf("%s: an app is set up, %v", name, err)
		}
	}
	fields.Set("code", phone.code(a))
	res := b.post(action, fields)
	if !res.signedIn() || b.id() != a.ada || b.get("/factors").body != "password otp" || len(codeOnPage.FindAllString(res.body, -1)) != 10 {
		t.Errorf("her own form leads to %d %s\n%s", res.StatusCode, res.body, a.log)
	}
	if data, err := a.users.GetFactors(t.Context(), mallory); err != nil || data != nil {
		t.Errorf("Mallory has an app, %v", err)
	}
	fields.Set("code", phone.next(a))
	if res := b.post(action, fields); res.signedIn() {
		t.Error("the form works twice")
	}
}

// TestAttack82_UnprovedAddress registers the victim's address with a password, and wants a
// second factor there, so that the victim could not get in by mail any more.
func TestAttack82_UnprovedAddress(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}}})
	userID := a.registers(t, victim, evilPassword)
	evil := a.browser(t)
	if !evil.types(victim, evilPassword).signedIn() {
		t.Fatal("Mallory is not signed in")
	}
	if page := evil.get("/api/auth/second-factor/add"); keyOnPage.MatchString(page.body) || !strings.Contains(page.body, "First prove that your email address is yours") {
		t.Errorf("Mallory gets a key: %s", page.body)
	}
	b := a.browser(t)
	if res := a.mails(t, b, victim); !res.signedIn() || b.id() != userID {
		t.Errorf("the owner of the address gets to %s\n%s", res.Header.Get("Location"), a.log)
	}
	if evil.id() != "" || a.browser(t).types(victim, evilPassword).signedIn() {
		t.Error("Mallory is still in")
	}
	if page := b.get("/api/auth/second-factor/add"); !keyOnPage.MatchString(page.body) {
		t.Errorf("the owner gets no key: %s", page.body)
	}
}

// TestAttack84_Downgrade looks for a way to sign in that asks for no second factor.
func TestAttack84_Downgrade(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts, trusting: true})
		first := a.browser(t)
		phone := a.enrols(t, first)
		for name, way := range map[string]func(b *browser) answer{
			"password":              func(b *browser) answer { return b.types(adaReads, adaTypes) },
			"mail":                  func(b *browser) answer { return a.mails(t, b, adaReads) },
			"a provider that links": func(b *browser) answer { return b.signInAt(a.idp, "first", "ada") },
			"the application":       func(b *browser) answer { return b.post("/app", nil) },
			"password for Next.js client": func(b *browser) answer {
				return b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {adaReads}, "password": {adaTypes}, "json": {"true"}})
			},
			"password, then the list": func(b *browser) answer {
				b.types(adaReads, adaTypes)
				return b.get("/api/auth/second-factor/list")
			},
			"password, then another key": func(b *browser) answer {
				b.types(adaReads, adaTypes)
				return b.get("/api/auth/second-factor/add")
			},
			"password, then its removal": func(b *browser) answer {
				b.types(adaReads, adaTypes)
				return b.gives("remove", "")
			},
			"password, then enrolment anew": func(b *browser) answer {
				b.types(adaReads, adaTypes)
				return b.post("/api/auth/second-factor/enrol", url.Values{"csrfToken": {b.csrf()}, "code": {"123456"}, "setup": {"x"}})
			},
			"password, then a fresh proof": func(b *browser) answer {
				b.types(adaReads, adaTypes)
				return b.post("/api/auth/factor/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {adaReads}, "password": {adaTypes}})
			},
		} {
			b := a.browser(t)
			if res := way(b); res.signedIn() || b.id() != "" || keyOnPage.MatchString(res.body) {
				t.Errorf("%s signs in without a second factor: %d %s", name, res.StatusCode, res.body)
			}
		}
		if data, err := a.users.GetFactors(t.Context(), a.ada); err != nil || !strings.Contains(string(data), "secret") {
			t.Errorf("her app is gone: %s, %v", data, err)
		}
		b := a.browser(t)
		if res := b.post("/app", nil); res.StatusCode != http.StatusForbidden || res.body != ginauth.ErrFactorRequired.Error() {
			t.Errorf("Auth.SignIn: %d %s", res.StatusCode, res.body)
		}
		if !b.gives("code", phone.code(a)).signedIn() || b.get("/factors").body != "password otp" {
			t.Errorf("after Auth.SignIn a code does not sign in\n%s", a.log)
		}
	})
}

// TestAttack85_WayBack wants the person at another site when the second factor is given.
func TestAttack85_WayBack(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	phone := a.enrols(t, a.browser(t))
	for _, target := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "https:evil.example", "http://127.0.0.1:1/"} {
		b := a.browser(t)
		b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {adaReads}, "password": {adaTypes}, "callbackUrl": {target}})
		res := b.post(codeURL+"?callbackUrl="+url.QueryEscape(target), url.Values{"csrfToken": {b.csrf()}, "code": {phone.next(a)}, "callbackUrl": {target}})
		if location := res.Header.Get("Location"); !res.signedIn() || !strings.HasPrefix(location, a.URL) {
			t.Errorf("%s leads to %s", target, location)
		}
		res = b.post("/api/auth/second-factor/confirm?callbackUrl="+url.QueryEscape(target), url.Values{"csrfToken": {b.csrf()}, "code": {phone.next(a)}, "callbackUrl": {target}})
		if location := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.HasPrefix(location, a.URL) {
			t.Errorf("%s: a proof leads to %d %s", target, res.StatusCode, location)
		}
	}
}

// TestAttack86_DeletedUser gives the second factor of a user who was deleted meanwhile.
func TestAttack86_DeletedUser(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		b := a.browser(t)
		a.waits(t, b)
		if err := a.auth.DeleteUser(t.Context(), a.ada); err != nil {
			t.Fatal(err)
		}
		for page, code := range map[string]string{"code": phone.code(a), "recovery": phone.recovery[0], "enrol": phone.code(a)} {
			if b.gives(page, code).signedIn() || b.id() != "" {
				t.Errorf("%s: a deleted user is signed in", page)
			}
		}
		second := a.joins(t, adaReads, adaTypes)
		if data, err := a.users.GetFactors(t.Context(), second); err != nil || data != nil {
			t.Errorf("somebody new has %s, %v", data, err)
		}
		if !a.browser(t).types(adaReads, adaTypes).signedIn() {
			t.Error("somebody new is asked for the deleted user's second factor")
		}
	})
}

// TestAttack87_Linking holds that until the last factor no account is linked, no former
// session ends, no event tells of a sign-in and no device is known; and then all of it.
func TestAttack87_Linking(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		var told atomic.Value
		told.Store("")
		opts.Events.SignIn = func(_ *gin.Context, e ginauth.SignInEvent) { told.Store(e.User.ID + " " + e.Account.Provider) }
		opts.Events.LinkAccount = func(_ *gin.Context, e ginauth.LinkAccountEvent) {
			if e.Account.AccessToken == "" || e.Profile == nil {
				t.Errorf("the account comes without its token or profile: %+v", e)
			}
		}
		a := newFactorApp(t, passwordOptions{Options: opts, trusting: true})
		phone := a.enrols(t, a.browser(t))
		grace := a.joins(t, "grace@example.org", "hers")
		b := a.browser(t)
		if !b.types("grace@example.org", "hers").signedIn() {
			t.Fatal("Grace is not signed in")
		}
		before, former := b.cookie(sessionCookie), a.names(t, a.ada)
		told.Store("")
		device := b.cookie("next-auth.device")
		if res := b.post("/api/auth/signout", url.Values{"csrfToken": {"wrong"}}); res.StatusCode != http.StatusFound {
			t.Fatal(res.StatusCode)
		}
		a.waits(t, b) // Ada, in Grace's browser
		nothing := func() {
			t.Helper()
			if b.cookie(sessionCookie) != before || b.id() != grace {
				t.Errorf("Grace's session has ended")
			}
			if got := a.names(t, a.ada); !slices.Equal(got, former) {
				t.Errorf("her accounts are %v", got)
			}
			if told.Load() != "" || b.cookie("next-auth.device") != device {
				t.Errorf("the application was told of %v, or a device is known", told.Load())
			}
		}
		nothing()
		b.gives("code", "none")
		nothing()
		fresh := a.browser(t)
		if res := fresh.signInAt(a.idp, "first", "ada"); res.signedIn() || !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Fatalf("at the provider: %s\n%s", res.Header.Get("Location"), a.log)
		}
		nothing()
		if !b.gives("code", phone.code(a)).signedIn() || b.id() != a.ada || told.Load() != a.ada+" credentials" {
			t.Errorf("after the code %s is signed in, and the application heard %v\n%s", b.id(), told.Load(), a.log)
		}
		if !fresh.gives("code", phone.next(a)).signedIn() || fresh.id() != a.ada || told.Load() != a.ada+" first" {
			t.Errorf("after the provider and the code: %v\n%s", told.Load(), a.log)
		}
		if got := a.names(t, a.ada); len(got) != len(former)+1 || fresh.get("/factors").body != "provider otp" {
			t.Errorf("her accounts are %v, the factors %s", got, fresh.get("/factors").body)
		}
	})
}

// TestAttack87_Takeover holds that the owner of an address who proves it for the first time
// takes the user over only with their second factor: before, neither is the address
// proved nor the password deleted.
func TestAttack87_Takeover(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		opts.Session.Revocations = ginauth.MemoryRevocations()
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		a.proves(t, a.ada, time.Time{})
		b := a.browser(t)
		if res := a.mails(t, b, adaReads); res.signedIn() || !strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Fatalf("the mail leads to %s\n%s", res.Header.Get("Location"), a.log)
		}
		if a.proved(t, a.ada) {
			t.Error("the address is proved before the last factor")
		}
		a.waits(t, a.browser(t)) // with the password, which is still there
		if !b.gives("code", phone.code(a)).signedIn() || b.id() != a.ada || !a.proved(t, a.ada) {
			t.Errorf("after the code %s is signed in, proved: %v\n%s", b.id(), a.proved(t, a.ada), a.log)
		}
		if res := a.browser(t).types(adaReads, adaTypes); res.signedIn() || strings.HasSuffix(res.Header.Get("Location"), codeURL) {
			t.Error("the password of before the proof still works")
		}
	})
}

// TestAttack87_Credentials holds that credentials become an account of a user only with
// the second factor.
func TestAttack87_Credentials(t *testing.T) {
	t.Parallel()
	a := newFactorApp(t, passwordOptions{})
	phone := a.enrols(t, a.browser(t))
	must(t, a.users.UnlinkAccount(t.Context(), a.ada, "credentials", a.ada, true))
	a.proves(t, a.ada, time.Time{}) // no other way in is left
	b := a.browser(t)
	a.waits(t, b)
	if got := a.names(t, a.ada); len(got) != 0 {
		t.Errorf("before the last factor her accounts are %v", got)
	}
	if !b.gives("code", phone.code(a)).signedIn() || b.id() != a.ada || len(a.names(t, a.ada)) != 1 {
		t.Errorf("after the code her accounts are %v\n%s", a.names(t, a.ada), a.log)
	}
}

// TestAttack83_RevokedMeanwhile signs a person out everywhere while a sign-in of theirs
// waits: it does not go on.
func TestAttack83_RevokedMeanwhile(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		opts.Session.Revocations = ginauth.MemoryRevocations()
		required := false
		opts.Factors.Required = func(*gin.Context, ginauth.User) bool { return required }
		a := newFactorApp(t, passwordOptions{Options: opts})
		required = true
		b := a.browser(t)
		a.waits(t, b)
		phone, action, fields := scan(t, b.get(codeURL))
		must(t, a.auth.RevokeUser(t.Context(), a.ada))
		fields.Set("code", phone.code(a))
		if b.post(action, fields).signedIn() || b.id() != "" {
			t.Error("a sign-in of before goes on to set an app up")
		}
		if data, err := a.users.GetFactors(t.Context(), a.ada); err != nil || strings.Contains(string(data), "otp") {
			t.Errorf("a sign-in of before has set an app up, %v %s", err, data)
		}
		required = false
		a.clock.move(time.Minute)
		phone = a.enrols(t, a.browser(t))
		b = a.browser(t)
		a.waits(t, b)
		must(t, a.auth.RevokeUser(t.Context(), a.ada))
		if b.gives("code", phone.code(a)).signedIn() || b.id() != "" {
			t.Error("a sign-in of before goes on with a code")
		}
	})
}

// TestAttack88_TrustedBrowser holds that a browser is trusted by the person who said so,
// in it, until their factors or sessions change, and that this proves nothing.
func TestAttack88_TrustedBrowser(t *testing.T) {
	t.Parallel()
	const trusted = "next-auth.trusted"
	ends := map[string]func(t *testing.T, a *factorApp, phone *authenticator){
		"thirty days": func(_ *testing.T, a *factorApp, _ *authenticator) { a.clock.move(30 * 24 * time.Hour) },
		"RevokeUser":  func(t *testing.T, a *factorApp, _ *authenticator) { must(t, a.auth.RevokeUser(t.Context(), a.ada)) },
		"a recovery code": func(t *testing.T, a *factorApp, phone *authenticator) {
			b := a.browser(t)
			a.waits(t, b)
			if !b.gives("recovery", phone.recovery[0]).signedIn() {
				t.Fatal("it does not work")
			}
		},
		"another app": func(t *testing.T, a *factorApp, phone *authenticator) {
			b := a.browser(t)
			a.waits(t, b)
			b.gives("code", phone.next(a))
			a.setUp(t, b, b.get("/api/auth/second-factor/add"))
		},
		"a record made anew": func(t *testing.T, a *factorApp, phone *authenticator) {
			data, err := a.users.GetFactors(t.Context(), a.ada)
			must(t, err)
			must(t, a.users.UpdateFactors(t.Context(), a.ada, data, nil))
			b := a.browser(t)
			b.types(adaReads, adaTypes)
			a.setUp(t, b, b.get("/api/auth/second-factor/add"))
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newFactorApp(t, passwordOptions{Options: ginauth.Options{
				Factors: ginauth.FactorOptions{TrustDevice: 30 * 24 * time.Hour}, Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
			}})
			phone := a.enrols(t, a.browser(t))
			b := a.browser(t)
			a.waits(t, b)
			if page := b.get(codeURL); !strings.Contains(page.body, "Do not ask in this browser for 30 days") {
				t.Errorf("the page is %s", page.body)
			}
			res := b.post(codeURL, url.Values{"csrfToken": {b.csrf()}, "code": {phone.code(a)}, "trust": {"true"}})
			if !res.signedIn() || b.cookie(trusted) == "" {
				t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
			}
			if res := b.types(adaReads, adaTypes); !res.signedIn() || b.get("/factors").body != "password" {
				t.Errorf("in the trusted browser the password leads to %s, the factors are %q", res.Header.Get("Location"), b.get("/factors").body)
			}
			a.joins(t, "eve@example.com", "eve's own")
			eve := a.browser(t)
			eve.types("eve@example.com", "eve's own")
			eves := a.setUp(t, eve, eve.get("/api/auth/second-factor/add"))
			if b.types("eve@example.com", "eve's own").signedIn() {
				t.Errorf("the browser is trusted by %v too", eves != nil)
			}
			end(t, a, phone)
			if b.types(adaReads, adaTypes).signedIn() {
				t.Error("the browser is still trusted")
			}
			untrusted := a.browser(t)
			untrusted.types(adaReads, adaTypes)
			untrusted.post("/api/auth/second-factor/recovery", url.Values{"csrfToken": {untrusted.csrf()}, "code": {phone.recovery[1]}, "trust": {"true"}})
			if untrusted.cookie(trusted) != "" {
				t.Error("a recovery code makes a browser trusted")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecondFactor_AtOnce has two hundred people give their second factors at once.
func TestSecondFactor_AtOnce(t *testing.T) {
	t.Parallel()
	const people = 200
	a := newFactorApp(t, passwordOptions{})
	browsers, codes := make([]*browser, people), make([]string, people)
	ids := make([]string, people)
	for i := range people {
		email := fmt.Sprintf("user%d@example.com", i)
		ids[i] = a.joins(t, email, "theirs")
		b := a.browser(t)
		b.types(email, "theirs")
		phone := a.setUp(t, b, b.get("/api/auth/second-factor/add"))
		codes[i] = otp.Code(phone.secret, otp.Step(a.clock.now())+1)
		browsers[i] = a.browser(t)
		browsers[i].types(email, "theirs")
	}
	var calls []func()
	for i := range people {
		calls = append(calls, func() { browsers[i].gives("code", codes[i]) })
	}
	together(calls...)
	for i, b := range browsers {
		if got := b.id(); got != ids[i] {
			t.Errorf("%d is %q, want %q", i, got, ids[i])
		}
	}
}

// TestAttack42_TooLate gives the second factor when ten minutes are over.
func TestAttack42_TooLate(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		a := newFactorApp(t, passwordOptions{Options: opts})
		phone := a.enrols(t, a.browser(t))
		b := a.browser(t)
		a.waits(t, b)
		a.clock.move(10 * time.Minute)
		if b.gives("code", phone.code(a)).signedIn() || b.id() != "" {
			t.Error("it is finished after ten minutes")
		}
		a.waits(t, b)
		a.clock.move(10*time.Minute - 2*time.Second)
		if !b.gives("code", phone.code(a)).signedIn() {
			t.Error("it is not finished within ten minutes")
		}
	})
}

// TestAttack82_OtherSession sets a key up that was shown in another session or sign-in of
// the same person: an attacker may have seen it there.
func TestAttack82_OtherSession(t *testing.T) {
	t.Parallel()
	required := false
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return required }}}})
	evil, b := a.browser(t), a.browser(t)
	evil.types(adaReads, adaTypes)
	b.types(adaReads, adaTypes)
	phone, action, fields := scan(t, evil.get("/api/auth/second-factor/add"))
	fields.Set("csrfToken", b.csrf())
	fields.Set("code", phone.code(a))
	b.post(action, fields)
	required = true
	waiting := a.browser(t)
	a.waits(t, waiting)
	fields.Set("csrfToken", waiting.csrf())
	waiting.post("/api/auth/second-factor/enrol", fields)
	if data, err := a.users.GetFactors(t.Context(), a.ada); err != nil || data != nil || waiting.id() != "" {
		t.Errorf("the key of another session is set up, %v", err)
	}
}

// TestAttack84_Enrolled has somebody who knows the password begin to sign in before the
// person has set an app up, and finish by setting up one of their own afterwards.
func TestAttack84_Enrolled(t *testing.T) {
	t.Parallel()
	required := false
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{Factors: ginauth.FactorOptions{Required: func(*gin.Context, ginauth.User) bool { return required }}}})
	hers := a.browser(t)
	hers.types(adaReads, adaTypes)
	required = true
	evil := a.browser(t)
	a.waits(t, evil)
	own, action, fields := scan(t, evil.get(codeURL))
	phone := a.setUp(t, hers, hers.get("/api/auth/second-factor/add"))
	fields.Set("code", own.code(a))
	if evil.post(action, fields).signedIn() || evil.id() != "" {
		t.Error("the attacker's app takes the place of hers")
	}
	a.clock.move(otp.Period)
	b := a.browser(t)
	a.waits(t, b)
	if !b.gives("code", phone.code(a)).signedIn() {
		t.Error("her own app does not work")
	}
}

// TestAttack42_AnswerByPost has a provider answer by a POST from its own site, with which
// this site's cookies do not come along: what waits belongs to the browser that began, and
// the former session ends with the second factor.
func TestAttack42_AnswerByPost(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		required := false
		opts.Adapter = ginauth.MemoryAdapter()
		opts.Factors = ginauth.FactorOptions{OTP: true, Required: func(*gin.Context, ginauth.User) bool { return required }}
		s := newAppleSite(t, opts)
		b := s.browser(t)
		b.do(s.post(t, b.begin("apple", "/")), true) // a session of before
		session := func(b *siteBrowser) string {
			if c := b.cookies["__Secure-"+sessionCookie]; c != nil {
				return c.Value
			}
			return ""
		}
		former := session(b)
		required = true
		res := b.do(s.post(t, b.begin("apple", "/welcome")), true)
		if got := res.Header.Get("Location"); former == "" || session(b) != former || got != s.URL+codeURL {
			t.Fatalf("answered %d, leads to %s\n%s", res.StatusCode, got, s.log)
		}
		if email, _ := b.user(); email != "ada@example.com" {
			t.Errorf("the former session is over: %q is signed in", email)
		}
		send := func(b *siteBrowser, target string, form url.Values) answer {
			var csrf struct{ CSRFToken string }
			decode(t, b.get("/api/auth/csrf").body, &csrf)
			form.Set("csrfToken", csrf.CSRFToken)
			req, err := http.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
			must(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return b.do(req, false)
		}
		phone, action, fields := scan(t, b.get(codeURL))
		fields.Set("code", otp.Code(phone.secret, otp.Step(time.Now())))
		thief := s.browser(t)
		for name, c := range b.cookies {
			if strings.Contains(name, waitingCookie) {
				thief.cookies[name] = c
			}
		}
		if send(thief, action, fields); session(thief) != "" {
			t.Error("another browser finishes the sign-in")
		}
		if res := send(b, action, fields); session(b) == former || !strings.Contains(res.body, s.URL+"/welcome") {
			t.Errorf("%d %s\n%s", res.StatusCode, res.body, s.log)
		}
		if email, _ := b.user(); email != "ada@example.com" {
			t.Errorf("%q is signed in", email)
		}
	})
}
