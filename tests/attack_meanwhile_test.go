package tests

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
)

// TestAttack88_TrustedWhileRevoked signs a person out everywhere, from another process,
// right before each call of a sign-in whose second factor is to make the browser trusted:
// unless the sign-in came after that, the next one there is asked for a code again.
func TestAttack88_TrustedWhileRevoked(t *testing.T) {
	t.Parallel()
	kinds(t, func(t *testing.T, opts ginauth.Options) {
		for step, more := 0, true; more; step++ {
			own := opts
			own.Adapter, own.Session.Revocations = ginauth.MemoryAdapter(), ginauth.MemoryRevocations()
			own.Factors.TrustDevice = time.Hour
			a := newFactorApp(t, passwordOptions{Options: own})
			other := newFactorApp(t, passwordOptions{Options: own})
			phone := a.enrols(t, a.browser(t))
			b := a.browser(t)
			a.waits(t, b)
			form := url.Values{"csrfToken": {b.csrf()}, "code": {phone.code(a)}, "trust": {"true"}}
			more = false
			a.users.follow(func(n int) {
				if n == step {
					more = true
					must(t, other.auth.RevokeUser(t.Context(), a.ada))
				}
			})
			res := b.post(codeURL, form)
			steps := a.users.taken()
			if !more && !res.signedIn() {
				t.Errorf("undisturbed, it is answered %d\n%s", res.StatusCode, a.log)
			}
			if got := b.types(adaReads, adaTypes).signedIn(); got == more {
				t.Errorf("RevokeUser before call %d of %s: without a code the next sign-in ends well: %v", step, strings.Join(steps, " "), got)
			}
		}
	})
}

// TestAttack21_SessionsOfID has a directory sign in somebody whose ID the Adapter gives to
// Bob later: neither sees the sessions of the other on the account page, nor ends them.
func TestAttack21_SessionsOfID(t *testing.T) {
	t.Parallel()
	memory := ginauth.MemoryAdapter()
	users := &lateUser{Adapter: memory}
	users.FactorStore = memory.(ginauth.FactorStore)
	a := newFactorApp(t, passwordOptions{Options: ginauth.Options{
		Adapter: users, AccountPage: true, Session: ginauth.SessionOptions{Store: redisSessions(t, servertest.Redis(t), ""), Revocations: ginauth.MemoryRevocations()},
	}})
	users.id = a.ada
	a.passwords.set("lee", a.ada, "of lee")
	lee := a.browser(t)
	if res := lee.types("lee", "of lee"); !res.signedIn() {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	lees, err := a.auth.Sessions(t.Context(), a.ada)
	must(t, err)
	users.come.Store(true)
	ada := a.browser(t)
	a.enrols(t, ada)
	adas, err := a.auth.Sessions(t.Context(), a.ada)
	must(t, err)
	adas = slices.DeleteFunc(adas, func(s ginauth.UserSession) bool { return s.ID == lees[0].ID })
	if len(lees) != 1 || len(adas) != 1 {
		t.Fatalf("%d and %d sessions", len(lees), len(adas))
	}
	for _, row := range []struct {
		b     *browser
		other string
	}{{lee, adas[0].ID}, {ada, lees[0].ID}} {
		if page := row.b.get(accountPath); page.StatusCode != http.StatusOK || strings.Contains(page.body, row.other) {
			t.Errorf("the page has the other's session: %d %s", page.StatusCode, page.body)
		}
		if res := row.b.doAccount("end", url.Values{"session": {row.other}}); res.StatusCode != http.StatusConflict {
			t.Errorf("ending the other's is answered %d %s", res.StatusCode, res.Header.Get("Location"))
		}
		row.b.doAccount("end-others", nil)
	}
	if lee.id() == "" || ada.id() == "" {
		t.Errorf("signed in are %q and %q", lee.id(), ada.id())
	}
	if res := lee.get("/api/auth/factor?methods=otp"); res.StatusCode != http.StatusOK || strings.Contains(res.body, "second-factor") {
		t.Errorf("a proof by Ada's app: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// TestNative_SecondFactor holds that a native application, which has no page for a second
// factor, reads that its person needs one, and gets no session and no sign-in that waits.
func TestNative_SecondFactor(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: crowd(), Algorithm: "ES256"})
	var required, told atomic.Int32
	app := newApp(t, handing(ginauth.Options{
		Adapter: ginauth.MemoryAdapter(),
		Factors: ginauth.FactorOptions{OTP: true, Required: func(*gin.Context, ginauth.User) bool { return required.Load() > 0 }},
		Events: ginauth.Events{SignInError: func(_ *gin.Context, e ginauth.SignInErrorEvent) {
			if e.Code == "FactorRequired" {
				told.Add(1)
			}
		}},
	}, idp))
	d := device{t, app}
	d.signIn(idp, "grace")
	required.Store(1)
	token, _ := tokensFor(t, idp, "grace", d.nonce("idp"), nil)
	res := d.hand("idp", map[string]any{"id_token": token})
	var said map[string]string
	decode(t, res.body, &said)
	if res.StatusCode != http.StatusUnauthorized || len(said) != 1 || said["error"] != "FactorRequired" || told.Load() != 1 {
		t.Errorf("answered %d %s, told %d times", res.StatusCode, res.body, told.Load())
	}
	if log := app.log.String(); !strings.Contains(log, "a second factor is required") || strings.Contains(log, "level=WARN") {
		t.Errorf("the log: %s", log)
	}
}

// TestAttack32_TryAgain holds that the link of a page about a fault stays on this site.
func TestAttack32_TryAgain(t *testing.T) {
	t.Parallel()
	var fails atomic.Bool
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{Session: func(*gin.Context, ginauth.SessionParams) error {
		if fails.Load() {
			return errDatabase
		}
		return nil
	}}})
	a.engine.NoRoute(a.auth.RequireSession())
	b := a.browser(t)
	b.signInAs("ada")
	fails.Store(true)
	for _, path := range []string{"//evil.example/x", `/\evil.example/x`, "/there?a=b"} {
		res := a.raw(t, "GET "+path+" HTTP/1.1\nHost: "+a.Listener.Addr().String()+"\nSec-Fetch-Mode: navigate\nConnection: close\nCookie: "+cookieHeader(b)+"\n\n")
		link := regexp.MustCompile(`<a class="primary" href="([^"]*)"`).FindStringSubmatch(res.body)
		if res.StatusCode != http.StatusInternalServerError || link == nil {
			t.Fatalf("%s: %d %s", path, res.StatusCode, res.body)
		}
		if !regexp.MustCompile(`^/(%5C)?[a-z]`).MatchString(link[1]) {
			t.Errorf("%s: the link leads to %s", path, link[1])
		}
	}
}
