package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// loopbackURL is one that the test provider lets its answers go to.
const loopbackURL = "http://localhost:8080/api/auth/callback"

// signIn runs one sign-in of alice at the liar.
func (l *liar) signIn(t *testing.T, p *oidc.Provider, ctx context.Context) (subject string, claims map[string]any, err error) {
	t.Helper()
	user, _, err := p.ExchangeCode(ctx, redirectURL, "code", nonce)
	return user.UserID, user.RawData, err
}

// The discovery document may be elsewhere, with a query, and names the issuer all
// the same.
func TestDiscoveryURL(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	for name, tt := range map[string]struct {
		change func(c *oidc.Config)
		fault  string
	}{
		"with a query":      {func(c *oidc.Config) { c.DiscoveryURL += "?tenant=7" }, ""},
		"not there":         {func(c *oidc.Config) {}, "answered 404"},
		"another issuer":    {func(c *oidc.Config) { c.DiscoveryURL += "?tenant=7"; c.Issuer += "/" }, "is of the issuer"},
		"no address":        {func(c *oidc.Config) { c.DiscoveryURL = "elsewhere" }, "DiscoveryURL is not"},
		"an address of ftp": {func(c *oidc.Config) { c.DiscoveryURL = "ftp://login.example.com/x" }, "DiscoveryURL is not"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("tenant") != "7" {
					http.NotFound(w, r)
					return
				}
				l.Config.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, l.URL+"/.well-known/openid-configuration", nil))
			}))
			t.Cleanup(server.Close)
			c := l.config()
			c.DiscoveryURL = server.URL + "/elsewhere"
			tt.change(&c)
			subject, _, err := l.signIn(t, oidc.New(c), t.Context())
			if tt.fault == "" && (err != nil || subject != "alice") || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("%q, %v", subject, err)
			}
		})
	}
}

