package oidc

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Auth0 signs people in at an Auth0 tenant. domain is the tenant's, such as
// example.eu.auth0.com, or its custom domain.
func Auth0(domain, clientID, clientSecret string, scopes ...string) *Provider {
	host, err := hostOf("domain", domain, "example.eu.auth0.com")
	return preset("Auth0", Config{
		Name: "auth0", DisplayName: "Auth0", Issuer: "https://" + host + "/",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, err)
}

// Okta signs people in at an Okta authorization server. issuer is the server's,
// such as https://example.okta.com/oauth2/default, or https://example.okta.com
// for that of the organization.
func Okta(issuer, clientID, clientSecret string, scopes ...string) *Provider {
	issuer, err := urlOf("issuer", issuer, "https://example.okta.com/oauth2/default")
	return preset("Okta", Config{
		Name: "okta", DisplayName: "Okta", Issuer: issuer,
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, err)
}

// userPool is an AWS region, an underscore and the pool's own name.
var userPool = regexp.MustCompile(`^([a-z]{2}(?:-[a-z]+)+-[0-9]+)_[0-9A-Za-z]+$`)

// Cognito signs people in at an Amazon Cognito user pool. userPoolID is the
// pool's, such as eu-west-1_AbCdEfGhI, which names its region too.
func Cognito(userPoolID, clientID, clientSecret string, scopes ...string) *Provider {
	var err error
	region := ""
	if match := userPool.FindStringSubmatch(userPoolID); match != nil {
		region = match[1]
	} else {
		err = fmt.Errorf("user pool ID is %q: write it as the console has it, such as eu-west-1_AbCdEfGhI", userPoolID)
	}
	return preset("Cognito", Config{
		Name: "cognito", DisplayName: "Amazon Cognito",
		Issuer:   "https://cognito-idp." + region + ".amazonaws.com/" + userPoolID,
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{logoutURI: true}, err)
}

// Keycloak signs people in at a realm of a Keycloak server. realmURL is the
// realm's, such as https://login.example.com/realms/staff.
func Keycloak(realmURL, clientID, clientSecret string, scopes ...string) *Provider {
	const example = "https://login.example.com/realms/staff"
	realmURL, err := urlOf("realm URL", realmURL, example)
	if err == nil {
		if _, realm, ok := strings.Cut(realmURL, "/realms/"); !ok || realm == "" || strings.Contains(realm, "/") {
			err = fmt.Errorf("realm URL is %q: write the server's address with the realm, such as %s", realmURL, example)
		}
	}
	return preset("Keycloak", Config{
		Name: "keycloak", DisplayName: "Keycloak", Issuer: realmURL,
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, err)
}

// Zitadel signs people in at a ZITADEL instance. issuer is the instance's
// address, such as https://example.zitadel.cloud.
func Zitadel(issuer, clientID, clientSecret string, scopes ...string) *Provider {
	issuer, err := urlOf("issuer", issuer, "https://example.zitadel.cloud")
	return preset("Zitadel", Config{
		Name: "zitadel", DisplayName: "ZITADEL", Issuer: issuer,
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, err)
}

// Authentik signs people in at an application of an authentik server. issuer is
// what authentik calls the OpenID Configuration Issuer, such as
// https://auth.example.com/application/o/shop/.
func Authentik(issuer, clientID, clientSecret string, scopes ...string) *Provider {
	const example = "https://auth.example.com/application/o/shop/"
	issuer, err := urlOf("issuer", issuer, example)
	if err == nil {
		if _, slug, ok := strings.Cut(issuer, "/application/o/"); !ok || slug == "" || strings.Contains(slug, "/") {
			err = fmt.Errorf("issuer is %q: write the OpenID Configuration Issuer of the application, such as %s", issuer, example)
		}
	}
	return preset("Authentik", Config{
		Name: "authentik", DisplayName: "authentik", Issuer: issuer + "/",
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, err)
}

// GitLab signs people in at gitlab.com, or at your own GitLab server, whose
// address baseURL is, such as https://gitlab.example.com; empty means gitlab.com.
func GitLab(baseURL, clientID, clientSecret string, scopes ...string) *Provider {
	if baseURL == "" {
		baseURL = "https://gitlab.com"
	}
	baseURL, err := urlOf("base URL", baseURL, "https://gitlab.example.com")
	return preset("GitLab", Config{
		Name: "gitlab", DisplayName: "GitLab", Issuer: baseURL,
		ClientID: clientID, ClientSecret: clientSecret, Scopes: scopes,
	}, traits{}, err)
}

// urlOf reads an address without the slash at its end, which people write or
// leave out as they please and which counts in an issuer.
func urlOf(what, address, example string) (string, error) {
	if hint := issuerFault(address); hint != "" {
		return "", fmt.Errorf("%s %s: write one such as %s", what, hint, example)
	}
	return strings.TrimRight(address, "/"), nil
}

// hostOf reads a host, also where it is written as an https URL.
func hostOf(what, address, example string) (string, error) {
	host := strings.TrimSuffix(strings.TrimPrefix(address, "https://"), "/")
	u, err := url.Parse("https://" + host)
	if err != nil || host == "" || u.Host != host || u.Hostname() == "" {
		return "", fmt.Errorf("%s is %q: write the host alone, such as %s", what, address, example)
	}
	return host, nil
}
