package tests

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// nOAuth: an attacker who administers a tenant of their own writes the victim's
// e-mail address into their account and signs in at an application that is open
// to all tenants. A site that goes by the address lets them in as the victim.
func TestAttack20_ForeignTenant(t *testing.T) {
	t.Parallel()
	const evil = tenantB
	host := "https://login.microsoftonline.com/"
	own := func(tid string) map[string]any {
		return map[string]any{"tid": tid, "iss": host + tid + "/v2.0"}
	}
	tests := []struct {
		name    string
		tenant  string
		claims  map[string]any // beside the victim's e-mail address; nil takes one out
		answer  string         // the answer's iss, default that of the token
		key     string         // the issuer of the signing key
		subject string         // who is signed in, "" for nobody
	}{
		{name: "the victim", tenant: "common", subject: tenantA + "." + personA},
		{name: "another tenant", tenant: "common", claims: own(evil), subject: evil + "." + personA},
		{name: "the victim's sub", tenant: "common", claims: map[string]any{"tid": evil, "iss": host + evil + "/v2.0", "sub": "ada"}, subject: evil + "." + personA},
		{name: "another person", tenant: "common", claims: map[string]any{"oid": tenantB}, subject: tenantA + "." + tenantB},
		{name: "the victim's tid, own iss", tenant: "common", claims: map[string]any{"iss": host + evil + "/v2.0"}},
		{name: "own tid, the victim's iss", tenant: "common", claims: map[string]any{"tid": evil}},
		{name: "the old issuer", tenant: "common", claims: map[string]any{"iss": "https://sts.windows.net/" + tenantA + "/"}},
		{name: "no tid", tenant: "common", claims: map[string]any{"tid": nil}},
		{name: "tid of another type", tenant: "common", claims: map[string]any{"tid": []string{tenantA}}},
		{name: "tid with a path", tenant: "common", claims: own(tenantA + "/../" + evil)},
		{name: "tid is the template's", tenant: "common", claims: own("{tenantid}")},
		{name: "no oid", tenant: "common", claims: map[string]any{"oid": nil}},
		{name: "empty oid", tenant: "common", claims: map[string]any{"oid": ""}},
		{name: "oid with a dot", tenant: "common", claims: map[string]any{"oid": personA + "." + personA}},
		{name: "a key for all tenants", tenant: "common", key: host + "{tenantid}/v2.0", subject: tenantA + "." + personA},
		{name: "the tenant's key", tenant: "common", key: host + tenantA + "/v2.0", subject: tenantA + "." + personA},
		{name: "a stolen key of personal accounts", tenant: "common", key: host + "9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"},
		{name: "one tenant, another's key", tenant: tenantA, key: host + evil + "/v2.0"},
		{name: "answer of another tenant", tenant: "common", answer: host + evil + "/v2.0"},
		{name: "answer names the template", tenant: "common", answer: host + "{tenantid}/v2.0"},
		{name: "one tenant, another's token", tenant: tenantA, claims: own(evil)},
		{name: "one tenant, another's tid", tenant: tenantA, claims: map[string]any{"tid": evil}},
		{name: "a domain, another's token", tenant: "shop.example.com", claims: own(evil)},
		{name: "oid in upper case", tenant: "common", claims: map[string]any{"oid": strings.ToUpper(personA)}, subject: tenantA + "." + personA},
		{name: "consumers, a personal account", tenant: "consumers", claims: own("9188040d-6c67-4c5b-b112-36a304b66dad"), subject: "9188040d-6c67-4c5b-b112-36a304b66dad." + personA},
		{name: "consumers, an account of a tenant", tenant: "consumers"},
		{name: "organizations, a personal account", tenant: "organizations", claims: own("9188040d-6c67-4c5b-b112-36a304b66dad")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			document := "{tenantid}"
			if tt.tenant == tenantA || strings.Contains(tt.tenant, ".") {
				document = tenantA
			}
			c := entraCase(tt.tenant, document)
			idp := newIDP(t, ginauthtest.Config{})
			c.honest(idp)
			issuer := c.issuer
			c.tamper(idp, func(claims map[string]any) {
				claims["email"] = "victim@example.com"
				for name, value := range tt.claims {
					claims[name] = value
					if value == nil {
						delete(claims, name)
					}
				}
			})
			if iss, ok := tt.claims["iss"].(string); ok {
				issuer = iss
			}
			if tt.answer != "" {
				issuer = tt.answer
			}
			idp.TamperResponse(func(q url.Values) { q.Set("iss", issuer) })
			if tt.key != "" {
				idp.Break(ginauthtest.JWKS, ginauthtest.Answer(http.StatusOK, "application/json", keySetOf(t, idp, tt.key)))
			}
			var last *signed
			a := newApp(t, ginauth.Options{
				Providers:  ginauth.Goth(c.provider(idp.ClientID(), idp.ClientSecret())),
				HTTPClient: &http.Client{Transport: c.route(idp)},
				Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, in ginauth.SignInParams) error {
					last = &signed{*in.Account, in.Profile.RawData}
					return nil
				}},
			})
			res := a.browser(t).signIn(idp, "azureadv2")
			if tt.subject == "" {
				res.refused(t, "OAuthCallback")
				if last != nil {
					t.Errorf("the application was asked about %+v", last.account)
				}
				return
			}
			if !res.signedIn() || last == nil {
				t.Fatalf("leads to %s\n%s", res.Header.Get("Location"), a.log)
			}
			if last.account.ProviderAccountID != tt.subject || last.account.EmailVerified {
				t.Errorf("signed in as %+v", last.account)
			}
			if _, ok := last.raw["email_verified"]; ok {
				t.Error("RawData still speaks of a verified address")
			}
		})
	}
}

// keySetOf is the provider's key set with an issuer beside each key, as Entra's has
// it.
func keySetOf(t *testing.T, idp *ginauthtest.Provider, issuer string) string {
	t.Helper()
	res, err := http.Get(idp.Issuer() + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		key["issuer"] = issuer
	}
	encoded, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
