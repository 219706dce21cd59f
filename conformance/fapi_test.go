package conformance

import (
	"net/url"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

const fapiPrefix = "fapi2-security-profile-final-client-"

// fapiModules are the modules of the FAPI 2.0 Security Profile's client plan. Those that
// apply run with what they change, and without the pushed authorization requests,
// sender-constrained tokens and client assertions around it.
func fapiModules() []module {
	const noDPoP, noJARM = "DPoP", "JARM, the signed authorization response"
	// FAPI 2.0 §5.4.1 admits PS256, ES256 and EdDSA.
	token := func(change func(map[string]any)) func(*testing.T, bool) {
		return refuses(es256, beforeUserinfo, claims(change))
	}
	response := func(change func(url.Values)) func(*testing.T, bool) {
		return refuses(es256, beforeToken, func(op *ginauthtest.Provider) { op.TamperResponse(change) })
	}
	answer := func(change func(map[string]any)) func(*testing.T, bool) {
		return accepts(es256, func(op *ginauthtest.Provider) { op.TamperToken(change) })
	}
	list := []module{
		{name: "refresh-token-test", expects: "renew the tokens twice, each time by the newest refresh token", test: refreshed(es256, 2)},
		{name: "test-discovery-issuer-mismatch", expects: "refuse a discovery document of another issuer",
			test: refuses(es256, beforeAuthorization, func(op *ginauthtest.Provider) { op.TamperDiscovery(set("issuer", "https://other.example")) })},
		{name: "test-ensure-authorization-response-with-invalid-missing-state-fails", expects: "refuse an answer without `state`",
			test: response(func(q url.Values) { q.Del("state") })},
		{name: "test-ensure-authorization-response-with-invalid-state-fails", expects: "refuse an answer with another `state`",
			test: response(func(q url.Values) { q.Set("state", q.Get("state")+"1") })},
		{name: "test-happy-path", expects: "sign the person in", test: algorithms},
		{name: "test-invalid-alternate-alg", expects: "refuse an id_token signed with an algorithm that the provider does not offer",
			test: refuses(es256, beforeUserinfo, signed(ginauthtest.OtherAlgorithm))},
		{name: "test-invalid-aud", expects: "refuse an id_token with another `aud`", test: token(set("aud", "other-client"))},
		{name: "test-invalid-authorization-response-iss", expects: "refuse an answer with another `iss`",
			test: response(func(q url.Values) { q.Set("iss", "https://other.example") })},
		{name: "test-invalid-expired-exp", expects: "refuse an id_token that expired more than five minutes ago",
			test: token(func(claims map[string]any) { claims["exp"] = time.Now().Add(-301 * time.Second).Unix() })},
		{name: "test-invalid-iss", expects: "refuse an id_token with another `iss`", test: token(set("iss", "https://other.example"))},
		{name: "test-invalid-missing-aud", expects: "refuse an id_token without `aud`", test: token(without("aud"))},
		{name: "test-invalid-missing-exp", expects: "refuse an id_token without `exp`", test: token(without("exp"))},
		{name: "test-invalid-missing-iss", expects: "refuse an id_token without `iss`", test: token(without("iss"))},
		{name: "test-invalid-missing-nonce", expects: "refuse an id_token without the `nonce` that was sent", test: token(without("nonce"))},
		{name: "test-invalid-nonce", expects: "refuse an id_token with another `nonce`", test: token(set("nonce", "another"))},
		{name: "test-invalid-null-alg", expects: "refuse an unsigned id_token", test: refuses(es256, beforeUserinfo, signed(ginauthtest.None))},
		{name: "test-invalid-secondary-aud", expects: "refuse an id_token for another client beside this one",
			test: token(set("aud", []string{clientID, "other-client"}))},
		{name: "test-remove-authorization-response-iss", expects: "refuse an answer without `iss` where the provider says that it sends one",
			test: response(func(q url.Values) { q.Del("iss") })},
		{name: "test-token-endpoint-response-without-expires_in", expects: "accept a token answer without `expires_in`", test: answer(without("expires_in"))},
		{name: "test-token-type-case-insensitivity", expects: "accept a `token_type` in any case", test: answer(set("token_type", "bEARER"))},
		{name: "test-valid-aud-as-array", expects: "accept an `aud` that is an array with this client alone",
			test: accepts(es256, claims(set("aud", []string{clientID})))},
		{name: "test-happy-path-no-dpop-nonce", expects: "sign the person in where the provider sends no DPoP nonce", rule: noDPoP},
		{name: "test-rs-dpop-auth-scheme-case-insensitivity", expects: "read the DPoP scheme in any case", rule: noDPoP},
		{name: "test-invalid-openbanking-intent-id", expects: "refuse an id_token of another intent", rule: "UK Open Banking"},
	}
	for _, name := range []string{
		"signature-is-not-none", "with-expired-exp-fails", "with-invalid-aud-fails", "with-invalid-iss-fails",
		"with-invalid-sig-fails", "without-aud-fails", "without-exp-fails", "without-iss-fails",
	} {
		list = append(list, module{name: "test-ensure-jarm-" + name, expects: "verify the signed authorization response", rule: noJARM})
	}
	for i := range list {
		list[i].name = fapiPrefix + list[i].name
	}
	return list
}

// algorithms signs people in with each that FAPI 2.0 admits.
func algorithms(t *testing.T, posted bool) {
	for _, algorithm := range []string{"PS256", "ES256", "EdDSA"} {
		newSite(t, setup{posted: posted, op: ginauthtest.Config{Algorithm: algorithm}}).accepts()
	}
}
