package oidc

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/redact"
)

// personalTenant is the one that all personal Microsoft accounts are in.
const personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Hosts of Microsoft's clouds, for [EntraConfig].
const (
	EntraPublic = "login.microsoftonline.com"
	EntraUSGov  = "login.microsoftonline.us"
	EntraChina  = "login.partner.microsoftonline.cn"
)

// EntraConfig describes one registration at Microsoft Entra ID. Only the client
// and the tenant are required.
type EntraConfig struct {
	// Tenant says who may sign in, as in [Entra].
	Tenant string
	// Host is the cloud's, EntraPublic by default, or that of an external tenant,
	// such as example.ciamlogin.com, which signs in people of that tenant alone.
	Host string
	// ClientID and ClientSecret are those of the application.
	ClientID     string
	ClientSecret string `json:"-"`
	// Scopes are asked for at sign-in. Default openid, profile and email.
	Scopes []string
	// SubjectSub makes the claim sub the subject, in place of the tenant's and the
	// object's ID: it differs between applications, and it is what NextAuth.js takes,
	// so that accounts made with it stay the same.
	SubjectSub bool
}

// String leaves out the client secret.
func (c EntraConfig) String() string {
	return fmt.Sprintf("oidc.EntraConfig{Tenant: %q, Host: %q, ClientID: %q}", c.Tenant, c.Host, c.ClientID)
}

// GoString is String: the %#v verb must not print the secret either.
func (c EntraConfig) GoString() string { return c.String() }

var (
	guid         = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	tenantDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
	ciamHost     = regexp.MustCompile(`^[a-z0-9-]+\.ciamlogin\.com$`)
)

// entra is one cloud, or one external tenant, as a sign-in sees it.
type entra struct {
	hosts  []string // of its issuers, with https:// in front and a slash behind
	tenant string
}

// template is the issuer in the discovery document of several tenants.
func (e entra) template() string { return e.hosts[0] + "{tenantid}/v2.0" }

// Entra signs people in with Microsoft Entra ID, once Azure AD, and with personal
// Microsoft accounts. tenant says who may: a directory (tenant) ID or a verified
// domain of it for one organization, "organizations" for any, "consumers" for
// personal accounts, "common" for both. Its name is azureadv2; SetName or
// OAuth.ID makes it another, such as microsoftonline.
//
// The subject, goth.User.UserID, is the tenant's ID, a dot and the person's
// object ID in it (the claims tid and oid): sub differs between applications, and
// an e-mail address is whatever the administrator of any tenant wrote. For that
// reason no address counts as verified and RawData has no email_verified. Entra
// gives oid with the scope profile, which is always asked for.
//
// The tenant of a token is checked: its iss must be the issuer of the tenant that
// its tid names, that must be one of those that tenant lets in, and the key that
// signed it must be good for it. Which
// organizations may use an application that is open to all is for the SignIn
// callback to decide, by tid.
func Entra(tenant, clientID, clientSecret string, scopes ...string) *Provider {
	return NewEntra(EntraConfig{Tenant: tenant, ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes})
}

// NewEntra is [Entra] in another cloud, at an external tenant, or with another
// subject.
func NewEntra(c EntraConfig) *Provider {
	tenant, host := ascii.Lower(c.Tenant), ascii.Lower(c.Host)
	if host == "" {
		host = EntraPublic
	}
	var place error
	external := ciamHost.MatchString(host)
	switch {
	case !external && !slices.Contains([]string{EntraPublic, EntraUSGov, EntraChina}, host):
		place = fmt.Errorf("host is %q: write %s, %s, %s, or the one of an external tenant, such as example.ciamlogin.com", c.Host, EntraPublic, EntraUSGov, EntraChina)
	case !entraShared(tenant) && !guid.MatchString(tenant) && !tenantDomain.MatchString(tenant):
		place = fmt.Errorf("tenant is %q: write the directory (tenant) ID, a verified domain of it, or one of common, organizations and consumers", c.Tenant)
	case external && !guid.MatchString(tenant):
		place = fmt.Errorf("tenant is %q: write the directory (tenant) ID of the external tenant", c.Tenant)
	}
	scopes := c.Scopes
	if len(scopes) > 0 && !slices.Contains(scopes, "profile") {
		scopes = append([]string{"profile"}, scopes...)
	}
	e := entra{[]string{"https://" + host + "/"}, tenant}
	if external { // its issuer may be on the host of its name or of its ID
		e.hosts = append(e.hosts, "https://"+tenant+".ciamlogin.com/")
	}
	t := traits{
		family: &openid.Family{Document: e.document, Token: e.token},
		accepts: func(issuer, sent string) bool {
			if issuer != e.template() {
				return sent == issuer
			}
			_, ok := e.named(sent)
			return ok
		},
		identity: entraIdentity,
	}
	if c.SubjectSub {
		t.identity = func(claims map[string]any) (string, error) {
			if _, err := entraIdentity(claims); err != nil {
				return "", err
			}
			sub, _ := claims["sub"].(string)
			return sub, nil
		}
	}
	return preset("Entra", Config{
		Name: "azureadv2", DisplayName: "Microsoft", Issuer: "https://" + host + "/" + tenant + "/v2.0",
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: scopes,
		// Userinfo is a part of Microsoft Graph. It takes no access token made for
		// another API, and knows nothing that the id_token lacks.
		SkipUserinfo: true,
	}, t, place)
}

