package tests

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
)

// The log says why a passkey's answer was refused, which the browser is not told: what was
// seen and what was expected. The challenge is not in it.
func TestPasskeys_RefusalsInLog(t *testing.T) {
	t.Parallel()
	a := newPasskeyApp(t, ginauth.Options{})
	d := a.registered(t, "ada")
	d.counts = true
	if b := a.browser(t); !b.signInByPasskey(d).signedIn() {
		t.Fatal(a.log)
	}
	for _, row := range []struct {
		bend func(*ceremony)
		want []string
	}{
		{func(c *ceremony) { c.id = []byte("unknown") }, []string{"no user has the passkey that answered"}},
		{func(c *ceremony) { c.handle = []byte("another") }, []string{"the user handle is not the passkey's"}},
		{func(c *ceremony) { c.Challenge = encode([]byte("another")) }, []string{"the challenge is not one of this site"}},
		{func(c *ceremony) { c.Challenge = "?" }, []string{"the answer has no challenge"}},
		{func(c *ceremony) { c.Origin = "https://evil.example" }, []string{"https://evil.example"}},
		{func(c *ceremony) { c.Type = "webauthn.create" }, []string{"webauthn.create", "webauthn.get"}},
		{func(c *ceremony) { c.flags = userPresent }, []string{"verif"}},
		{func(c *ceremony) { c.rpID = "evil.example" }, []string{"RP"}},
		{func(c *ceremony) { c.count = 1 }, []string{"the signature counter went back, so that", "level=WARN msg=\"ginauth: a passkey's signature counter went back: somebody may use a copy of it; the person should remove it\" user=" + a.people["ada"] + " passkey=" + a.passkeysOf(t, "ada")[0].ID}},
	} {
		b := a.browser(t)
		o, _ := b.passkeyOptions("authenticate")
		d.bend = row.bend
		a.log.forget()
		b.postPasskey("authenticate", d.get(o)).refusedPasskey(t, row.want[0])
		got := a.log.String()
		for _, want := range append(row.want, "level=INFO msg=\"ginauth: sign-in refused\" provider=passkey code=PasskeySignin", "ginauth: the passkey's answer is wrong: ") {
			if !strings.Contains(got, want) {
				t.Errorf("the log lacks %q: %s", want, got)
			}
		}
		if strings.Contains(got, "%!") || strings.Contains(got, o.Challenge) || strings.Contains(got, unencoded(t, o.Challenge)) {
			t.Errorf("the log has the challenge, or a word too many: %s", got)
		}
	}
	b, other := a.browser(t), a.device(t)
	b.signInByPassword("bob")
	for _, row := range []struct {
		bend func(*ceremony)
		want []string
	}{
		{func(c *ceremony) { c.id = d.keys[0].id }, nil},
		{func(c *ceremony) { c.Origin = "https://evil.example" }, []string{"the passkey's answer is wrong: ", "https://evil.example"}},
		{func(c *ceremony) { c.Challenge = encode([]byte("another")) }, []string{"the passkey's answer is wrong: ", "the challenge is not one of this site"}},
	} {
		other.bend = row.bend
		a.log.forget()
		if b.register(other) {
			t.Fatalf("registered: %v", row.want)
		}
		got := a.log.String()
		for _, want := range append(row.want, "level=INFO msg=\"ginauth: a passkey was not changed\" code=PasskeyRegistration error=") {
			if !strings.Contains(got, want) {
				t.Errorf("the log lacks %q: %s", want, got)
			}
		}
	}
	for data, want := range map[string]string{"[": "the answer is not that of a credential", `{"rawId":"YQ"}`: "the answer's client data cannot be read"} {
		a.log.forget()
		b.postPasskey("register", data)
		if got := a.log.String(); !strings.Contains(got, want) {
			t.Errorf("the log lacks %q: %s", want, got)
		}
	}
}

// unencoded is the text that a challenge is the base64 of.
func unencoded(t testing.TB, challenge string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(challenge)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
