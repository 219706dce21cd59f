package ginauthtest_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/ginauthtest"
)

// TestLiesInIDTokens holds each lie against a client that is known to check.
func TestLiesInIDTokens(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	provider, err := oidc.NewProvider(t.Context(), p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func() {
		return func() { p.TamperClaims(func(claims map[string]any) { claims[name] = value }) }
	}
	sign := func(s ginauthtest.Signature) func() { return func() { p.Sign(s) } }
	for _, row := range []struct {
		name string
		lie  func()
		want string // in go-oidc's error; empty: accepted
	}{
		{"truth", func() {}, ""},
		{"no exp", func() { p.TamperClaims(func(claims map[string]any) { delete(claims, "exp") }) }, "expired"},
		{"old", set("exp", time.Now().Add(-time.Hour).Unix()), "expired"},
		{"other issuer", set("iss", "https://example.com"), "different provider"},
		{"other audience", set("aud", "other"), "audience"},
		{"future nbf", set("nbf", time.Now().Add(time.Hour).Unix()), "nbf"},
		{"alg none", sign(ginauthtest.None), "malformed jwt"},
		{"other key", sign(ginauthtest.WrongKey), "failed to verify"},
		{"HMAC", sign(ginauthtest.HMACPublicKey), "malformed jwt"},
		{"no kid", sign(ginauthtest.NoKeyID), ""},
		{"altered", sign(ginauthtest.Altered), "failed to verify"},
		{"other algorithm", sign(ginauthtest.OtherAlgorithm), "malformed jwt"},
		{"no keys", func() {
			if err := p.RotateKey(); err != nil {
				t.Error(err)
			}
			p.TamperJWKS(func(set map[string]any) { set["keys"] = []any{} })
		}, "failed to verify"},
		{"truth again", sign(ginauthtest.Good), ""},
	} {
		p.Reset()
		row.lie()
		tokens := exchange(t, p, client(p, provider), "ada")
		_, err := provider.Verifier(&oidc.Config{ClientID: p.ClientID()}).Verify(t.Context(), tokens.Extra("id_token").(string))
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(get(t, p.Issuer()+"/jwks").body, &set); err != nil {
		t.Fatal(err)
	}
	key := set.Keys[0]
	for _, row := range []struct {
		sign     ginauthtest.Signature
		alg      string
		kid      any
		verifies bool
	}{
		{ginauthtest.Good, "RS256", key.KeyID, true},
		{ginauthtest.NoKeyID, "RS256", nil, true},
		{ginauthtest.WrongKey, "RS256", key.KeyID, false},
		{ginauthtest.HMACPublicKey, "HS256", key.KeyID, false},
		{ginauthtest.None, "none", nil, false},
	} {
		p.Sign(row.sign)
		token := signIn(t, p, goodRequest()).text(t, "id_token")
		header, claims := payload(t, token)
		if header["alg"] != row.alg || header["kid"] != row.kid || claims["sub"] != "ada" {
			t.Errorf("%v: header %v, claims %v", row.sign, header, claims)
		}
		if row.sign == ginauthtest.None {
			if !strings.HasSuffix(token, ".") {
				t.Errorf("alg none has a signature: %s", token)
			}
			continue
		}
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.HS256})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.Verify(key.Key); (err == nil) != row.verifies {
			t.Errorf("%v: %v", row.sign, err)
		}
		if row.sign == ginauthtest.HMACPublicKey {
			if _, err := signed.Verify(publicPEM(t, key.Key)); err != nil {
				t.Errorf("a confused verifier would not be fooled: %v", err)
			}
		}
	}
}

