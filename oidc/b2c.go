package oidc

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/redact"
)

// b2cIssuer is the path of a directory's issuer: its ID, whatever the user flow.
var b2cIssuer = regexp.MustCompile(`^/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/v2\.0/$`)

// AzureB2C signs people in with a user flow of Azure AD B2C. address is the flow's,
// such as https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0,
// below which its discovery document is.
//
// Its tokens name another issuer, which has the directory's ID in place of its name
// and knows no flow. That one must be on the address's host, and a token that says
// which flow made it (tfp) must say this one. The e-mail address is the first in the
// claim emails; nobody vouches for it.
func AzureB2C(address, clientID, clientSecret string, scopes ...string) *Provider {
	const example = "https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0"
	address, err := urlOf("address", address, example)
	host, flow := "", ""
	if err == nil {
		u, _ := url.Parse(address)
		parts := strings.Split(strings.Trim(u.Path, "/"), "/")
		if len(parts) != 3 || parts[2] != "v2.0" || parts[1] == "" {
			err = fmt.Errorf("address is %q: write the user flow's, such as %s", address, example)
		} else {
			host, flow = u.Host, parts[1]
		}
	}
	if len(scopes) == 0 {
		scopes = []string{"openid", "offline_access"}
	}
	return preset("AzureB2C", Config{
		Name: "azure-ad-b2c", DisplayName: "Azure AD B2C", Issuer: address,
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes, SkipUserinfo: true,
		Claims: Claims{Name: "name|preferred_username|given_name+family_name", Email: "email|emails.0"},
	}, traits{
		family: &openid.Family{
			Document: func(issuer string) error {
				u, err := url.Parse(issuer)
				if err != nil || u.Scheme != "https" || u.Host != host || !b2cIssuer.MatchString(u.Path) || u.RawQuery != "" || u.Fragment != "" {
					return redact.Told(nil, "oidc: AzureB2C: the discovery document's issuer %s is no directory at %s", redact.URL(issuer), redact.Value(host))
				}
				return nil
			},
			Token: func(document, _ string, claims map[string]any) error {
				if claims["iss"] != document {
					return otherIssuer("AzureB2C", claims, document)
				}
				if made, ok := claims["tfp"].(string); ok && !ascii.EqualFold(made, flow) {
					return redact.Told(nil, "oidc: AzureB2C: the id_token's tfp is another user flow: it is %s, expected %s", redact.Value(made), redact.Value(flow))
				}
				return nil
			},
		},
		identity: func(claims map[string]any) (string, error) {
			delete(claims, "email_verified") // it would speak of an address that the person wrote
			sub, _ := claims["sub"].(string)
			return sub, nil
		},
	}, err)
}
