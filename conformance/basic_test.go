package conformance

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// claims changes the claims of ID tokens.
func claims(change func(claims map[string]any)) func(*ginauthtest.Provider) {
	return func(op *ginauthtest.Provider) { op.TamperClaims(change) }
}

func set(name string, value any) func(map[string]any) {
	return func(claims map[string]any) { claims[name] = value }
}

func without(name string) func(map[string]any) {
	return func(claims map[string]any) { delete(claims, name) }
}

func signed(how ginauthtest.Signature) func(*ginauthtest.Provider) {
	return func(op *ginauthtest.Provider) { op.Sign(how) }
}

// accepts is a module after whose lies the sign-in must still succeed.
func accepts(op ginauthtest.Config, lies ...func(*ginauthtest.Provider)) func(*testing.T, bool) {
	return func(t *testing.T, posted bool) {
		v := newSite(t, setup{posted: posted, op: op})
		for _, lie := range lies {
			lie(v.op)
		}
		v.accepts()
	}
}

// refuses is a module whose lies must be seen.
func refuses(op ginauthtest.Config, last stage, lies ...func(*ginauthtest.Provider)) func(*testing.T, bool) {
	return func(t *testing.T, posted bool) {
		v := newSite(t, setup{posted: posted, op: op})
		for _, lie := range lies {
			lie(v.op)
		}
		v.refuses(last)
	}
}

// keysWithoutID takes the names of the keys away.
func keysWithoutID(op *ginauthtest.Provider) {
	op.TamperJWKS(func(set map[string]any) {
		for _, key := range set["keys"].([]any) {
			delete(key.(map[string]any), "kid")
		}
	})
}

// rs256 is a provider of its own for the modules about RSA; the others sign with ES256,
// whose keys are made faster, where the algorithm does not matter.
var rs256, es256 = ginauthtest.Config{}, ginauthtest.Config{Algorithm: "ES256"}

// basicModules are those of the profiles Basic and Form Post.
func basicModules() []module {
	return []module{
		{name: prefix, basic: true, expects: "sign the person in with the code flow: authorization, token and userinfo request",
			test: accepts(rs256)},
		{name: prefix + "-invalid-iss", basic: true, expects: "refuse an id_token with another `iss`",
			test: refuses(rs256, beforeUserinfo, claims(set("iss", "https://other.example")))},
		{name: prefix + "-missing-sub", basic: true, expects: "refuse an id_token without `sub`",
			test: refuses(rs256, beforeUserinfo, claims(without("sub")))},
		{name: prefix + "-invalid-aud", basic: true, expects: "refuse an id_token with another `aud`",
			test: refuses(rs256, beforeUserinfo, claims(set("aud", "other-client")))},
		{name: prefix + "-missing-iat", basic: true, expects: "refuse an id_token without `iat`",
			test: refuses(rs256, beforeUserinfo, claims(without("iat")))},
		{name: prefix + "-kid-absent-single-jwks", basic: true, expects: "verify an id_token without `kid` by the only key of the provider",
			test: accepts(rs256, keysWithoutID, signed(ginauthtest.NoKeyID))},
		{name: prefix + "-kid-absent-multiple-jwks", basic: true, expects: "verify an id_token without `kid` by any of several keys, or refuse it",
			test: severalKeys, rule: "the keys are tried in turn"},
		{name: prefix + "-idtoken-sig-rs256", basic: true, expects: "accept an id_token that is signed with RS256", test: rs256Token},
		{name: prefix + "-idtoken-sig-none", basic: true, expects: "accept an unsigned id_token of the code flow, or refuse it before the userinfo request",
			test: refuses(rs256, beforeUserinfo, signed(ginauthtest.None), func(op *ginauthtest.Provider) {
				op.TamperDiscovery(set("id_token_signing_alg_values_supported", []string{"none", "RS256"}))
			}), rule: "refused, which the suite reports as skipped: a client need not take unsigned tokens"},
		{name: prefix + "-invalid-sig-rs256", basic: true, expects: "refuse an id_token whose RS256 signature is wrong",
			test: refuses(rs256, beforeUserinfo, signed(ginauthtest.Altered))},
		{name: prefix + "-userinfo-invalid-sub", basic: true, expects: "refuse userinfo with another `sub` than the id_token's",
			test: refuses(rs256, afterUserinfo, func(op *ginauthtest.Provider) { op.TamperUserinfo(set("sub", "grace")) })},
		{name: prefix + "-nonce-invalid", basic: true, expects: "refuse an id_token with another `nonce`",
			test: refuses(rs256, beforeUserinfo, claims(set("nonce", "another")))},
		{name: prefix + "-scope-userinfo-claims", basic: true, expects: "ask for claims by the scopes profile, email, phone or address, and get them from userinfo", test: scopeClaims},
		{name: prefix + "-client-secret-basic", basic: true, expects: "authenticate by client_secret_basic",
			test: accepts(rs256, func(op *ginauthtest.Provider) {
				op.TamperDiscovery(set("token_endpoint_auth_methods_supported", []string{"client_secret_post", "client_secret_basic"}))
			})},
	}
}

// severalKeys publishes two RSA keys without names. The one that signs comes last.
func severalKeys(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted})
	var former map[string]any
	v.op.TamperJWKS(func(set map[string]any) { former = set["keys"].([]any)[0].(map[string]any) })
	v.browser().get(v.op.Issuer()+string(ginauthtest.JWKS), true)
	if err := v.op.RotateKey(); err != nil {
		t.Fatal(err)
	}
	v.op.TamperJWKS(func(set map[string]any) {
		key := set["keys"].([]any)[0].(map[string]any)
		delete(key, "kid")
		delete(former, "kid")
		set["keys"] = []any{former, key}
	})
	v.op.Sign(ginauthtest.NoKeyID)
	v.accepts()
}

func rs256Token(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted})
	v.accepts()
	raw, _, _ := strings.Cut(v.signedIn().Account.IDToken, ".")
	text, err := base64.RawURLEncoding.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Alg string }
	if err := json.Unmarshal(text, &header); err != nil || header.Alg != "RS256" {
		t.Errorf("the id_token's header is %s", text)
	}
}

// scopeClaims has the claims of every scope in userinfo alone.
func scopeClaims(t *testing.T, posted bool) {
	scopes := []string{"openid", "profile", "email", "phone", "address"}
	v := newSite(t, setup{
		posted: posted,
		op:     ginauthtest.Config{People: []ginauthtest.Person{{Subject: "ada", Name: "Ada Lovelace", Email: "ada@example.com", EmailVerified: true}}},
		config: func(c *oidc.Config) { c.Scopes = scopes },
	})
	v.op.TamperClaims(func(claims map[string]any) {
		for _, name := range []string{"name", "email", "email_verified"} {
			delete(claims, name)
		}
	})
	address := map[string]any{"country": "GB"}
	v.op.TamperUserinfo(func(claims map[string]any) { claims["phone_number"], claims["address"] = "+44 20 7946 0000", address })
	b := v.browser()
	authURL := b.begin()
	if got := parameters(t, authURL).Get("scope"); got != strings.Join(scopes, " ") {
		t.Errorf("asked for %q", got)
	}
	b.accepts(authURL)
	p := v.signedIn()
	got, _ := p.Profile.RawData["address"].(map[string]any)
	if p.User.Name != "Ada Lovelace" || p.User.Email != "ada@example.com" || p.Profile.RawData["phone_number"] != "+44 20 7946 0000" || got["country"] != "GB" {
		t.Errorf("the application was told %+v of %v", *p.User, p.Profile.RawData)
	}
}
