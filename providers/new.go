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
	known, ok := service.ByID(id)
	if !ok {
		return nil, fmt.Errorf("providers: no service has the id %q; All lists them", id)
	}
	p, faults := build(known, s, func(name string) string {
		switch name {
		case clientID:
			return "Settings.ClientID"
		case clientSecret:
			return "Settings.ClientSecret"
		case scopes:
			return "Settings.Scopes"
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
func build(known service.Service, s Settings, called func(string) string) (ginauth.Provider, []error) {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("providers: "+known.ID+": "+format, args...))
	}
	m, ok := makers[known.ID]
	if !ok {
		fault("%s", leftOut(known))
		return nil, faults
	}
	for _, c := range [...]struct{ name, value string }{{clientID, s.ClientID}, {clientSecret, s.ClientSecret}} {
		switch {
		case c.name == clientSecret && m.secretless && c.value != "":
			fault("%s is set, but there is no lasting secret here; leave it out and write the settings", called(c.name))
		case c.value == "" && (c.name == clientID || known.Kind != service.OIDC):
			fault("%s is empty; it comes from %s", called(c.name), known.Docs)
		case strings.TrimSpace(c.value) != c.value:
			fault("%s has white space around it; write it without", called(c.name))
		}
	}
	if m.fixed && len(s.Scopes) > 0 {
		fault("%s is set, but the scopes are those of the application at %s; leave it out", called(scopes), known.Docs)
	}
	values, bad := m.values(s.Values)
	for name, what := range bad {
		fault("%s %s", called(name), what)
	}
	if faults != nil {
		slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, faults
	}
	if len(s.Scopes) == 0 {
		s.Scopes = m.scopes
	}
	p := m.make(s.ClientID, s.ClientSecret, values, slices.Clone(s.Scopes))
	if v, ok := p.(interface{ Validate() error }); ok && v.Validate() != nil {
		check := ""
		for _, setting := range m.settings {
			check += "; check " + called(setting.given(s.Values)) + " (for instance " + setting.Example + ")"
		}
		fault("%s%s", unquoted(v.Validate().Error()), check)
		return nil, faults
	}
	return ginauth.OAuth{Provider: p, ID: known.ID, Name: known.Name}, nil
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
func (m maker) values(given map[string]string) (values, faults map[string]string) {
	values, faults = map[string]string{}, map[string]string{}
	left := map[string]bool{}
	for name := range given {
		left[name] = true
	}
	for _, s := range m.settings {
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
	u, err := url.Parse(value)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.User != nil, strings.ContainsAny(value, "?#"):
		return "is not an https address; write for instance " + s.Example
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "begins with http, over which anybody on the way reads the secret; write https"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
