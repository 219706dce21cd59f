package ginauthtest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ginauth/ginauth/ginauthtest"
)

// Each lie in a logout token is held against a client that is known to check.
func TestLogoutToken(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	provider, err := oidc.NewProvider(t.Context(), p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	var supported struct {
		Logout  bool `json:"backchannel_logout_supported"`
		Session bool `json:"backchannel_logout_session_supported"`
	}
	if err := provider.Claims(&supported); err != nil || !supported.Logout || !supported.Session {
		t.Errorf("the discovery document says %+v", supported)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: p.ClientID()})
	set := func(name string, value any) func() {
		return func() { p.TamperLogout(func(claims map[string]any) { claims[name] = value }) }
	}
	jtis := map[string]bool{}
	for _, row := range []struct {
		name, subject, session string
		lie                    func()
		want                   string // in go-oidc's error; empty: accepted
	}{
		{"a person", "ada", "", func() {}, ""},
		{"a session", "", "s", func() {}, ""},
		{"both", "ada", "s", func() {}, ""},
		{"nonce", "ada", "", set("nonce", "n"), "nonce"},
		{"old", "ada", "", set("exp", time.Now().Add(-time.Hour).Unix()), "expired"},
		{"other audience", "ada", "", set("aud", "other"), "audience"},
		{"no events", "ada", "", set("events", map[string]any{}), "event"},
		{"alg none", "ada", "", func() { p.Sign(ginauthtest.None) }, "malformed jwt"},
		{"other key", "ada", "", func() { p.Sign(ginauthtest.WrongKey) }, "failed to verify"},
	} {
		p.Reset()
		row.lie()
		raw, err := p.LogoutToken(row.subject, row.session)
		if err != nil {
			t.Fatal(err)
		}
		token, err := verifier.VerifyLogout(t.Context(), raw)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
		if err == nil && (token.Subject != row.subject || token.SessionID != row.session || jtis[token.TokenID]) {
			t.Errorf("%s: %+v", row.name, token)
		}
		if err == nil {
			jtis[token.TokenID] = true
		}
	}
	if _, err := p.LogoutToken("", ""); err == nil {
		t.Error("a logout token of nobody")
	}
}

// Each sign-in is a session of its own, which refreshed ID tokens name too.
func TestSessionID(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	provider, err := oidc.NewProvider(t.Context(), p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	config := client(p, provider)
	sid := func(raw any) string {
		t.Helper()
		token, err := provider.Verifier(&oidc.Config{ClientID: p.ClientID()}).Verify(t.Context(), raw.(string))
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ SID string }
		if err := token.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		return claims.SID
	}
	first, second := exchange(t, p, config, "ada"), exchange(t, p, config, "ada")
	one, two := sid(first.Extra("id_token")), sid(second.Extra("id_token"))
	if one == "" || one == two {
		t.Errorf("two sign-ins are the sessions %q and %q", one, two)
	}
	first.Expiry = time.Now().Add(-time.Hour)
	renewed, err := config.TokenSource(t.Context(), first).Token()
	if err != nil {
		t.Fatal(err)
	}
	if got := sid(renewed.Extra("id_token")); got != one {
		t.Errorf("renewed it is the session %q, not %q", got, one)
	}
}

// The provider tells a client that a person's session has ended.
func ExampleProvider_SendLogout() {
	p, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("a logout token:", strings.Count(r.PostFormValue("logout_token"), ".") == 2)
	}))
	defer app.Close()

	token, err := p.LogoutToken("ada", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.SendLogout(context.Background(), app.URL, token))
	// Output:
	// a logout token: true
	// 200 <nil>
}
