package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// entraAt leads the addresses of a tenant at Entra to a local provider whose
// discovery document names issuer, and returns the client that goes there.
func entraAt(t *testing.T, tenant, issuer string) (*ginauthtest.Provider, *http.Client) {
	t.Helper()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: []ginauthtest.Person{{Subject: "alice", Name: "Alice"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	host := "login.microsoftonline.com/" + tenant
	idp.TamperDiscovery(func(doc map[string]any) {
		doc["issuer"], doc["jwks_uri"] = issuer, "https://"+host+"/keys"
		doc["authorization_endpoint"], doc["token_endpoint"] = "https://"+host+"/authorize", "https://"+host+"/token"
		doc["userinfo_endpoint"], doc["end_session_endpoint"] = "https://graph.microsoft.com/oidc/userinfo", "https://"+host+"/logout"
	})
	return idp, &http.Client{Transport: idp.Transport(map[string]string{
		host + "/v2.0/.well-known/openid-configuration": "/.well-known/openid-configuration",
		host + "/keys": "/jwks", host + "/authorize": "/authorize", host + "/token": "/token",
	})}
}

// The discovery document may name the tenant's own issuer or, where there are
// many tenants, the template, and nothing else.
func TestEntraDocument(t *testing.T) {
	t.Parallel()
	const (
		tenant   = "11111111-2222-3333-4444-555555555555"
		other    = "22222222-2222-3333-4444-555555555555"
		personal = "9188040d-6c67-4c5b-b112-36a304b66dad"
	)
	issuer := func(id string) string { return "https://login.microsoftonline.com/" + id + "/v2.0" }
	tests := []struct {
		tenant, issuer string
		ok             bool
	}{
		{"common", issuer("{tenantid}"), true},
		{"common", issuer(tenant), false},
		{"organizations", issuer("{tenantid}"), true},
		{"organizations", issuer("common"), false},
		{"consumers", issuer(personal), true},
		{"consumers", issuer("{tenantid}"), true},
		{"consumers", issuer(tenant), false},
		{tenant, issuer(tenant), true},
		{tenant, issuer(other), false},
		{tenant, issuer("{tenantid}"), false},
		{"shop.example.com", issuer(tenant), true},
		{"shop.example.com", issuer("shop.example.com"), false},
		{"shop.example.com", issuer("{tenantid}"), false},
		{"shop.example.com", "https://evil.example/" + tenant + "/v2.0", false},
		{"shop.example.com", issuer(tenant) + "/", false},
		{"common", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.tenant+" "+tt.issuer, func(t *testing.T) {
			t.Parallel()
			_, client := entraAt(t, tt.tenant, tt.issuer)
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client)
			p := oidc.Entra(tt.tenant, "id", "secret")
			got, _, err := p.AuthorizationIssuer(ctx)
			if (err == nil) != tt.ok || err == nil && got != tt.issuer {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// The object ID comes with the scope profile.
func TestEntraScopes(t *testing.T) {
	t.Parallel()
	_, client := entraAt(t, "common", "https://login.microsoftonline.com/{tenantid}/v2.0")
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client)
	for want, scopes := range map[string][]string{
		"openid profile email":                nil,
		"openid profile offline_access":       {"offline_access"},
		"openid email profile offline_access": {"email", "profile", "offline_access"},
	} {
		authURL, err := oidc.Entra("common", "id", "secret", scopes...).AuthCodeURL(ctx, redirectURL, "s", nonce)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(authURL)
		if err != nil || u.Query().Get("scope") != want || !strings.HasPrefix(authURL, "https://login.microsoftonline.com/common/") {
			t.Errorf("%v: %s", scopes, authURL)
		}
	}
}
