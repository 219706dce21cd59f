package tests

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/service"
	"github.com/ginauth/ginauth/oidc"
)

// A presetCase is a service with a preset, as its discovery document describes
// it: host and path of each endpoint.
type presetCase struct {
	id                                    string
	provider                              func(clientID, secret string) *oidc.Provider
	discovery                             string // below it is /.well-known/openid-configuration
	document                              string // the issuer in the document, default https:// and discovery
	issuer                                string // of tokens and answers, default document
	authorize, token, userinfo, jwks      string
	claims                                map[string]any // further ones of the id_token
	subject                               string         // default ada
	noNonce, noPKCE, unverified, inParams bool
}

const (
	tenantA = "11111111-2222-3333-4444-555555555555"
	tenantB = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	personA = "0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e"
)

func entraCase(tenant, document string) presetCase {
	const host = "login.microsoftonline.com/"
	return presetCase{
		id: "azureadv2",
		provider: func(id, secret string) *oidc.Provider {
			return oidc.Entra(tenant, id, secret)
		},
		discovery: host + tenant + "/v2.0", document: "https://" + host + document + "/v2.0",
		issuer:    "https://" + host + tenantA + "/v2.0",
		authorize: host + tenant + "/oauth2/v2.0/authorize", token: host + tenant + "/oauth2/v2.0/token",
		userinfo: "graph.microsoft.com/oidc/userinfo", jwks: host + tenant + "/discovery/v2.0/keys",
		claims:  map[string]any{"tid": tenantA, "oid": personA},
		subject: tenantA + "." + personA, unverified: true,
	}
}

// placed fills in where a preset's service is.
func placed(f func(place, id, secret string, scopes ...string) *oidc.Provider, place string) func(id, secret string) *oidc.Provider {
	return func(id, secret string) *oidc.Provider { return f(place, id, secret) }
}

func fixed(f func(id, secret string, scopes ...string) *oidc.Provider) func(id, secret string) *oidc.Provider {
	return func(id, secret string) *oidc.Provider { return f(id, secret) }
}