// entraShared tells the tenants that stand for many.
func entraShared(tenant string) bool {
	return tenant == "common" || tenant == "organizations" || tenant == "consumers"
}

// document judges the issuer of a discovery document. That of several
// tenants is the template, that of one is its own; a domain's is whatever tenant
// has the domain, which only the document tells.
func (e entra) document(issuer string) error {
	tenant := e.tenant
	named, ok := e.named(issuer)
	switch {
	case tenant == "common" || tenant == "organizations":
		ok = issuer == e.template()
	case tenant == "consumers":
		ok = issuer == e.template() || ok && named == personalTenant
	case guid.MatchString(tenant):
		ok = ok && named == tenant
	}
	if !ok {
		return redact.Told(nil, "oidc: Entra: the discovery document's issuer %s is not one of the tenant %s", redact.URL(issuer), redact.Value(tenant))
	}
	return nil
}

// named is the tenant ID in a tenant's issuer.
func (e entra) named(issuer string) (string, bool) {
	for _, host := range e.hosts {
		if id, ok := strings.CutPrefix(issuer, host); ok {
			id, ok = strings.CutSuffix(id, "/v2.0")
			return id, ok && guid.MatchString(id)
		}
	}
	return "", false
}

// token judges the issuer of a token. A key may sign for all tenants, or for
// the one whose issuer the key set puts beside it.
func (e entra) token(document, key string, claims map[string]any) error {
	tenant := e.tenant
	tid, _ := claims["tid"].(string)
	if !guid.MatchString(tid) {
		return errors.New("its tid is not a tenant ID")
	}
	issuer := document
	if document == e.template() {
		issuer = strings.Replace(e.template(), "{tenantid}", tid, 1)
	}
	if claims["iss"] != issuer {
		return otherIssuer("Entra", claims, issuer)
	}
	if named, ok := e.named(issuer); !ok || named != tid {
		return redact.Told(nil, "oidc: Entra: the id_token's tid is another tenant: it is %s, and its iss is %s", redact.Value(tid), redact.URL(issuer))
	}
	if key != "" && key != e.template() && key != issuer {
		return errors.New("its key signs for another tenant")
	}
	switch {
	case tenant == "organizations" && tid == personalTenant:
		return errors.New("its tenant is that of personal accounts")
	case tenant == "consumers" && tid != personalTenant:
		return errors.New("its tenant is not that of personal accounts")
	}
	return nil
}

// otherIssuer says that a token, whose signature has been checked, names another issuer.
func otherIssuer(preset string, claims map[string]any, expected string) error {
	iss, _ := claims["iss"].(string)
	return redact.Told(nil, "oidc: %s: the id_token's iss is another issuer: it is %s, expected %s", preset, redact.URL(iss), redact.URL(expected))
}

// entraIdentity makes the subject.
func entraIdentity(claims map[string]any) (string, error) {
	delete(claims, "email_verified")
	tid, _ := claims["tid"].(string)
	oid, _ := claims["oid"].(string)
	// Both have a fixed form, so that the dot between them stands once.
	if !guid.MatchString(tid) || !guid.MatchString(ascii.Lower(oid)) {
		return "", errors.New("oidc: Entra: the id_token has no tid or no oid")
	}
	return tid + "." + ascii.Lower(oid), nil
}

// AcceptsIssuer reports whether an authorization response may name this issuer
// (RFC 9207 §2.4), where issuer is what [Provider.AuthorizationIssuer] returned.
// It is asked before the code is used. For [Entra] with several tenants issuer is
// the template of theirs, which no answer names; for all others the two must be
// equal.
func (p *Provider) AcceptsIssuer(issuer, sent string) bool {
	if p.traits.accepts == nil {
		return sent == issuer
	}
	return p.traits.accepts(issuer, sent)
}