// In a container the provider is reached at another address than in a browser: the
// requests go there, with the issuer's host, and the browser to the issuer.
func TestBackChannel(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	const public = "https://login.example.com"
	seen := 0
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen++
		if r.Host != "login.example.com" {
			t.Errorf("the back channel is asked for %s", r.Host)
		}
		l.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	l.change(l.metadata, map[string]any{
		"issuer": public, "authorization_endpoint": public + "/authorize", "token_endpoint": public + "/token", "jwks_uri": public + "/keys", "userinfo_endpoint": public + "/userinfo",
	})
	l.change(l.idToken, map[string]any{"iss": public})
	c := l.config()
	c.Issuer, c.BackChannel = public, front.URL
	p := oidc.New(c)
	authURL, err := p.AuthCodeURL(t.Context(), redirectURL, "s", nonce)
	if err != nil || !strings.HasPrefix(authURL, public+"/authorize?") {
		t.Fatalf("%s, %v", authURL, err)
	}
	if subject, _, err := l.signIn(t, p, t.Context()); err != nil || subject != "alice" || seen < 3 {
		t.Errorf("%q, %v after %d requests", subject, err, seen)
	}
	for _, bad := range []string{"keycloak:8080", "http://keycloak:8080/path", "http://u:p@keycloak:8080", "ftp://keycloak"} {
		c.BackChannel = bad
		if err := oidc.New(c).Validate(); err == nil || !strings.Contains(err.Error(), "BackChannel is not an origin") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Endpoints of the Config take the place of the document's.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.change(l.metadata, map[string]any{"token_endpoint": l.URL + "/gone", "authorization_endpoint": l.URL + "/gone"})
	c := l.config()
	c.TokenURL, c.AuthURL = l.URL+"/token", l.URL+"/auth"
	c.AuthParams = url.Values{"ui_locales": {"no"}, "state": {"evil"}}
	p := oidc.New(c)
	authURL, err := p.AuthCodeURL(t.Context(), redirectURL, "s", nonce)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(authURL)
	if u.Path != "/auth" || u.Query().Get("ui_locales") != "no" || u.Query().Get("state") != "s" {
		t.Errorf("leads to %s", authURL)
	}
	if subject, _, err := l.signIn(t, p, t.Context()); err != nil || subject != "alice" {
		t.Errorf("%q, %v", subject, err)
	}
	c.Issuer, c.TokenURL = "https://login.example.com", "http://login.example.com/token"
	if err := oidc.New(c).Validate(); err == nil || !strings.Contains(err.Error(), "TokenURL begins with http") {
		t.Errorf("a secret over http: %v", err)
	}
}

// Several audiences without azp pass where the Config says so, this client among
// them.
func TestAllowAudiencesWithoutParty(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	for _, tt := range []struct {
		allow bool
		claim any
		azp   any
		ok    bool
	}{
		{false, []string{l.config().ClientID, "api"}, nil, false},
		{true, []string{l.config().ClientID, "api"}, nil, true},
		{true, []string{"other", "api"}, nil, false},
		{true, []string{l.config().ClientID, "api"}, "other", false},
	} {
		l.change(l.idToken, map[string]any{"aud": tt.claim, "azp": tt.azp})
		c := l.config()
		c.AllowAudiencesWithoutParty = tt.allow
		if _, _, err := l.signIn(t, oidc.New(c), t.Context()); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

// Claims of other names are read where the Config says so. An address that is not
// the claim email is not verified by email_verified.
func TestClaims(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.change(l.idToken, map[string]any{"email": "a@example.com", "email_verified": true, "emails": []string{"b@example.com"}, "nick": "Ada", "avatar_url": "https://pictures.example/a.png"})
	for _, tt := range []struct {
		claims      oidc.Claims
		name, email string
		verified    any
	}{
		{oidc.Claims{Name: "nick"}, "Ada", "a@example.com", true},
		{oidc.Claims{Email: "emails.0"}, "", "b@example.com", nil},
		{oidc.Claims{Email: "email|emails.0"}, "", "a@example.com", true},
		{oidc.Claims{Email: "missing"}, "", "", nil},
	} {
		c := l.config()
		c.Claims = tt.claims
		user, _, err := oidc.New(c).ExchangeCode(t.Context(), redirectURL, "code", nonce)
		if err != nil || tt.name != "" && user.Name != tt.name || user.Email != tt.email || user.RawData["email_verified"] != tt.verified {
			t.Errorf("%+v: %+v, %v", tt.claims, user, err)
		}
	}
}

// With changes a copy, and keeps what sets a preset's service apart.
func TestWith(t *testing.T) {
	t.Parallel()
	p := oidc.LinkedIn("id", "secret")
	changed := p.With(func(c *oidc.Config) { c.BackChannel = "http://proxy:8080" })
	if changed == p || !changed.RefusesPKCE() || changed.Name() != "linkedin" || changed.Validate() != nil {
		t.Errorf("%v, %v", changed, changed.Validate())
	}
	if bad := p.With(func(c *oidc.Config) { c.BackChannel = "x" }); bad.Validate() == nil || p.Validate() != nil {
		t.Errorf("%v, %v", bad.Validate(), p.Validate())
	}
}

// A user flow's tokens name the directory's issuer, whatever flow made them.
func TestAttack20_AzureB2C(t *testing.T) {
	t.Parallel()
	const (
		directory = "11111111-2222-3333-4444-555555555555"
		other     = "22222222-2222-3333-4444-555555555555"
		address   = "https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0"
	)
	issuer := func(host, id string) string { return "https://" + host + "/" + id + "/v2.0/" }
	own := issuer("example.b2clogin.com", directory)
	for _, tt := range []struct {
		name, document, iss, tfp string
		ok                       bool
	}{
		{"as it should be", own, own, "b2c_1_signin", true},
		{"no flow", own, own, "", true},
		{"another directory", own, issuer("example.b2clogin.com", other), "B2C_1_signin", false},
		{"another host in the document", issuer("evil.b2clogin.com", directory), issuer("evil.b2clogin.com", directory), "B2C_1_signin", false},
		{"no directory in the document", "https://example.b2clogin.com/v2.0/", "https://example.b2clogin.com/v2.0/", "B2C_1_signin", false},
		{"the address itself", address, address, "B2C_1_signin", false},
		{"another flow", own, own, "B2C_1_edit", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: []ginauthtest.Person{{Subject: "alice", Name: "Alice"}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = idp.Close() })
			const host = "example.b2clogin.com"
			idp.TamperDiscovery(func(doc map[string]any) {
				doc["issuer"], doc["jwks_uri"] = tt.document, "https://"+host+"/keys"
				doc["authorization_endpoint"], doc["token_endpoint"] = "https://"+host+"/authorize", "https://"+host+"/token"
				delete(doc, "userinfo_endpoint")
				delete(doc, "end_session_endpoint")
			})
			idp.TamperClaims(func(claims map[string]any) {
				claims["iss"], claims["emails"], claims["email_verified"] = tt.iss, []string{"ada@example.com"}, true
				delete(claims, "email")
				if tt.tfp != "" {
					claims["tfp"] = tt.tfp
				}
			})
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: idp.Transport(map[string]string{
				host + "/example.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration": "/.well-known/openid-configuration",
				host + "/keys": "/jwks", host + "/authorize": "/authorize", host + "/token": "/token",
			})})
			p := oidc.AzureB2C(address, idp.ClientID(), idp.ClientSecret())
			verifier := oauth2.GenerateVerifier()
			authURL, err := p.AuthCodeURL(ctx, loopbackURL, "state", "the-nonce", oauth2.S256ChallengeOption(verifier))
			if err != nil {
				if tt.ok {
					t.Fatal(err)
				}
				return
			}
			callback, err := idp.Approve(ctx, authURL, "alice")
			if err != nil {
				t.Fatal(err)
			}
			user, _, err := p.ExchangeCode(ctx, loopbackURL, callback.Query().Get("code"), "the-nonce", oauth2.VerifierOption(verifier))
			if (err == nil) != tt.ok {
				t.Fatalf("%+v, %v", user, err)
			}
			if tt.ok && (user.UserID == "" || user.Email != "ada@example.com" || user.RawData["email_verified"] != nil) {
				t.Errorf("%+v", user)
			}
		})
	}
	for _, bad := range []string{"", "https://example.b2clogin.com", "https://example.b2clogin.com/x/v2.0", "example.b2clogin.com/a/b/v2.0"} {
		if err := oidc.AzureB2C(bad, "id", "secret").Validate(); err == nil || !strings.Contains(err.Error(), "B2C_1_signin") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Microsoft's other clouds have issuers of their own host, and an external tenant
// one of its own.
func TestAttack20_EntraClouds(t *testing.T) {
	t.Parallel()
	const tenant, other = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"
	for _, tt := range []struct {
		host, tenant, issuer string
		ok                   bool
	}{
		{oidc.EntraUSGov, tenant, "https://login.microsoftonline.us/" + tenant + "/v2.0", true},
		{oidc.EntraUSGov, "common", "https://login.microsoftonline.us/{tenantid}/v2.0", true},
		{oidc.EntraUSGov, tenant, "https://login.microsoftonline.com/" + tenant + "/v2.0", false},
		{oidc.EntraChina, tenant, "https://login.partner.microsoftonline.cn/" + tenant + "/v2.0", true},
		{"example.ciamlogin.com", tenant, "https://" + tenant + ".ciamlogin.com/" + tenant + "/v2.0", true},
		{"example.ciamlogin.com", tenant, "https://example.ciamlogin.com/" + tenant + "/v2.0", true},
		{"example.ciamlogin.com", tenant, "https://" + other + ".ciamlogin.com/" + other + "/v2.0", false},
		{"example.ciamlogin.com", tenant, "https://evil.ciamlogin.com/" + tenant + "/v2.0", false},
	} {
		idp, err := ginauthtest.NewProvider(ginauthtest.Config{People: []ginauthtest.Person{{Subject: "alice", Name: "Alice"}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = idp.Close() })
		place := tt.host + "/" + tt.tenant
		idp.TamperDiscovery(func(doc map[string]any) {
			doc["issuer"], doc["jwks_uri"] = tt.issuer, "https://"+place+"/keys"
			doc["authorization_endpoint"], doc["token_endpoint"] = "https://"+place+"/authorize", "https://"+place+"/token"
			delete(doc, "userinfo_endpoint")
			delete(doc, "end_session_endpoint")
		})
		ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: idp.Transport(map[string]string{
			place + "/v2.0/.well-known/openid-configuration": "/.well-known/openid-configuration", place + "/keys": "/jwks",
		})})
		p := oidc.NewEntra(oidc.EntraConfig{Host: tt.host, Tenant: tt.tenant, ClientID: "id", ClientSecret: "secret"})
		if _, _, err := p.AuthorizationIssuer(ctx); (err == nil) != tt.ok {
			t.Errorf("%s at %s names %s: %v", tt.tenant, tt.host, tt.issuer, err)
		}
	}
	for _, bad := range []oidc.EntraConfig{
		{Host: "login.microsoftonline.com.evil.example", Tenant: tenant}, {Host: "evil.example", Tenant: tenant}, {Host: "example.ciamlogin.com", Tenant: "common"},
		{Host: "example.ciamlogin.com.evil.example", Tenant: tenant},
	} {
		bad.ClientID, bad.ClientSecret = "id", "hush-hush"
		if err := oidc.NewEntra(bad).Validate(); err == nil || strings.Contains(err.Error(), "hush-hush") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// The subject of NextAuth.js stays where it is asked for, and the tenant is checked
// all the same.
func TestEntraSubjectSub(t *testing.T) {
	t.Parallel()
	const tenant = "11111111-2222-3333-4444-555555555555"
	const object = "5c0f7a52-0d1e-4b3c-9a8f-000000001001"
	idp, client := entraAt(t, tenant, "https://login.microsoftonline.com/"+tenant+"/v2.0")
	idp.TamperClaims(func(claims map[string]any) {
		claims["iss"], claims["tid"], claims["oid"] = "https://login.microsoftonline.com/"+tenant+"/v2.0", tenant, object
	})
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client)
	for sub, want := range map[bool]string{false: tenant + "." + object, true: ""} {
		p := oidc.NewEntra(oidc.EntraConfig{Tenant: tenant, ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(), SubjectSub: sub})
		verifier := oauth2.GenerateVerifier()
		authURL, err := p.AuthCodeURL(ctx, loopbackURL, "state", nonce, oauth2.S256ChallengeOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		callback, err := idp.Approve(ctx, authURL, "alice")
		if err != nil {
			t.Fatal(err)
		}
		user, _, err := p.ExchangeCode(ctx, loopbackURL, callback.Query().Get("code"), nonce, oauth2.VerifierOption(verifier))
		if err != nil {
			t.Fatal(err)
		}
		if sub {
			want, _ = user.RawData["sub"].(string)
		}
		if user.UserID != want || want == "" {
			t.Errorf("the subject is %q, want %q", user.UserID, want)
		}
	}
}