func presetCases(apple *appleGate) []presetCase {
	return []presetCase{
		{
			id: "google", provider: fixed(oidc.Google), discovery: "accounts.google.com",
			authorize: "accounts.google.com/o/oauth2/v2/auth", token: "oauth2.googleapis.com/token",
			userinfo: "openidconnect.googleapis.com/v1/userinfo", jwks: "www.googleapis.com/oauth2/v3/certs",
		},
		{
			id: "linkedin", provider: fixed(oidc.LinkedIn), discovery: "www.linkedin.com/oauth",
			authorize: "www.linkedin.com/oauth/v2/authorization", token: "www.linkedin.com/oauth/v2/accessToken",
			userinfo: "api.linkedin.com/v2/userinfo", jwks: "www.linkedin.com/oauth/openid/jwks",
			noNonce: true, noPKCE: true, inParams: true,
		},
		{
			id: "slack", provider: fixed(oidc.Slack), discovery: "slack.com",
			authorize: "slack.com/openid/connect/authorize", token: "slack.com/api/openid.connect.token",
			userinfo: "slack.com/api/openid.connect.userInfo", jwks: "slack.com/openid/connect/keys",
			claims: map[string]any{"https://slack.com/user_id": "U0R7MFMJM"}, noPKCE: true,
		},
		{
			id: "xero", provider: fixed(oidc.Xero), discovery: "identity.xero.com",
			authorize: "login.xero.com/identity/connect/authorize", token: "identity.xero.com/connect/token",
			userinfo: "identity.xero.com/connect/userinfo", jwks: "identity.xero.com/.well-known/openid-configuration/jwks",
		},
		{
			id: "gitlab", provider: placed(oidc.GitLab, ""), discovery: "gitlab.com",
			authorize: "gitlab.com/oauth/authorize", token: "gitlab.com/oauth/token",
			userinfo: "gitlab.com/oauth/userinfo", jwks: "gitlab.com/oauth/discovery/keys",
		},
		{
			id: "auth0", provider: placed(oidc.Auth0, "tenant.eu.auth0.com"), discovery: "tenant.eu.auth0.com",
			document:  "https://tenant.eu.auth0.com/",
			authorize: "tenant.eu.auth0.com/authorize", token: "tenant.eu.auth0.com/oauth/token",
			userinfo: "tenant.eu.auth0.com/userinfo", jwks: "tenant.eu.auth0.com/.well-known/jwks.json",
		},
		{
			id: "okta", provider: placed(oidc.Okta, "https://dev-1.okta.com/oauth2/default/"), discovery: "dev-1.okta.com/oauth2/default",
			authorize: "dev-1.okta.com/oauth2/default/v1/authorize", token: "dev-1.okta.com/oauth2/default/v1/token",
			userinfo: "dev-1.okta.com/oauth2/default/v1/userinfo", jwks: "dev-1.okta.com/oauth2/default/v1/keys",
		},
		{
			id: "cognito", provider: placed(oidc.Cognito, "eu-west-1_AbCdEfGhI"), discovery: "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
			authorize: "shop.auth.eu-west-1.amazoncognito.com/oauth2/authorize", token: "shop.auth.eu-west-1.amazoncognito.com/oauth2/token",
			userinfo: "shop.auth.eu-west-1.amazoncognito.com/oauth2/userInfo",
			jwks:     "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI/.well-known/jwks.json",
		},
		{
			id: "keycloak", provider: placed(oidc.Keycloak, "https://login.example.com/realms/staff"), discovery: "login.example.com/realms/staff",
			authorize: "login.example.com/realms/staff/protocol/openid-connect/auth", token: "login.example.com/realms/staff/protocol/openid-connect/token",
			userinfo: "login.example.com/realms/staff/protocol/openid-connect/userinfo", jwks: "login.example.com/realms/staff/protocol/openid-connect/certs",
		},
		{
			id: "zitadel", provider: placed(oidc.Zitadel, "https://shop.zitadel.cloud"), discovery: "shop.zitadel.cloud",
			authorize: "shop.zitadel.cloud/oauth/v2/authorize", token: "shop.zitadel.cloud/oauth/v2/token",
			userinfo: "shop.zitadel.cloud/oidc/v1/userinfo", jwks: "shop.zitadel.cloud/oauth/v2/keys",
		},
		{
			id: "authentik", provider: placed(oidc.Authentik, "https://auth.example.com/application/o/shop"), discovery: "auth.example.com/application/o/shop",
			document:  "https://auth.example.com/application/o/shop/",
			authorize: "auth.example.com/application/o/authorize/", token: "auth.example.com/application/o/token/",
			userinfo: "auth.example.com/application/o/userinfo/", jwks: "auth.example.com/application/o/shop/jwks/",
		},
		entraCase("common", "{tenantid}"),
		entraCase("organizations", "{tenantid}"),
		entraCase(tenantA, tenantA),
		entraCase("shop.example.com", tenantA),
		{
			id: "apple", discovery: "appleid.apple.com", provider: func(id, _ string) *oidc.Provider { return apple.provider(id, []string{}) },
			authorize: "appleid.apple.com/auth/authorize", token: "appleid.apple.com/auth/token", jwks: "appleid.apple.com/auth/keys", inParams: true,
		},
	}
}

// route leads the service's addresses to idp, whose document then names them.
func (c *presetCase) route(idp *ginauthtest.Provider) http.RoundTripper {
	routes := map[string]string{
		c.discovery + "/.well-known/openid-configuration": "/.well-known/openid-configuration",
		c.authorize: "/authorize", c.token: "/token", c.jwks: "/jwks",
	}
	if c.userinfo != "" {
		routes[c.userinfo] = "/userinfo"
	}
	return idp.Transport(routes)
}

