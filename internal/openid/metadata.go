package openid

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Metadata is what a relying party needs of an issuer's discovery document. It
// is shared and must not be changed.
type Metadata struct {
	// Issuer is the issuer identifier, found equal to the one asked for, or what
	// a Family's document has in its place.
	Issuer string
	// Endpoint holds the authorization and token endpoints. Its AuthStyle is
	// always one of the two fixed styles: detection by x/oauth2 would send a
	// refused code and the secret a second time.
	Endpoint oauth2.Endpoint
	// UserInfoEndpoint is empty where the issuer has none.
	UserInfoEndpoint string
	// EndSessionEndpoint is where RP-Initiated Logout 1.0 sends the browser;
	// empty where the issuer has none.
	EndSessionEndpoint string
	// ResponseIssuer says that authorization responses carry iss, so that its
	// absence is a fault (authorization_response_iss_parameter_supported,
	// RFC 9207 §2.3).
	ResponseIssuer bool
	// Algorithms are the signature algorithms accepted on tokens.
	Algorithms []string
	// Provider is go-oidc's view of the issuer, with its cached key set.
	Provider *oidc.Provider

	verifier   *oidc.IDTokenVerifier
	handed     *oidc.IDTokenVerifier // of id_tokens that came by another way than the token endpoint
	logouts    *oidc.IDTokenVerifier // of logout tokens
	accesses   *oidc.IDTokenVerifier // of access tokens
	userinfos  *oidc.IDTokenVerifier // of signed userinfo
	keyIssuers *keyIssuers           // of a Family
}

// document is the part of the discovery document that is checked or used here.
type document struct {
	Issuer         string   `json:"issuer"`
	Authorization  string   `json:"authorization_endpoint"`
	Token          string   `json:"token_endpoint"`
	JWKS           string   `json:"jwks_uri"`
	UserInfo       string   `json:"userinfo_endpoint"`
	EndSession     string   `json:"end_session_endpoint"`
	Algorithms     []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods    []string `json:"token_endpoint_auth_methods_supported"`
	ResponseIssuer bool     `json:"authorization_response_iss_parameter_supported"`
}

// check refuses a document that would send the browser, the client secret or a
// token somewhere unsafe. Other hosts are allowed, as large issuers use them;
// leaving https is not.
func (d *document) check(issuer string) error {
	base, err := url.Parse(issuer)
	if err != nil {
		return err
	}
	endpoints := []struct {
		name, value string
		required    bool
	}{
		{"authorization_endpoint", d.Authorization, true},
		{"token_endpoint", d.Token, true},
		{"jwks_uri", d.JWKS, true},
		{"userinfo_endpoint", d.UserInfo, false},
		{"end_session_endpoint", d.EndSession, false},
	}
	var faults []error
	for _, e := range endpoints {
		if e.value == "" && !e.required {
			continue
		}
		if err := checkEndpoint(base, e.value); err != nil {
			faults = append(faults, fmt.Errorf("%s %w", e.name, err))
		}
	}
	return errors.Join(faults...)
}

func checkEndpoint(issuer *url.URL, endpoint string) error {
	if endpoint == "" {
		return errors.New("is missing")
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return errors.New("is not an absolute http(s) URL")
	case u.Scheme == "http" && issuer.Scheme == "https":
		return errors.New("leaves https")
	case u.User != nil:
		return errors.New("carries credentials")
	case u.Fragment != "":
		return errors.New("has a fragment") // RFC 6749 §3.1, §3.2
	}
	return nil
}

// acceptedAlgorithms cuts what the issuer advertises to signatures made with a
// private key. HS256 and its kin would let anybody who knows the public key, or
// the client secret, sign; none needs no key at all. An issuer that advertises
// nothing signs with RS256 (OpenID Connect Core §15.1).
func acceptedAlgorithms(advertised []string) ([]string, error) {
	if len(advertised) == 0 {
		return []string{oidc.RS256}, nil
	}
	accepted := slices.DeleteFunc(asymmetric(), func(alg string) bool {
		return !slices.Contains(advertised, alg)
	})
	if len(accepted) == 0 {
		return nil, fmt.Errorf("none of the id_token signature algorithms %q is accepted", advertised)
	}
	return accepted, nil
}

// asymmetric are the algorithms that sign with a private key.
func asymmetric() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512,
		oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512,
		oidc.EdDSA,
	}
}

// authStyle chooses how the client secret travels. Basic is what a document
// without the field means (OpenID Connect Discovery §3), and the better one: a
// body is logged more often than an Authorization header.
func authStyle(methods []string) oauth2.AuthStyle {
	if !slices.Contains(methods, "client_secret_basic") && slices.Contains(methods, "client_secret_post") {
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}
