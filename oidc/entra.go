package oidc

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/openid"
)

const (
	entraHost = "https://login.microsoftonline.com/"
	// entraTemplate is the issuer in the discovery document of several tenants.
	entraTemplate = entraHost + "{tenantid}/v2.0"
	// personalTenant is the one that all personal Microsoft accounts are in.
	personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

var (
	guid         = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	tenantDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)+$`)
)

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
	tenant = ascii.Lower(tenant)
	var place error
	if !entraShared(tenant) && !guid.MatchString(tenant) && !tenantDomain.MatchString(tenant) {
		place = fmt.Errorf("tenant is %q: write the directory (tenant) ID, a verified domain of it, or one of common, organizations and consumers", tenant)
	}
	if len(scopes) > 0 && !slices.Contains(scopes, "profile") {
		scopes = append([]string{"profile"}, scopes...)
	}
	return preset("Entra", Config{
		Name: "azureadv2", DisplayName: "Microsoft", Issuer: entraHost + tenant + "/v2.0",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
		// Userinfo is a part of Microsoft Graph. It takes no access token made for
		// another API, and knows nothing that the id_token lacks.
		SkipUserinfo: true,
	}, traits{
		family: &openid.Family{
			Document: func(issuer string) error { return entraDocument(tenant, issuer) },
			Token: func(document, key string, claims map[string]any) error {
				return entraToken(tenant, document, key, claims)
			},
		},
		identity: entraIdentity,
	}, place)
}

// entraShared tells the tenants that stand for many.
func entraShared(tenant string) bool {
	return tenant == "common" || tenant == "organizations" || tenant == "consumers"
}

// entraDocument judges the issuer of a discovery document. That of several
// tenants is the template, that of one is its own; a domain's is whatever tenant
// has the domain, which only the document tells.
func entraDocument(tenant, issuer string) error {
	named, ok := entraTenant(issuer)
	switch {
	case tenant == "common" || tenant == "organizations":
		ok = issuer == entraTemplate
	case tenant == "consumers":
		ok = issuer == entraTemplate || ok && named == personalTenant
	case guid.MatchString(tenant):
		ok = ok && named == tenant
	}
	if !ok {
		return fmt.Errorf("the issuer %.80q is not one of the tenant %q", issuer, tenant)
	}
	return nil
}

// entraTenant is the tenant ID in a tenant's issuer.
func entraTenant(issuer string) (string, bool) {
	id, ok := strings.CutPrefix(issuer, entraHost)
	if ok {
		id, ok = strings.CutSuffix(id, "/v2.0")
	}
	return id, ok && guid.MatchString(id)
}

// entraToken judges the issuer of a token. A key may sign for all tenants, or for
// the one whose issuer the key set puts beside it.
func entraToken(tenant, document, key string, claims map[string]any) error {
	tid, _ := claims["tid"].(string)
	if !guid.MatchString(tid) {
		return errors.New("its tid is not a tenant ID")
	}
	issuer := document
	if document == entraTemplate {
		issuer = strings.Replace(entraTemplate, "{tenantid}", tid, 1)
	}
	if claims["iss"] != issuer {
		return errors.New("its iss is another issuer")
	}
	if named, ok := entraTenant(issuer); !ok || named != tid {
		return errors.New("its tid is another tenant")
	}
	if key != "" && key != entraTemplate && key != issuer {
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
	if p.traits.family == nil || issuer != entraTemplate {
		return sent == issuer
	}
	_, ok := entraTenant(sent)
	return ok
}
