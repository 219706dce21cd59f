package oidc

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/ascii"
)

// formPost is the response mode of an answer by POST.
const formPost = "form_post"

// Config describes one registration at one OpenID provider.
type Config struct {
	// Name identifies the provider in routes and in goth.User.Provider, such
	// as "keycloak". Required.
	Name string
	// DisplayName is shown on the sign-in button. Default Name.
	DisplayName string
	// Issuer is the issuer identifier, character by character as the provider
	// writes it in its discovery document: a trailing slash counts. An http
	// issuer is for development; what it sends can be forged on the way.
	// Required.
	Issuer string
	// ClientID is what the provider calls this application. Required.
	ClientID string
	// ClientSecret authenticates this application. Empty makes it a public
	// client, which PKCE alone protects.
	ClientSecret string `json:"-"`
	// PrivateKey authenticates this application by a signature in place of a secret
	// (private_key_jwt, OpenID Connect Core §9; RFC 7523): the text of a PKCS #8 file
	// with an RSA, a P-256 or an Ed25519 key. Its public key is registered at the
	// provider, under PrivateKeyID where it has several. ClientSecret stays empty.
	PrivateKey   string `json:"-"`
	PrivateKeyID string
	// Scopes are asked for at sign-in; "openid" is put in front where it is
	// missing. Default openid, profile and email. Many providers issue a
	// refresh token only for "offline_access".
	Scopes []string
	// SkipUserinfo leaves the userinfo endpoint alone, for providers that put
	// all claims into the id_token. It saves one request per sign-in.
	SkipUserinfo bool
	// AuthStyle is how the client secret is sent. Default: what the discovery
	// document supports, client_secret_basic before client_secret_post.
	AuthStyle oauth2.AuthStyle
	// DiscoveryURL is the address of the discovery document, for a provider that has
	// it elsewhere than at Issuer and /.well-known/openid-configuration. The document
	// must name Issuer all the same.
	DiscoveryURL string
	// AuthURL, TokenURL and UserInfoURL take the place of the endpoints in the
	// discovery document, for a provider whose document is wrong.
	AuthURL, TokenURL, UserInfoURL string
	// BackChannel is the origin to reach the provider at from here, such as
	// http://keycloak:8080, where it differs from the issuer's, which browsers reach:
	// requests to the issuer's origin go there, with the issuer's host in their Host
	// header. With http the network between must be your own.
	BackChannel string
	// AuthParams are added to the authorization URL.
	AuthParams url.Values
	// ResponseMode is how the provider brings its answer: empty for the query of a
	// redirect, or "form_post" for a form that the browser posts from the provider's
	// page (OAuth 2.0 Form Post Response Mode 1.0). In a form the code stays out of
	// browser histories, Referer headers and access logs. The site must be on https;
	// see ginauth.FormPostProvider. With the post no session comes along, so a
	// sign-in of this provider adds no account to the user who is signed in.
	ResponseMode string
	// Claims say where the provider has a name, an address and a picture, in place
	// of the standard claims.
	Claims Claims
	// AllowAudiencesWithoutParty accepts an id_token for several audiences, this
	// client among them, that lacks the claim azp (OpenID Connect Core §3.1.3.7, 4).
	// One of the others may then use a token of its own here: set it only where they
	// are the provider's own.
	AllowAudiencesWithoutParty bool
	// Now is the clock that tokens are held against. Default time.Now.
	Now func() time.Time `json:"-"`
}

// Claims are paths as in oauth.Fields: "name|preferred_username", "emails.0". Empty
// ones are name, email and picture. An address that is not the claim email never
// counts as verified.
type Claims struct{ Name, Email, Image string }

// String leaves out the client secret.
func (c Config) String() string {
	return fmt.Sprintf("oidc.Config{Name: %q, Issuer: %q, ClientID: %q}", c.Name, c.Issuer, c.ClientID)
}

// GoString is String: the %#v verb must not print the secret either.
func (c Config) GoString() string { return c.String() }

