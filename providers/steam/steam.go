// Package steam signs people in with Steam over OpenID 2.0, the protocol before
// OpenID Connect. goth's provider for it accepts assertions that Steam did not
// confirm.
//
//	Providers: ginauth.Goth(steam.New(apiKey)),
//
// Get a Web API key at https://steamcommunity.com/dev/apikey. There is no callback
// URL to register: Steam shows people the site's address.
//
// OpenID 2.0 has neither code nor code verifier. The state that ginauth binds to the
// browser stands in the address that Steam leads back to, and the assertion covers
// that address. Steam is asked about every assertion, and confirms each once.
//
// Steam gives no e-mail address.
package steam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// Provider is Steam. Make it with [New]. Its ID is steam, and a person's subject
// the SteamID, such as "76561197960287930", as in goth. Its methods may be called
// by many goroutines at once.
type Provider struct {
	apiKey string
	name   atomic.Pointer[string]
}

// errPlainGoth answers the methods of goth that cannot be sound.
var errPlainGoth = errors.New("steam: goth's own sign-in is bound to no browser: register this provider with ginauth")

// New returns the provider of one Web API key, which reads names and pictures. It
// touches no network. Faults come out of Validate, which ginauth calls.
func New(apiKey string) *Provider {
	p := &Provider{apiKey: apiKey}
	name := "steam"
	p.name.Store(&name)
	return p
}

// Validate returns what is wrong with the API key, nil where nothing is.
func (p *Provider) Validate() error {
	switch {
	case p.apiKey == "":
		return errors.New("steam: the API key is empty: write the one from https://steamcommunity.com/dev/apikey")
	case strings.TrimSpace(p.apiKey) != p.apiKey:
		return errors.New("steam: the API key has white space around it: write it without")
	}
	return nil
}

// ClientID returns what stands for a client identifier: Steam has none.
func (p *Provider) ClientID() string { return "steam" }

// DisplayName returns the name for people.
func (p *Provider) DisplayName() string { return "Steam" }

// RefusesPKCE is true: OpenID 2.0 has no code.
func (p *Provider) RefusesPKCE() bool { return true }

// String leaves out the API key.
func (p *Provider) String() string { return fmt.Sprintf("steam.Provider{Name: %q}", p.Name()) }

// GoString is String: the %#v verb must not print the key either.
func (p *Provider) GoString() string { return p.String() }

// Name returns the provider's name, for goth.
func (p *Provider) Name() string { return *p.name.Load() }

// SetName changes the provider's name, for goth.
func (p *Provider) SetName(name string) { p.name.Store(&name) }

// Debug does nothing.
func (p *Provider) Debug(bool) {}

// BeginAuth always fails: ginauth calls AuthCodeURL.
func (p *Provider) BeginAuth(string) (goth.Session, error) { return nil, errPlainGoth }

// UnmarshalSession always fails: there is no session without BeginAuth.
func (p *Provider) UnmarshalSession(string) (goth.Session, error) { return nil, errPlainGoth }

// FetchUser always fails: the user comes from ReadAnswer.
func (p *Provider) FetchUser(goth.Session) (goth.User, error) { return goth.User{}, errPlainGoth }

// RefreshTokenAvailable is false: there are no tokens.
func (p *Provider) RefreshTokenAvailable() bool { return false }

// RefreshToken always fails: there are no tokens.
func (p *Provider) RefreshToken(string) (*oauth2.Token, error) {
	return nil, errors.New("steam: there are no tokens to renew")
}

// ExchangeCode always fails: the user comes from ReadAnswer.
func (p *Provider) ExchangeCode(context.Context, string, string, string, ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	return goth.User{}, nil, errors.New("steam: there is no authorization code")
}