// honest makes idp answer as the service does.
func (c *presetCase) honest(idp *ginauthtest.Provider) {
	if c.document == "" {
		c.document = "https://" + c.discovery
	}
	if c.issuer == "" {
		c.issuer = c.document
	}
	if c.subject == "" {
		c.subject = "ada"
	}
	idp.Reset()
	idp.TamperDiscovery(func(doc map[string]any) {
		doc["issuer"], doc["jwks_uri"] = c.document, "https://"+c.jwks
		doc["authorization_endpoint"], doc["token_endpoint"] = "https://"+c.authorize, "https://"+c.token
		delete(doc, "userinfo_endpoint")
		if c.userinfo != "" {
			doc["userinfo_endpoint"] = "https://" + c.userinfo
		}
		delete(doc, "end_session_endpoint")
	})
	idp.TamperResponse(func(q url.Values) { q.Set("iss", c.issuer) })
	idp.TamperUserinfo(func(claims map[string]any) { delete(claims, "email_verified") })
	c.tamper(idp, nil)
}

// tamper makes the service's id_token and then changes it.
func (c *presetCase) tamper(idp *ginauthtest.Provider, change func(claims map[string]any)) {
	idp.TamperClaims(func(claims map[string]any) {
		claims["iss"], claims["email"], claims["email_verified"] = c.issuer, "ada@example.com", true
		maps.Copy(claims, c.claims)
		if c.noNonce {
			delete(claims, "nonce")
		}
		if change != nil {
			change(claims)
		}
	})
}

// signed is what the application learns of a sign-in.
type signed struct {
	account ginauth.Account
	raw     map[string]any
}

// Every preset signs people in at its service, refuses every lie, and refreshes.
func TestPresets(t *testing.T) {
	t.Parallel()
	gate := newAppleGate(t)
	for _, c := range presetCases(gate) {
		t.Run(c.id+" "+c.discovery, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{AllowNoPKCE: c.noPKCE})
			c.honest(idp)
			p := c.provider(idp.ClientID(), idp.ClientSecret())
			if err := p.Validate(); err != nil {
				t.Fatal(err)
			}
			if p.Name() != c.id {
				t.Errorf("its name is %q", p.Name())
			}
			if known, ok := service.ByID(c.id); !ok || known.Engine != service.Preset {
				t.Errorf("the service is known as %+v", known)
			}
			client := &http.Client{Transport: &appleTransport{gate, idp, c.route(idp)}}
			var last signed
			a := newApp(t, ginauth.Options{
				Providers: ginauth.Goth(p), HTTPClient: client,
				Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, in ginauth.SignInParams) error {
					last = signed{*in.Account, in.Profile.RawData}
					return nil
				}},
			})
			signIn := func() answer { return a.browser(t).signIn(idp, c.id) }

			if res := signIn(); !res.signedIn() {
				t.Fatalf("honest: leads to %s\n%s", res.Header.Get("Location"), a.log)
			}
			if last.account.ProviderAccountID != c.subject || last.account.EmailVerified == c.unverified {
				t.Errorf("signed in %+v", last.account)
			}
			for _, req := range idp.TokenRequests() {
				if req.Form.Has("code_verifier") == c.noPKCE || c.inParams == (req.BasicUser != "") {
					t.Errorf("token request %v", req.Form)
				}
			}
			c.refreshes(t, idp, p, client, last.account.RefreshToken)
			c.verifies(t, idp, signIn, &last)
			c.refuses(t, idp, signIn)
		})
	}
}

// refreshes uses a refresh token, and refuses what comes with it if it lies.
func (c *presetCase) refreshes(t *testing.T, idp *ginauthtest.Provider, p *oidc.Provider, client *http.Client, token string) {
	t.Helper()
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, client)
	fresh, err := p.RefreshTokenContext(ctx, token)
	if err != nil || fresh.AccessToken == "" || fresh.RefreshToken == token {
		t.Fatalf("refresh: %v, %v", fresh, err)
	}
	c.tamper(idp, func(claims map[string]any) { claims["iss"] = "https://evil.example" })
	if _, err := p.RefreshTokenContext(ctx, fresh.RefreshToken); err == nil {
		t.Error("a refreshed id_token of another issuer was taken")
	}
	c.honest(idp)
}

