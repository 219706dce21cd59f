package plain

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// A Provider signs people in at one service. Its methods may be called by many
// goroutines at once.
type Provider struct {
	config Config
	faults error
	name   atomic.Pointer[string]
}

// New returns the provider that config describes. It touches no network. Faults
// come out of Validate, and of every call that would need what is missing.
func New(config Config) *Provider {
	config = config.withDefaults()
	p := &Provider{config: config, faults: config.validate()}
	p.name.Store(&config.Name)
	return p
}

// Validate returns every fault of what New was given, joined; nil where there is
// none.
func (p *Provider) Validate() error { return p.faults }

// ClientID returns the client id.
func (p *Provider) ClientID() string { return p.config.ClientID }

// DisplayName returns the name for people.
func (p *Provider) DisplayName() string { return p.config.DisplayName }

// String leaves out the client secret.
func (p *Provider) String() string {
	c := p.config
	c.Name = p.Name()
	return c.String()
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
func (p *Provider) BeginAuth(string) (goth.Session, error) { return nil, p.plainGoth() }

// UnmarshalSession always fails: there is no session without BeginAuth.
func (p *Provider) UnmarshalSession(string) (goth.Session, error) { return nil, p.plainGoth() }

// FetchUser always fails: the user comes from ExchangeCode.
func (p *Provider) FetchUser(goth.Session) (goth.User, error) { return goth.User{}, p.plainGoth() }

func (p *Provider) plainGoth() error {
	return fmt.Errorf("%s: goth's own sign-in carries no code verifier: register this provider with ginauth, or call AuthCodeURL and ExchangeCode", p.config.Package)
}

// RefreshTokenAvailable is true. Whether the service issued a refresh token is
// known by sign-in only.
func (p *Provider) RefreshTokenAvailable() bool { return true }

// RefreshToken is RefreshTokenContext for goth, without a context: the request
// ends after 10 s.
func (p *Provider) RefreshToken(refreshToken string) (*oauth2.Token, error) {
	return p.RefreshTokenContext(context.Background(), refreshToken)
}
