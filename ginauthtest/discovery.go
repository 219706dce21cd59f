package ginauthtest

import "net/http"

// serveDiscovery answers the provider's metadata (OIDC Discovery §3, RFC 8414
// §2, RFC 9207 §3).
func (p *Provider) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	doc := map[string]any{
		"issuer":                                p.issuer,
		"authorization_endpoint":                p.issuer + string(Authorize),
		"token_endpoint":                        p.issuer + string(Token),
		"userinfo_endpoint":                     p.issuer + string(Userinfo),
		"jwks_uri":                              p.issuer + string(JWKS),
		"end_session_endpoint":                  p.issuer + string(Logout),
		"scopes_supported":                      []string{"openid", "profile", "email"},
		"response_types_supported":              []string{"code"},
		"response_modes_supported":              []string{"query", formPost},
		"grant_types_supported":                 []string{"authorization_code", "refresh_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{p.cfg.Algorithm},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported": []string{
			"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid",
			"name", "picture", "email", "email_verified",
		},
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
		"authorization_response_iss_parameter_supported": true,
		"claims_parameter_supported":                     false,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false, // absent would mean true
	}
	if p.cfg.SignUserinfo {
		doc["userinfo_signing_alg_values_supported"] = []string{p.cfg.Algorithm}
	}
	if tamper := p.lies.load().discovery; tamper != nil {
		tamper(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

// serveJWKS answers the public key that good ID tokens are signed with
// (RFC 7517 §5), and the one of OtherAlgorithm while that is chosen.
func (p *Provider) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	lie := p.lies.load()
	keys, err := p.keys.public(lie.signature)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	set := map[string]any{"keys": keys}
	if lie.jwks != nil {
		lie.jwks(set)
	}
	writeJSON(w, http.StatusOK, set)
}
