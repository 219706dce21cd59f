package providers

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/service"
)

// Settings are one client at one service.
type Settings struct {
	// ClientID is what the service calls this application. Required.
	ClientID string
	// ClientSecret authenticates it. Required but at an OpenID provider, where
	// without one the client is a public one, which PKCE alone protects, and at
	// Apple, which has none.
	ClientSecret string `json:"-"`
	// Scopes are asked for in place of Service.Scopes.
	Scopes []string
	// AuthParams are added to the authorization URL, as ginauth.OAuth.AuthParams.
	AuthParams url.Values
	// DisablePKCE leaves out the code verifier, as ginauth.OAuth.DisablePKCE.
	DisablePKCE bool
	// Subject is the path of the subject in the profile, in place of the known one,
	// at a service that speaks plain OAuth 2.0. Accounts made with another library
	// may go by another member of it. See oauth.Fields for the form of a path.
	Subject string
	// AuthURL, TokenURL, UserInfoURL and EmailsURL take the place of the endpoints
	// that are known, or that an OpenID provider's discovery document has.
	AuthURL, TokenURL, UserInfoURL, EmailsURL string
	// PrivateKey and PrivateKeyID authenticate the client at an OpenID provider in
	// place of ClientSecret, as in oidc.Config. \n may stand for the line breaks.
	PrivateKey   string `json:"-"`
	PrivateKeyID string
	// DiscoveryURL and BackChannel are those of oidc.Config, at an OpenID provider.
	DiscoveryURL, BackChannel string
	// Values are the service's further Settings, by name.
	Values map[string]string `json:"-"`
}

// String leaves out the client secret and the values.
func (s Settings) String() string {
	return fmt.Sprintf("providers.Settings{ClientID: %q, Scopes: %q}", s.ClientID, s.Scopes)
}

// GoString is String: the %#v verb must not print the secret either.
func (s Settings) GoString() string { return s.String() }

// New makes the provider of a service for ginauth.Options. It is a
// ginauth.OAuth, whose ID and Name are the service's; a program that wants
// others asserts it and changes them. No network is touched.
//
// An error names every fault of the settings at once, or says why the service is
// left out. It holds no secret and no value of a setting.
func New(id string, s Settings) (ginauth.Provider, error) {
	known, ok := rowOf(id)
	if !ok {
		return nil, fmt.Errorf("providers: no service has the id %q; %s", id, didYouMean(id))
	}
	p, faults := build(known, s, func(name string) string {
		switch name {
		case clientID:
			return "Settings.ClientID"
		case clientSecret:
			return "Settings.ClientSecret"
		case scopes:
			return "Settings.Scopes"
		case "authorization_url":
			return "Settings.AuthURL"
		case "token_url":
			return "Settings.TokenURL"
		case "userinfo_url":
			return "Settings.UserInfoURL"
		case "emails_url":
			return "Settings.EmailsURL"
		case "discovery_url":
			return "Settings.DiscoveryURL"
		case "back_channel":
			return "Settings.BackChannel"
		case "subject":
			return "Settings.Subject"
		case "private_key":
			if !slices.ContainsFunc(known.settings, func(s Setting) bool { return s.Name == name }) {
				return "Settings.PrivateKey"
			}
		}
		return fmt.Sprintf("Settings.Values[%q]", name)
	})
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	return p, nil
}

// What a fault may be about, beside the name of a setting.
const (
	clientID     = "client id"
	clientSecret = "client secret"
	scopes       = "scopes"
)

// build makes a provider. called is how a message calls what a fault is about.
func build(known row, s Settings, called func(string) string) (ginauth.Provider, []error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("providers: "+known.ID+": "+format, args...))
	}
	if !known.makes() {
		fault("%s", leftOut(known))
		return nil, faults
	}
	for _, c := range [...]struct{ name, value string }{{clientID, s.ClientID}, {clientSecret, s.ClientSecret}} {
		switch {
		case c.name == clientSecret && known.secretless && c.value != "":
			fault("%s is set, but there is no lasting secret here; leave it out and write the settings", called(c.name))
		case c.name == clientID && known.keyAlone:
		case c.value == "" && (c.name == clientID || known.Kind != service.OIDC && !known.public):
			fault("%s is empty; it comes from %s", called(c.name), known.Docs)
		case strings.TrimSpace(c.value) != c.value:
			fault("%s has white space around it; write it without", called(c.name))
		}
	}
	if known.fixed && len(s.Scopes) > 0 {
		fault("%s is set, but the scopes are those of the application at %s; leave it out", called(scopes), known.Docs)
	}
	for name, hint := range s.places(known) {
		fault("%s %s", called(name), hint)
	}
	values, bad := known.values(s.Values)
	for name, what := range bad {
		fault("%s %s", called(name), what)
	}
	if faults != nil {
		slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, faults
	}
	given := s.Values
	s.Values = values
	p := known.make(s)
	if v, ok := p.(interface{ Validate() error }); ok && v.Validate() != nil {
		check := ""
		for _, setting := range known.settings {
			check += "; check " + called(setting.given(given)) + " (for instance " + setting.Example + ")"
		}
		fault("%s%s", unquoted(v.Validate().Error()), check)
		return nil, faults
	}
	name := known.Name
	if values["name"] != "" {
		name = values["name"]
	}
	return ginauth.OAuth{Provider: p, ID: known.ID, Name: name, AuthParams: s.AuthParams, DisablePKCE: s.DisablePKCE}, nil
}

