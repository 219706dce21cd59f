package tests

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

// The provider, or a server that answers in its place, lies in the id_token. It goes
// through the whole flow, with our own OpenID provider and with goth's, which
// checks little.
func TestAttack24_LyingIDToken(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	without := func(name string) func(map[string]any) {
		return func(claims map[string]any) { delete(claims, name) }
	}
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	tests := []struct {
		name   string
		sign   ginauthtest.Signature
		claims func(map[string]any)
		answer func(map[string]any)
		ok     bool
	}{
		{name: "honest", ok: true},
		{name: "no key id, one key", sign: ginauthtest.NoKeyID, ok: true},
		{name: "alg none", sign: ginauthtest.None},
		{name: "wrong key", sign: ginauthtest.WrongKey},
		{name: "HS256 with the public key", sign: ginauthtest.HMACPublicKey},
		{name: "other aud", claims: set("aud", "another")},
		{name: "no aud", claims: without("aud")},
		{name: "two aud without azp", claims: set("aud", []string{"ginauth", "another"})},
		{name: "two aud, ours the azp", ok: true, claims: func(claims map[string]any) {
			claims["aud"], claims["azp"] = []string{"ginauth", "another"}, "ginauth"
		}},
		{name: "other azp", claims: set("azp", "another")},
		{name: "azp of another type", claims: set("azp", []string{"ginauth"})},
		{name: "other iss", claims: set("iss", "https://evil.example")},
		{name: "no iss", claims: without("iss")},
		{name: "expired", claims: set("exp", in(-time.Hour))},
		{name: "no exp", claims: without("exp")},
		{name: "exp not a number", claims: set("exp", "tomorrow")},
		{name: "iat in the future", claims: set("iat", in(time.Hour))},
		{name: "no iat", claims: without("iat")},
		{name: "nbf in the future", claims: set("nbf", in(time.Hour))},
		{name: "other nonce", claims: set("nonce", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")},
		{name: "no nonce", claims: without("nonce")},
		{name: "empty nonce", claims: set("nonce", "")},
		{name: "Nonce beside it", claims: set("Nonce", "x")},
		{name: "no sub", claims: without("sub")},
		{name: "empty sub", claims: set("sub", "")},
		{name: "other sub than userinfo", claims: set("sub", "1002")},
		{name: "Sub beside it", claims: set("Sub", "1002")},
		{name: "at_hash of another token", claims: set("at_hash", "0123456789abcdefghijkl")},
		{name: "no id_token", answer: without("id_token")},
		{name: "empty id_token", answer: set("id_token", "")},
		{name: "id_token of another type", answer: set("id_token", 42)},
		{name: "id_token of two parts", answer: set("id_token", "e30.e30")},
		{name: "payload altered", answer: alterPayload},
		{name: "signature taken off", answer: func(answer map[string]any) {
			token, _ := answer["id_token"].(string)
			answer["id_token"] = token[:strings.LastIndexByte(token, '.')+1]
		}},
		{name: "access token exchanged", answer: set("access_token", "another")},
	}
	for _, e := range []engine{viaOIDC, viaOpenIDConnect} {
		for _, tt := range tests {
			t.Run(e.name+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t, ginauthtest.Config{People: people(2)})
				a := e.app(t, idp)
				idp.Sign(tt.sign)
				idp.TamperClaims(tt.claims)
				idp.TamperToken(tt.answer)
				b := a.browser(t)
				res := b.signIn(idp, e.name)
				if tt.ok {
					if user := b.user(); user != "person1001@example.com" {
						t.Errorf("leads to %s and %q is signed in", res.Header.Get("Location"), user)
					}
					return
				}
				res.refused(t, "OAuthCallback")
				if accepted(idp) != 1 {
					t.Error("no token came: the test proves nothing")
				}
				if n := strings.Count(a.log.String(), "\n"); n != 1 {
					t.Errorf("%d lines were logged", n)
				}
				idp.Reset()
				idp.TamperUserinfo(e.userinfo)
				if !b.signIn(idp, e.name).signedIn() {
					t.Error("an honest sign-in after it failed")
				}
			})
		}
	}
}

// alterPayload makes another person of an id_token and of the access token's
// hash in it, and leaves the signature.
func alterPayload(answer map[string]any) {
	token, _ := answer["id_token"].(string)
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return
	}
	var claims map[string]any
	if json.Unmarshal(raw, &claims) != nil {
		return
	}
	claims["email"] = "victim@example.com"
	access, _ := answer["access_token"].(string)
	sum := sha256.Sum256([]byte(access))
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:16])
	if raw, err = json.Marshal(claims); err == nil {
		parts[1] = base64.RawURLEncoding.EncodeToString(raw)
	}
	answer["id_token"] = strings.Join(parts, ".")
}
