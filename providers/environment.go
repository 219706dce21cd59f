package providers

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/ginauth/ginauth"
)

// FromEnv makes the providers whose client is in the environment, in the order of
// their ids. A service's variables begin with its id in upper case, every other
// character than letters and digits an underscore, with or without AUTH_ in front:
//
//	GITHUB_ID                GITHUB_SECRET                as NextAuth.js v4 has them
//	GITHUB_CLIENT_ID         GITHUB_CLIENT_SECRET         as its documentation has some
//	AUTH_GITHUB_ID           AUTH_GITHUB_SECRET           as Auth.js v5 has them
//
// A service's further Settings have the same beginning: KEYCLOAK_ISSUER,
// AUTH0_DOMAIN, AUTH_AZUREADV2_TENANT. Microsoft's azureadv2 also goes by AZURE_AD
// and MICROSOFT_ENTRA_ID, openid-connect by OIDC, and twitter by X. Apple has no
// secret but APPLE_TEAM_ID, APPLE_KEY_ID and APPLE_PRIVATE_KEY.
//
// A service with neither client id nor secret is not made, and a program without
// any gets an empty list. All faults come in one error: a client id without its
// secret or the other way round, a setting that is missing or malformed, two
// variables that contradict each other, and a service that is left out whose id
// and secret are both set. The error names the variables and holds none of their values.
func FromEnv() ([]ginauth.Provider, error) {
	var made []ginauth.Provider
	var faults []error
	for _, known := range rows {
		e := environment{service: known}
		if !e.read() {
			continue
		}
		if e.faults == nil {
			p, bad := build(known, e.settings, e.called)
			if bad == nil {
				made = append(made, p)
			}
			e.faults = bad
		}
		faults = append(faults, e.faults...)
	}
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	return made, nil
}

// aliases are further names of services in variables.
var aliases = map[string][]string{
	"azureadv2":      {"AZURE_AD", "MICROSOFT_ENTRA_ID"},
	"openid-connect": {"OIDC"},
	"twitter":        {"X"},
}

// environment is what the environment says of one service.
type environment struct {
	service  row
	settings Settings
	from     map[string]string // the variable that each part of settings came from
	prefix   string            // of the client's variables
	faults   []error
}

// prefixes begin the names of a service's variables.
func prefixes(id string) (all []string) {
	name := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(id))
	for _, name := range append([]string{name}, aliases[id]...) {
		all = append(all, name, "AUTH_"+name)
	}
	return all
}

// read reports whether the service has a client in the environment.
func (e *environment) read() bool {
	e.from = map[string]string{}
	all := prefixes(e.service.ID)
	e.settings.ClientID = e.find(clientID, all, "_ID", "_CLIENT_ID")
	e.settings.ClientSecret = e.find(clientSecret, all, "_SECRET", "_CLIENT_SECRET")
	if e.from[clientID] == "" && e.from[clientSecret] == "" {
		return false
	}
	m := e.service
	if !m.makes() { // half of it may be some other program's: STEAM_ID alone asks for no sign-in
		return e.from[clientID] != "" && e.from[clientSecret] != ""
	}
	if id := e.from[clientID]; id == "" {
		e.prefix = strings.TrimSuffix(e.from[clientSecret], "_SECRET")
		e.fault("%s is set and %s is not", e.from[clientSecret], e.prefix+"_ID")
	} else {
		e.prefix = strings.TrimSuffix(id, "_ID")
		if e.from[clientSecret] == "" && !m.secretless && !m.public {
			e.fault("%s is set and %s is not", id, e.prefix+"_SECRET")
		}
	}
	e.prefix = strings.TrimSuffix(e.prefix, "_CLIENT")
	e.settings.Values = map[string]string{}
	for _, s := range m.settings {
		for _, name := range append([]string{s.Name}, s.Also...) {
			if value := e.find(name, all, "_"+strings.ToUpper(name)); value != "" {
				e.settings.Values[name] = value
			}
		}
	}
	return true
}

// find reads the one variable of several that is set. Two that differ are a fault:
// which of them is right, nobody can say.
func (e *environment) find(what string, prefixes []string, suffixes ...string) (value string) {
	for _, prefix := range prefixes {
		for _, suffix := range suffixes {
			name := prefix + suffix
			switch v := os.Getenv(name); {
			case v == "" || v == value:
			case value != "":
				e.fault("%s and %s differ; set one of them", e.from[what], name)
			default:
				value, e.from[what] = v, name
			}
		}
	}
	return value
}

func (e *environment) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Errorf("providers: "+e.service.ID+": "+format, args...))
}

// called is the variable that a part of the settings came from, or would.
func (e *environment) called(what string) string {
	if name := e.from[what]; name != "" {
		return name
	}
	return e.prefix + "_" + strings.ToUpper(what)
}