// validate reports every fault at once. where is put in front of each field's
// name; place is a fault of the issuer that a preset found, in its own words.
func (c Config) validate(where string, place error) error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("oidc: "+where+format, args...))
	}
	if c.Name == "" {
		fault(`Name is empty: write a short name for the provider, such as "keycloak"`)
	}
	if place != nil {
		faults = append(faults, fmt.Errorf("oidc: %s%w", where, place))
	} else if hint := issuerFault(c.Issuer); hint != "" {
		fault("Issuer %s: write the provider's issuer URL, such as https://login.example.com", hint)
	}
	if c.ClientID == "" {
		fault("ClientID is empty: write the client id that the provider gave this application")
	} else if strings.TrimSpace(c.ClientID) != c.ClientID {
		fault("ClientID has white space around it: write it without")
	}
	if strings.TrimSpace(c.ClientSecret) != c.ClientSecret {
		fault("ClientSecret has white space around it: write it without")
	}
	if c.PrivateKey != "" {
		if _, _, err := assertionKey(c.PrivateKey); err != nil {
			faults = append(faults, fmt.Errorf("oidc: "+where+"%w", err))
		}
		if c.ClientSecret != "" {
			fault("PrivateKey and ClientSecret are both set: leave one of them out")
		}
	}
	if c.DiscoveryURL != "" {
		if u, err := url.Parse(c.DiscoveryURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
			fault("DiscoveryURL is not an http(s) URL: write the address of the discovery document, or leave it out")
		}
	}
	for _, e := range [...]struct{ name, value string }{{"AuthURL", c.AuthURL}, {"TokenURL", c.TokenURL}, {"UserInfoURL", c.UserInfoURL}} {
		if e.value == "" {
			continue
		}
		u, err := url.Parse(e.value)
		switch {
		case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.User != nil, u.Fragment != "":
			fault("%s is not an http(s) URL: write the provider's endpoint, or leave it out", e.name)
		case u.Scheme == "http" && strings.HasPrefix(c.Issuer, "https:"):
			fault("%s begins with http, over which anybody on the way reads the secret: write https", e.name)
		}
	}
	if c.BackChannel != "" {
		if u, err := url.Parse(c.BackChannel); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(c.BackChannel, "?#") {
			fault("BackChannel is not an origin: write one such as http://keycloak:8080, or leave it out")
		}
	}
	if c.ResponseMode != "" && c.ResponseMode != formPost {
		fault(`ResponseMode is %q: write "form_post", or leave it out for the query`, c.ResponseMode)
	}
	for name := range c.AuthParams {
		if ascii.EqualFold(name, "response_mode") {
			fault(`AuthParams sets %s: set ResponseMode in place of it`, name)
		}
	}
	switch c.AuthStyle {
	case oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams:
	default:
		fault("AuthStyle is %d: write oauth2.AuthStyleInHeader or oauth2.AuthStyleInParams, or leave it out", c.AuthStyle)
	}
	return errors.Join(faults...)
}

// issuerFault says what is wrong with an issuer identifier (OpenID Connect
// Discovery 1.0 §3: no query, no fragment), or nothing.
func issuerFault(issuer string) string {
	if issuer == "" {
		return "is empty"
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "is not an http(s) URL"
	case u.User != nil:
		return "carries credentials"
	case strings.ContainsAny(issuer, "?#"):
		return "has a query or a fragment"
	case strings.HasSuffix(u.Path, "/.well-known/openid-configuration"):
		return "is the address of the discovery document"
	}
	return ""
}

// scopes returns the scopes to ask for, in a slice of their own.
func (c Config) scopes() []string {
	if len(c.Scopes) == 0 {
		return []string{"openid", "profile", "email"}
	}
	// Without openid the provider answers as plain OAuth, with no id_token.
	if !slices.Contains(c.Scopes, "openid") {
		return append([]string{"openid"}, c.Scopes...)
	}
	return slices.Clone(c.Scopes)
}
