package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// waitingApp is a passkeyApp whose people must give a second factor.
func waitingApp(t *testing.T, required *bool) *passkeyApp {
	t.Helper()
	return newPasskeyApp(t, ginauth.Options{Factors: ginauth.FactorOptions{
		OTP: true, Required: func(*gin.Context, ginauth.User) bool { return *required },
	}})
}

// waits signs a person in by password as far as the second factor.
func (b *browser) waits(name string) {
	b.t.Helper()
	res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {name}, "password": {"password of " + name}})
	if res.signedIn() || !strings.Contains(res.Header.Get("Location"), "/api/auth/second-factor/") {
		b.t.Fatalf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// giveSecond answers with a device's newest key.
func (b *browser) giveSecond(d *webauthnDevice, o options) answer {
	b.t.Helper()
	return b.post("/api/auth/second-factor/passkey", url.Values{"csrfToken": {b.csrf()}, "data": {d.get(o)}})
}

// A passkey stands in for the code behind a password, and by itself it is both factors.
func TestSecondFactor_Passkey(t *testing.T) {
	t.Parallel()
	required := false
	a := waitingApp(t, &required)
	d := a.registered(t, "ada")
	required = true

	both := a.browser(t)
	if !both.signInByPasskey(d).signedIn() {
		t.Error("a passkey with user verification is not enough")
	}

	b := a.browser(t)
	b.waits("ada")
	page := b.get("/api/auth/second-factor/code")
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, `action="`+a.URL+`/api/auth/second-factor/passkey" data-passkey="second"`) {
		t.Fatalf("the page offers none: %d %s", page.StatusCode, page.body)
	}
	o, ok := b.passkeyOptions("second")
	if !ok || len(o.Allow) != 1 || o.Allow[0].ID != encode(d.keys[0].id) {
		t.Fatalf("%+v", o)
	}
	if res := b.giveSecond(d, o); !res.signedIn() || b.user() != "ada@example.com" {
		t.Fatalf("%d %s\n%s", res.StatusCode, res.Header.Get("Location"), a.log)
	}
	var factors []ginauth.Factor
	a.engine.GET("/factors", a.auth.RequireFactor(0, ginauth.FactorPasskey), func(c *gin.Context) { factors = ginauth.GetSession(c).Factors })
	b.get("/factors")
	if len(factors) != 2 || factors[0].Method != ginauth.FactorPassword || factors[1].Method != ginauth.FactorPasskey {
		t.Errorf("%v", factors)
	}
}

// What waits for a second factor takes the passkey of its own user alone, once, in its own
// browser, by a challenge of its own.
func TestAttack71_PasskeyOfAnotherWaiting(t *testing.T) {
	t.Parallel()
	required := false
	a := waitingApp(t, &required)
	adas, bobs := a.registered(t, "ada"), a.registered(t, "bob")
	required = true
	b := a.browser(t)
	if _, ok := b.passkeyOptions("second"); ok {
		t.Error("options for nobody")
	}
	b.waits("ada")
	o, _ := b.passkeyOptions("second")
	refused := func(name string, res answer) {
		t.Helper()
		if res.signedIn() || b.user() != "" {
			t.Errorf("%s: signed in", name)
		}
	}
	refused("Bob's passkey", b.giveSecond(bobs, o))
	signIn, _ := b.passkeyOptions("authenticate")
	refused("a sign-in's challenge", b.giveSecond(adas, signIn))
	refused("this challenge at sign-in", b.postPasskey("authenticate", adas.get(o)))
	other := a.browser(t)
	other.waits("ada")
	theirs, _ := other.passkeyOptions("second")
	refused("another browser's challenge", b.giveSecond(adas, theirs))
	refused("in a browser that waits for nothing", a.browser(t).giveSecond(adas, o))
	adas.bend = func(c *ceremony) { c.flags = userPresent }
	refused("no user verification", b.giveSecond(adas, o))
	adas.bend = nil
	if !b.giveSecond(adas, o).signedIn() {
		t.Error("the right one is refused\n", a.log)
	}
}
