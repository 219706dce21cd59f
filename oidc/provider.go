// Package oidc makes a goth.Provider of any OpenID provider, by its issuer URL. Any
// program that uses goth can register it:
//
//	work := oidc.New(oidc.Config{
//		Name:         "work",
//		Issuer:       "https://login.example.com",
//		ClientID:     os.Getenv("WORK_ID"),
//		ClientSecret: os.Getenv("WORK_SECRET"),
//	})
//	auth, err := ginauth.Register(r, ginauth.Options{Providers: ginauth.Goth(work)})
//
// The package also verifies the access tokens of an authorization server, for ginauth's
// AcceptBearer: see [NewBearer].
//
// Goth's interface has no context, no nonce and no code verifier, and its own
// OpenID provider does not check signatures. So a [Provider] offers ginauth the
// further methods AuthCodeURL and ExchangeCode, which it finds and uses instead
// of goth's. Used without ginauth, goth's BeginAuth is an error.
//
// Presets make the provider of a known service from what its console shows:
// [Google], [Entra], [Apple], [GitLab], [LinkedIn], [Slack], [Auth0], [Okta],
// [Cognito], [Keycloak], [Zitadel], [Authentik], [AzureB2C] and [Xero]. Each is named as
// ginauth knows the service, and asks for what its service needs to sign people in
// securely. If a service leaves a check out, the preset's comment says so. The place is
// the first argument, then client id, client secret and scopes. Without scopes it asks
// for openid, profile and email. An e-mail address counts as verified only if the service
// says so by the claim email_verified.
//
// All requests go through the HTTP client that the context carries under
// oauth2.HTTPClient. A timeout, a size limit and a same-origin redirect policy are added
// if it has none.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/openid"
)

// errPlainGoth answers the methods of goth that cannot be sound.
var errPlainGoth = errors.New("oidc: goth's own sign-in carries no nonce and no code verifier: register this provider with ginauth, or call AuthCodeURL and ExchangeCode")

// Provider is one OpenID provider. Make it with [New]. Its methods may be
// called by many goroutines at once.
type Provider struct {
	config Config
	traits traits
	faults error
	name   atomic.Pointer[string]
	client *openid.Client
}

var _ goth.Provider = (*Provider)(nil)

// New returns the provider that config describes. It touches no network: the
// discovery document is fetched at the first sign-in and then kept. Faults in
// config come out of [Provider.Validate], and of every call that would need
// what is missing.
func New(config Config) *Provider {
	return newProvider(config, traits{}, config.validate("Config.", nil))
}

func newProvider(config Config, t traits, faults error) *Provider {
	config.Scopes = config.scopes()
	p := &Provider{
		config: config,
		traits: t,
		faults: faults,
		client: &openid.Client{
			Issuer: config.Issuer, ClientID: config.ClientID, Now: config.Now,
			Family: t.family, NonceOptional: t.nonceOptional,
			DiscoveryURL: config.DiscoveryURL, AuthURL: config.AuthURL, TokenURL: config.TokenURL, UserInfoURL: config.UserInfoURL, AudiencesWithoutParty: config.AllowAudiencesWithoutParty,
		},
	}
	p.name.Store(&config.Name)
	return p
}

// With returns a provider whose Config is as change makes it; p stays as it is. A
// preset keeps what sets its service apart.
func (p *Provider) With(change func(*Config)) *Provider {
	if p.faults != nil {
		return p
	}
	config := p.config
	config.Name, config.Scopes = p.Name(), slices.Clone(config.Scopes)
	change(&config)
	return newProvider(config, p.traits, config.validate("Config.", nil))
}

// Validate returns every fault of the Config, joined; each names the field and
// what to write. It is nil where there is none.
func (p *Provider) Validate() error { return p.faults }

// ClientID returns the client id.
func (p *Provider) ClientID() string { return p.config.ClientID }

// DisplayName returns the name for people: Config.DisplayName, or else Name.
func (p *Provider) DisplayName() string {
	if p.config.DisplayName != "" {
		return p.config.DisplayName
	}
	return p.Name()
}

// AuthorizationIssuer returns the issuer that authorization responses name in
// their iss parameter, and whether a response without one must be refused:
// the issuer said that it always sends it (RFC 9207 §2.3, §2.4).
func (p *Provider) AuthorizationIssuer(ctx context.Context) (issuer string, required bool, err error) {
	m, err := p.discover(ctx)
	if err != nil {
		return "", false, err
	}
	return m.Issuer, m.ResponseIssuer, nil
}

// String leaves out the client secret.
func (p *Provider) String() string {
	return fmt.Sprintf("oidc.Provider{Name: %q, Issuer: %q, ClientID: %q}", p.Name(), p.config.Issuer, p.config.ClientID)
}

// GoString is String: the %#v verb must not print the secret either.
func (p *Provider) GoString() string { return p.String() }

func (p *Provider) discover(ctx context.Context) (*openid.Metadata, error) {
	if p.faults != nil {
		return nil, p.faults
	}
	return p.client.Discover(p.reach(ctx))
}

// oauth returns the OAuth client of one request, without its secret where it
// only builds a URL.
func (p *Provider) oauth(m *openid.Metadata, redirectURL string) *oauth2.Config {
	endpoint := m.Endpoint
	if p.config.AuthStyle != oauth2.AuthStyleAutoDetect {
		endpoint.AuthStyle = p.config.AuthStyle
	}
	// A public client names itself in the body (RFC 6749 §4.1.3); Basic with an
	// empty password would be an attempt to authenticate.
	if p.config.ClientSecret == "" && p.traits.secret == nil {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID:     p.config.ClientID,
		ClientSecret: p.config.ClientSecret,
		Endpoint:     endpoint,
		RedirectURL:  redirectURL,
		Scopes:       p.config.Scopes,
	}
}

// confidential is oauth with the secret, for a token request.
func (p *Provider) confidential(m *openid.Metadata, redirectURL string) (*oauth2.Config, error) {
	config := p.oauth(m, redirectURL)
	if p.traits.secret == nil {
		return config, nil
	}
	var err error
	config.ClientSecret, err = p.traits.secret()
	return config, err
}

// Name returns the provider's name, for goth.
func (p *Provider) Name() string { return *p.name.Load() }

// SetName changes the provider's name, for goth.
func (p *Provider) SetName(name string) { p.name.Store(&name) }

// Debug does nothing: what it would print are tokens.
func (p *Provider) Debug(bool) {}

// BeginAuth always fails, see the package comment.
func (p *Provider) BeginAuth(string) (goth.Session, error) { return nil, errPlainGoth }

// UnmarshalSession always fails: there is no session without BeginAuth.
func (p *Provider) UnmarshalSession(string) (goth.Session, error) { return nil, errPlainGoth }

// FetchUser always fails: the user comes from [Provider.ExchangeCode].
func (p *Provider) FetchUser(goth.Session) (goth.User, error) { return goth.User{}, errPlainGoth }

// RefreshTokenAvailable is true. Whether the provider issued a refresh token is
// known by sign-in only.
func (p *Provider) RefreshTokenAvailable() bool { return true }

// RefreshToken is [Provider.RefreshTokenContext] for goth, without a context:
// each request ends after 10 s.
func (p *Provider) RefreshToken(refreshToken string) (*oauth2.Token, error) {
	return p.RefreshTokenContext(context.Background(), refreshToken)
}
