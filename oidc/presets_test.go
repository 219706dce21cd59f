package oidc_test

import (
	"strings"
	"testing"

	"github.com/ginauth/ginauth/oidc"
)

// placed is a preset that has to be told where its service is.
type placed func(place, clientID, clientSecret string, scopes ...string) *oidc.Provider

func TestPlaces(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		preset placed
		good   map[string]string // place to issuer
		bad    []string
		hint   string // what the fault says to write
	}{
		{
			"auth0", oidc.Auth0,
			map[string]string{
				"t.eu.auth0.com":          "https://t.eu.auth0.com/",
				"https://t.eu.auth0.com":  "https://t.eu.auth0.com/",
				"https://t.eu.auth0.com/": "https://t.eu.auth0.com/",
				"login.example.com:8443":  "https://login.example.com:8443/",
			},
			[]string{"", "https://", "http://t.eu.auth0.com", "t.eu.auth0.com/x", "u@t.eu.auth0.com", "t.eu.auth0.com?x", "t.eu.auth0.com#x", "a b", "https://https://t", ":443"},
			"such as example.eu.auth0.com",
		},
		{
			"okta", oidc.Okta,
			map[string]string{
				"https://x.okta.com":                 "https://x.okta.com",
				"https://x.okta.com/":                "https://x.okta.com",
				"https://x.okta.com/oauth2/default/": "https://x.okta.com/oauth2/default",
			},
			[]string{"", "x.okta.com", "ftp://x.okta.com", "https://x.okta.com?a", "https://u:p@x.okta.com", "https://x.okta.com/.well-known/openid-configuration"},
			"such as https://example.okta.com/oauth2/default",
		},
		{
			"cognito", oidc.Cognito,
			map[string]string{
				"eu-west-1_AbCdEfGhI":    "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
				"us-gov-west-1_AbCdEfGh": "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCdEfGh",
			},
			[]string{"", "eu-west-1", "AbCdEfGhI", "eu-west-1_", "evil.example/#_a", "eu-west-1_a/b", "EU-WEST-1_a", "eu-west-1_a\n"},
			"such as eu-west-1_AbCdEfGhI",
		},
		{
			"keycloak", oidc.Keycloak,
			map[string]string{
				"https://k.example/realms/staff":       "https://k.example/realms/staff",
				"https://k.example/auth/realms/staff/": "https://k.example/auth/realms/staff",
				"http://localhost:8080/realms/staff":   "http://localhost:8080/realms/staff",
			},
			[]string{"", "https://k.example", "https://k.example/realms/", "https://k.example/realms/a/protocol/openid-connect", "staff"},
			"such as https://login.example.com/realms/staff",
		},
		{
			"zitadel", oidc.Zitadel,
			map[string]string{"https://x.zitadel.cloud": "https://x.zitadel.cloud", "https://x.zitadel.cloud/": "https://x.zitadel.cloud"},
			[]string{"", "x.zitadel.cloud"},
			"such as https://example.zitadel.cloud",
		},
		{
			"authentik", oidc.Authentik,
			map[string]string{
				"https://a.example/application/o/shop/": "https://a.example/application/o/shop/",
				"https://a.example/application/o/shop":  "https://a.example/application/o/shop/",
			},
			[]string{"", "https://a.example", "https://a.example/application/o/", "https://a.example/application/o/shop/authorize"},
			"such as https://auth.example.com/application/o/shop/",
		},
		{
			"gitlab", oidc.GitLab,
			map[string]string{
				"": "https://gitlab.com", "https://gitlab.com/": "https://gitlab.com",
				"https://git.example.com/gitlab": "https://git.example.com/gitlab",
			},
			[]string{"gitlab.example.com", "https://gitlab.example.com?x"},
			"such as https://gitlab.example.com",
		},
		{
			"azureadv2", oidc.Entra,
			map[string]string{
				"common": "https://login.microsoftonline.com/common/v2.0", "Organizations": "https://login.microsoftonline.com/organizations/v2.0",
				"consumers":                            "https://login.microsoftonline.com/consumers/v2.0",
				"shop.example.com":                     "https://login.microsoftonline.com/shop.example.com/v2.0",
				"11111111-2222-3333-4444-55555555555F": "https://login.microsoftonline.com/11111111-2222-3333-4444-55555555555f/v2.0",
			},
			[]string{"", "shop", "a/b", "../common", "https://login.microsoftonline.com/common", "{tenantid}", "common ", "11111111"},
			"one of common, organizations and consumers",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for place, issuer := range tt.good {
				p := tt.preset(place, "id", "secret")
				if err := p.Validate(); err != nil || p.Name() != tt.name {
					t.Errorf("%q: %q, %v", place, p.Name(), err)
				}
				if !strings.Contains(p.String(), `Issuer: "`+issuer+`"`) {
					t.Errorf("%q: got %s, want the issuer %s", place, p, issuer)
				}
			}
			for _, place := range tt.bad {
				err := tt.preset(place, "id", "secret").Validate()
				if err == nil || !strings.Contains(err.Error(), tt.hint) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q: got %v", place, err)
				}
				if _, err := tt.preset(place, "id", "secret").AuthCodeURL(t.Context(), redirectURL, "s", nonce); err == nil {
					t.Errorf("%q: was used all the same", place)
				}
			}
			// Every fault at once.
			err := tt.preset(":", "", " secret").Validate()
			for _, want := range []string{tt.hint, "ClientID is empty", "ClientSecret has white space"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

// A service that takes no code verifier has only the secret to tell this client
// from another.
func TestSecretWithoutPKCE(t *testing.T) {
	t.Parallel()
	type fixed func(clientID, clientSecret string, scopes ...string) *oidc.Provider
	tests := []struct {
		name    string
		preset  fixed
		refuses bool
	}{
		{"google", oidc.Google, false}, {"linkedin", oidc.LinkedIn, true}, {"slack", oidc.Slack, true}, {"xero", oidc.Xero, false},
	}
	for _, tt := range tests {
		p := tt.preset("id", "secret")
		if p.Name() != tt.name || p.Validate() != nil || p.RefusesPKCE() != tt.refuses || p.FormPost() {
			t.Errorf("%s: %s, %v, refuses PKCE: %v", tt.name, p.Name(), p.Validate(), p.RefusesPKCE())
		}
		if lacks := tt.name == "google" || tt.name == "linkedin"; p.LacksAuthTime() != lacks {
			t.Errorf("%s lacks auth_time: %v", tt.name, p.LacksAuthTime())
		}
		if err := tt.preset("id", "").Validate(); (err != nil) != tt.refuses {
			t.Errorf("%s without a secret: %v", tt.name, err)
		}
	}
	if oidc.New(oidc.Config{Name: "n", Issuer: "https://id.example", ClientID: "c"}).RefusesPKCE() {
		t.Error("another provider refuses PKCE")
	}
}

func TestAcceptsIssuer(t *testing.T) {
	t.Parallel()
	const (
		template = "https://login.microsoftonline.com/{tenantid}/v2.0"
		one      = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0"
	)
	tests := []struct {
		issuer, sent string
		entra, other bool
	}{
		{template, one, true, false},
		{template, template, false, true},
		{template, "https://login.microsoftonline.com/common/v2.0", false, false},
		{template, "https://evil.example/11111111-2222-3333-4444-555555555555/v2.0", false, false},
		{template, one + "/", false, false},
		{one, one, true, true},
		{one, template, false, false},
		{one, "", false, false},
	}
	entra, other := oidc.Entra("common", "id", "secret"), oidc.Google("id", "secret")
	for _, tt := range tests {
		if got := entra.AcceptsIssuer(tt.issuer, tt.sent); got != tt.entra {
			t.Errorf("Entra: %s from %s: %v", tt.sent, tt.issuer, got)
		}
		if got := other.AcceptsIssuer(tt.issuer, tt.sent); got != tt.other {
			t.Errorf("Google: %s from %s: %v", tt.sent, tt.issuer, got)
		}
	}
}
