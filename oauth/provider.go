// Package oauth is a goth.Provider for any service that speaks OAuth 2.0 (RFC
// 6749) without OpenID Connect, by its endpoints. Such a service issues no
// id_token: its profile endpoint says who somebody is, to the access token that
// this very sign-in brought. For a service with an issuer use the package oidc,
// which verifies more.
//
// A service takes ten lines:
//
//	forge := oauth.New(oauth.Config{
//		Name:         "forge",
//		ClientID:     os.Getenv("FORGE_ID"),
//		ClientSecret: os.Getenv("FORGE_SECRET"),
//		AuthURL:      "https://forge.example/oauth/authorize",
//		TokenURL:     "https://forge.example/oauth/token",
//		UserInfoURL:  "https://forge.example/api/user",
//		Scopes:       []string{"read:user"},
//		Fields:       oauth.Fields{ID: "id", Name: "name|login", Email: "email", Image: "avatar_url"},
//	})
//	ginauth.Register(r, ginauth.Options{Providers: ginauth.Goth(forge)})
//
// Every sign-in has a state, a code verifier (RFC 7636) and a deadline; answers
// are limited to one megabyte, and redirects to other hosts are refused. The
// package providers has the Configs of known services.
package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// A Provider signs people in at one service. Make it with [New]. Its methods may
// be called by many goroutines at once.
type Provider struct {
	config Config
	faults error
	name   atomic.Pointer[string]
}

var _ goth.Provider = (*Provider)(nil)

// errPlainGoth answers the methods of goth that cannot be sound.
var errPlainGoth = errors.New("oauth: goth's own sign-in carries no code verifier: register this provider with ginauth, or call AuthCodeURL and ExchangeCode")

// New returns the provider that config describes. It touches no network. Faults
// come out of Validate, which ginauth calls, and of every call that would need
// what is missing.
func New(config Config) *Provider {
	p := &Provider{faults: config.validate(), config: config.withDefaults()}
	p.name.Store(&config.Name)
	return p
}

// With returns a provider whose Config is as change makes it; p stays as it is.
func (p *Provider) With(change func(*Config)) *Provider {
	config := p.config.withDefaults() // in slices of its own
	config.Name = p.Name()
	change(&config)
	return New(config)
}

// Validate returns every fault of the Config, joined; nil where there is none.
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

// Color returns Config.Color.
func (p *Provider) Color() string { return p.config.Color }

// RefusesPKCE reports Config.DisablePKCE.
func (p *Provider) RefusesPKCE() bool { return p.config.DisablePKCE }

// CallbackParams returns Config.CallbackParams. ginauth hands what the answer has
// under these names to ExchangeCode, as options.
func (p *Provider) CallbackParams() []string { return slices.Clone(p.config.CallbackParams) }

// String leaves out the client secret.
func (p *Provider) String() string {
	return fmt.Sprintf("oauth.Provider{Name: %q, ClientID: %q}", p.Name(), p.config.ClientID)
}

// GoString is String: the %#v verb must not print the secret either.
func (p *Provider) GoString() string { return p.String() }

// Name returns the provider's name, for goth.
func (p *Provider) Name() string { return *p.name.Load() }

// SetName changes the provider's name, for goth.
func (p *Provider) SetName(name string) { p.name.Store(&name) }

// Debug does nothing: what it would print are tokens.
func (p *Provider) Debug(bool) {}

// BeginAuth always fails: goth's own sign-in carries no code verifier. ginauth
// calls AuthCodeURL.
func (p *Provider) BeginAuth(string) (goth.Session, error) { return nil, errPlainGoth }

// UnmarshalSession always fails: there is no session without BeginAuth.
func (p *Provider) UnmarshalSession(string) (goth.Session, error) { return nil, errPlainGoth }

// FetchUser always fails: the user comes from ExchangeCode.
func (p *Provider) FetchUser(goth.Session) (goth.User, error) { return goth.User{}, errPlainGoth }

// RefreshTokenAvailable is true. Whether the service issued a refresh token is
// known by sign-in only.
func (p *Provider) RefreshTokenAvailable() bool { return true }

// RefreshToken is RefreshTokenContext for goth, without a context: the request
// ends after 10 s.
func (p *Provider) RefreshToken(refreshToken string) (*oauth2.Token, error) {
	return p.RefreshTokenContext(context.Background(), refreshToken)
}