// verifies asks whether the address counts as verified where the service says so.
func (c *presetCase) verifies(t *testing.T, idp *ginauthtest.Provider, signIn func() answer, last *signed) {
	t.Helper()
	for _, tt := range []struct {
		flag any
		want bool
	}{{true, true}, {"true", true}, {false, false}, {"false", false}, {nil, false}, {1, false}, {"TRUE", false}, {[]any{true}, false}} {
		c.tamper(idp, func(claims map[string]any) {
			claims["email_verified"] = tt.flag
			if tt.flag == nil {
				delete(claims, "email_verified")
			}
		})
		*last = signed{}
		if !signIn().signedIn() || last.account.EmailVerified != (tt.want && !c.unverified) {
			t.Errorf("email_verified %#v: signed in %+v", tt.flag, last.account)
		}
		if _, ok := last.raw["email_verified"]; ok && c.unverified {
			t.Errorf("email_verified %#v is left in RawData", tt.flag)
		}
	}
	c.honest(idp)
}

// refuses has the service, or who answers in its place, lie.
func (c *presetCase) refuses(t *testing.T, idp *ginauthtest.Provider, signIn func() answer) {
	t.Helper()
	set := func(name string, value any) func() {
		return func() { c.tamper(idp, func(claims map[string]any) { claims[name] = value }) }
	}
	respond := func(iss string) func() {
		return func() {
			idp.TamperResponse(func(q url.Values) {
				q.Del("iss")
				if iss != "" {
					q.Set("iss", iss)
				}
			})
		}
	}
	lies := []struct {
		name string
		lie  func()
		ok   bool
	}{
		{name: "iss of another", lie: set("iss", "https://evil.example")},
		{name: "iss of the local provider", lie: set("iss", idp.Issuer())},
		{name: "iss with one slash more", lie: set("iss", c.issuer+"/")},
		{name: "template", lie: set("iss", "https://login.microsoftonline.com/{tenantid}/v2.0")},
		{name: "no iss", lie: func() { c.tamper(idp, func(claims map[string]any) { delete(claims, "iss") }) }},
		{name: "other aud", lie: set("aud", "another")},
		{name: "other nonce", lie: set("nonce", "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")},
		{name: "no nonce", ok: c.noNonce, lie: func() { c.tamper(idp, func(claims map[string]any) { delete(claims, "nonce") }) }},
		{name: "expired", lie: set("exp", time.Now().Add(-time.Hour).Unix())},
		{name: "alg none", lie: func() { idp.Sign(ginauthtest.None) }},
		{name: "HS256 with the public key", lie: func() { idp.Sign(ginauthtest.HMACPublicKey) }},
		{name: "wrong key", lie: func() { idp.Sign(ginauthtest.WrongKey) }},
		{name: "answer of another issuer", lie: respond("https://evil.example")},
		{name: "answer without iss", lie: respond("")},
	}
	for _, tt := range lies {
		c.honest(idp)
		tt.lie()
		res := signIn()
		if tt.ok != res.signedIn() {
			t.Errorf("%s: signed in %v, leads to %s", tt.name, res.signedIn(), res.Header.Get("Location"))
		}
	}
	c.honest(idp)
	if !signIn().signedIn() {
		t.Error("an honest sign-in after them failed")
	}
}

// errGone is what a transport answers that must not be used.
var errGone = errors.New("the network was touched")

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) { return nil, errGone }

// Registering presets touches no network, so a service that is down does not keep
// a program from starting.
func TestPresetsRegisterOffline(t *testing.T) {
	t.Parallel()
	gate := newAppleGate(t)
	seen := map[string]bool{}
	for _, c := range presetCases(gate) {
		if seen[c.id] {
			continue
		}
		seen[c.id] = true
		a := newApp(t, ginauth.Options{
			Providers:  ginauth.Goth(c.provider("id", "secret")),
			HTTPClient: &http.Client{Transport: noNetwork{}},
		})
		b := a.browser(t)
		b.post("/api/auth/signin/"+c.id, url.Values{"csrfToken": {b.csrf()}}).refused(t, "OAuthSignin")
		if !strings.Contains(a.log.String(), errGone.Error()) {
			t.Errorf("%s: the log says %s", c.id, a.log)
		}
	}
}