// publicPEM is what a client that confuses keys with secrets has in hand.
func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestTampering(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{People: []ginauthtest.Person{{
		Subject: "ada", Claims: map[string]any{"nested": map[string]any{"list": []any{map[string]any{"is": "kept"}}}},
	}}})
	set := func(values map[string]any) { values["iss"] = "mallory"; delete(values, "sub") }
	p.TamperDiscovery(set)
	p.TamperUserinfo(func(claims map[string]any) {
		set(claims)
		claims["nested"].(map[string]any)["list"].([]any)[0].(map[string]any)["is"] = "spoilt"
	})
	p.TamperClaims(set)
	p.TamperResponse(func(q url.Values) { q.Set("iss", "mallory"); q.Del("state") })
	p.TamperToken(func(answer map[string]any) { answer["token_type"] = "mac" })

	if got := get(t, p.Issuer()+string(ginauthtest.Discovery)).json(t); got["issuer"] != p.Issuer() || got["iss"] != "mallory" {
		t.Errorf("discovery: %v", got)
	}
	callback := approve(t, p, goodRequest())
	if callback.Get("iss") != "mallory" || callback.Has("state") {
		t.Errorf("response: %v", callback)
	}
	tokens := token(t, p, codeForm(callback.Get("code")))
	if tokens.text(t, "token_type") != "mac" {
		t.Errorf("token answer: %s", tokens.body)
	}
	if _, claims := payload(t, tokens.text(t, "id_token")); claims["iss"] != "mallory" || claims["sub"] != nil {
		t.Errorf("claims: %v", claims)
	}
	if got := userinfo(t, p, tokens.text(t, "access_token")).json(t); got["iss"] != "mallory" || got["sub"] != nil {
		t.Errorf("userinfo: %v", got)
	}
	refused, err := p.Cancel(t.Context(), authorizationURL(p, goodRequest()))
	if err != nil || refused.Query().Get("iss") != "mallory" {
		t.Errorf("refusal: %v, %v", refused, err)
	}

	p.Reset()
	callback = approve(t, p, goodRequest())
	tokens = token(t, p, codeForm(callback.Get("code")))
	got := userinfo(t, p, tokens.text(t, "access_token")).json(t)
	_, claims := payload(t, tokens.text(t, "id_token"))
	if callback.Get("iss") != p.Issuer() || tokens.text(t, "token_type") != "Bearer" || claims["iss"] != p.Issuer() || got["sub"] != "ada" {
		t.Errorf("after reset: %v, %s, %v, %v", callback, tokens.body, claims, got)
	}
	if nested := fmt.Sprint(got["nested"]); nested != "map[list:[map[is:kept]]]" {
		t.Errorf("tampering reached the person: %s", nested)
	}
	if doc := get(t, p.Issuer()+string(ginauthtest.Discovery)).json(t); doc["iss"] != nil {
		t.Errorf("discovery after reset: %v", doc)
	}
}

func TestTamperingIntoNonsense(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	p.TamperClaims(func(claims map[string]any) { claims["x"] = make(chan int) })
	if got := token(t, p, codeForm(approve(t, p, goodRequest()).Get("code"))); got.status != 500 || got.text(t, "error") != "server_error" {
		t.Errorf("claims without JSON: %d %s", got.status, got.body)
	}
	p.Reset()
	p.TamperDiscovery(func(doc map[string]any) { doc["x"] = make(chan int) })
	if got := get(t, p.Issuer()+string(ginauthtest.Discovery)); got.status != 500 {
		t.Errorf("discovery without JSON: %d %s", got.status, got.body)
	}
}

// TestLyingAtAnyTime is for the race detector.
func TestLyingAtAnyTime(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			p.TamperClaims(func(claims map[string]any) { claims["x"] = 1 })
			p.TamperUserinfo(func(claims map[string]any) { claims["x"] = 1 })
			p.Sign(ginauthtest.NoKeyID)
			p.Break(ginauthtest.Emails, ginauthtest.Loop())
			p.Break(ginauthtest.Emails, nil)
			_ = p.TokenRequests()
			p.Reset()
		}
	})
	for range 20 {
		tokens := signIn(t, p, goodRequest())
		userinfo(t, p, tokens.text(t, "access_token"))
	}
	close(done)
	group.Wait()
}