// places says what is wrong with the addresses and the subject in the settings, by
// the name of each.
func (s Settings) places(known row) map[string]string {
	faults := map[string]string{}
	openID, facts := known.Kind == service.OIDC, known.oauth.AuthURL != ""
	plain := known.Kind == service.OAuth2 || facts
	for _, p := range []struct {
		name, value string
		fits        bool
	}{
		{"authorization_url", s.AuthURL, openID || plain}, {"token_url", s.TokenURL, openID || plain}, {"userinfo_url", s.UserInfoURL, openID || plain},
		{"emails_url", s.EmailsURL, facts && known.oauth.Emails.URL != ""}, {"discovery_url", s.DiscoveryURL, openID}, {"back_channel", s.BackChannel, openID},
	} {
		switch {
		case p.value == "":
		case !p.fits:
			faults[p.name] = "is set, but this service has no such address; leave it out"
		case p.name == "back_channel": // in the application's own network
		default:
			if hint := addressFault(p.value, "https://login.example.com/oauth/token", true); hint != "" {
				faults[p.name] = hint
			}
		}
	}
	if s.PrivateKey != "" && (!openID || known.secretless) {
		faults["private_key"] = "is set, but this service takes no signature for a secret; leave it out"
	}
	if s.Subject != "" && (known.oauth.Fields.ID == "" || !facts) {
		faults["subject"] = "is set, but the subject at this service is no member of a profile; leave it out"
	}
	return faults
}

// given is the name that a setting was given under.
func (s Setting) given(values map[string]string) string {
	for _, name := range s.Also {
		if values[name] != "" {
			return name
		}
	}
	return s.Name
}

var quotes = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// unquoted takes out of a provider's own words what they repeat of what was
// written: it came from the environment, where anything may stand.
func unquoted(text string) string { return quotes.ReplaceAllString(text, "…") }

// values are the settings under their own names, and what is wrong with each by
// the name it was given under.
func (r row) values(given map[string]string) (values, faults map[string]string) {
	values, faults = map[string]string{}, map[string]string{}
	left := map[string]bool{}
	for name := range given {
		left[name] = true
	}
	for _, s := range r.settings {
		for _, name := range append([]string{s.Name}, s.Also...) {
			delete(left, name)
			value := given[name]
			if value == "" {
				continue
			}
			if other := values[s.Name]; other != "" && other != value {
				faults[name] = "says something else than " + s.Name + "; write one of them"
				continue
			}
			if hint := s.fault(value); hint != "" {
				faults[name] = hint
				continue
			}
			values[s.Name] = value
		}
		if values[s.Name] == "" && !s.Optional && !s.faulty(faults) {
			faults[s.Name] = "is empty; write " + s.Meaning + ", for instance " + s.Example
		}
	}
	for name := range left {
		faults[name] = "is no setting of this service"
	}
	return values, faults
}

// faulty reports whether a fault was found in what the setting was given.
func (s Setting) faulty(faults map[string]string) bool {
	return slices.ContainsFunc(append([]string{s.Name}, s.Also...), func(name string) bool { return faults[name] != "" })
}

// fault says what is wrong with a value whose example is an address: the client's
// secret will be sent there.
func (s Setting) fault(value string) string {
	if s.Example == beginKey {
		if !strings.HasPrefix(strings.TrimSpace(value), beginKey) {
			return "is no private key; it begins with " + beginKey
		}
		return ""
	}
	if strings.TrimSpace(value) != value {
		return "has white space around it; write it without"
	}
	if !strings.Contains(s.Example, "://") {
		return ""
	}
	return addressFault(value, s.Example, false)
}

func addressFault(value, example string, query bool) string {
	u, err := url.Parse(value)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.User != nil,
		strings.Contains(value, "#"), !query && strings.Contains(value, "?"), strings.TrimSpace(value) != value:
		return "is not an https address; write for instance " + example
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "begins with http, over which anybody on the way reads the secret; write https"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
