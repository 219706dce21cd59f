// Package plain runs the authorization code flow of OAuth 2.0 (RFC 6749 §4.1)
// for services that speak it without OpenID Connect and whose goth provider
// cannot be made safe. Such a service issues no id_token: who somebody is, its
// profile endpoint says, to the access token that this very sign-in brought.
package plain

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// Config describes one registration at one service. The first part is the
// application's, the second the service's.
type Config struct {
	ClientID     string
	ClientSecret string `json:"-"`
	Scopes       []string

	// Package is what error messages and String call the provider.
	Package string
	// Name is the provider's ID in routes and accounts.
	Name string
	// DisplayName is shown on the button.
	DisplayName string
	// Endpoint has a fixed AuthStyle: detection by x/oauth2 would send a refused
	// code and the secret a second time.
	Endpoint oauth2.Endpoint
	// ProfileURL answers who signed in.
	ProfileURL string
	// TokenInQuery names the parameter of ProfileURL that carries the access
	// token, for a service that does not read the Authorization header.
	TokenInQuery string
	// UserAgent names the application to the service. Default: "ginauth" and the
	// client id, which tells one application from another, as services ask.
	UserAgent string
	// Profile reads the answer of ProfileURL, and says whether the service
	// vouches for the e-mail address in it. It need not check that there is a
	// subject.
	Profile func(answer map[string]any) (user goth.User, emailVerified bool)
}

// String leaves out the client secret.
func (c Config) String() string {
	return fmt.Sprintf("%s.Provider{Name: %q, ClientID: %q}", c.Package, c.Name, c.ClientID)
}

// GoString is String: the %#v verb must not print the secret either.
func (c Config) GoString() string { return c.String() }

// validate reports every fault of the application's part at once.
func (c Config) validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf(c.Package+": "+format, args...))
	}
	for _, value := range []struct{ name, text string }{{"client id", c.ClientID}, {"client secret", c.ClientSecret}} {
		switch {
		case value.text == "":
			fault("the %s is empty: write the one that %s gave this application", value.name, c.DisplayName)
		case strings.TrimSpace(value.text) != value.text:
			fault("the %s has white space around it: write it without", value.name)
		}
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			// RFC 6749 §3.3. Several in one string would work by luck alone.
			fault("the scope %q is none: write each scope as a string of its own", scope)
		}
	}
	if !validHeader(c.UserAgent) {
		fault("the user agent has characters that no header can carry: write plain text")
	}
	return errors.Join(faults...)
}

// validHeader takes visible ASCII and spaces: a line break would start a header
// of its own.
func validHeader(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// withDefaults returns the Config that a Provider keeps, in slices of its own.
func (c Config) withDefaults() Config {
	c.Scopes = slices.Clone(c.Scopes)
	if c.UserAgent == "" {
		c.UserAgent = "ginauth (" + c.ClientID + ")"
	}
	return c
}

// agent names the application on every request. Services answer those that look
// like a library's default with 429.
type agent struct {
	base http.RoundTripper
	name string
}

func (a agent) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", a.name)
	return a.base.RoundTrip(req)
}
