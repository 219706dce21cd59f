package conformance

import (
	"testing"

	"github.com/ginauth/ginauth/ginauthtest"
)

// tokenModules are those about id_tokens and userinfo that no supported profile asks
// for.
func tokenModules() []module {
	return []module{
		{name: prefix + "-aggregated-claims", expects: "sign in although userinfo has aggregated claims", test: accepts(es256, aggregated)},
		{name: prefix + "-invalid-athash", expects: "refuse an id_token with another `at_hash`",
			test: refuses(es256, beforeUserinfo, claims(set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")))},
		{name: prefix + "-missing-athash", expects: "of the code flow: accept an id_token without `at_hash`, which is optional there",
			test: accepts(es256, claims(without("at_hash")))},
		{name: prefix + "-missing-aud", expects: "refuse an id_token without `aud`",
			test: refuses(es256, beforeUserinfo, claims(without("aud")))},
		{name: prefix + "-invalid-sig-es256", expects: "refuse an id_token whose ES256 signature is wrong",
			test: refuses(es256, beforeUserinfo, signed(ginauthtest.Altered))},
		{name: prefix + "-invalid-sig-hs256", expects: "refuse an id_token whose HS256 signature is wrong",
			test: refuses(es256, beforeAuthorization, signed(ginauthtest.HMACPublicKey), func(op *ginauthtest.Provider) {
				op.TamperDiscovery(set("id_token_signing_alg_values_supported", []string{"HS256"}))
			}), rule: "refused before the authorization request, because no symmetric algorithm is accepted"},
		{name: prefix + "-nonce-unless-code-flow", expects: "send a nonce, where the flow is not the code flow", test: nonces, rule: "it is sent in the code flow too"},
		{name: prefix + "-userinfo-bearer-header", expects: "send the access token in the Authorization header", test: accepts(es256)},
		{name: prefix + "-userinfo-signed", expects: "read userinfo that is a JWT signed with RS256", test: signedUserinfo},
	}
}

// aggregated puts claims of another provider into userinfo, as a JWT (OpenID Connect
// Core §5.6.2).
func aggregated(op *ginauthtest.Provider) {
	op.TamperUserinfo(func(claims map[string]any) {
		claims["_claim_names"] = map[string]any{"credit_score": "src1"}
		claims["_claim_sources"] = map[string]any{"src1": map[string]any{"JWT": "eyJhbGciOiJub25lIn0.eyJjcmVkaXRfc2NvcmUiOjY1MH0."}}
	})
}

// nonces sees that each sign-in has a nonce of its own.
func nonces(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted, op: es256})
	seen := map[string]bool{}
	for range 3 {
		b := v.browser()
		authURL := b.begin()
		nonce := parameters(t, authURL).Get("nonce")
		if nonce == "" || seen[nonce] {
			t.Errorf("the nonce is %q", nonce)
		}
		seen[nonce] = true
		b.accepts(authURL)
	}
}

// signedUserinfo has the person's name in the signed answer alone, so that it is read;
// what another key signed is refused.
func signedUserinfo(t *testing.T, posted bool) {
	v := newSite(t, setup{posted: posted, op: ginauthtest.Config{SignUserinfo: true}})
	v.op.TamperClaims(without("name"))
	v.accepts()
	if got := v.signedIn().User.Name; got != "Ada Lovelace" {
		t.Errorf("the name is %q", got)
	}
	for name, lie := range map[string]func(map[string]any){
		"aud": set("aud", "other-client"),
		"iss": set("iss", "https://other.example"),
	} {
		v.op.TamperUserinfo(lie)
		v.refuses(afterUserinfo)
		if t.Failed() {
			t.Fatalf("with another %s", name)
		}
	}
}
