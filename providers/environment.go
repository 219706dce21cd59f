package providers

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/markbates/goth"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/ascii"
	"github.com/ginauth/ginauth/internal/service"
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
// AUTH0_DOMAIN, AUTH_AZURE_AD_TENANT_ID. openid-connect also goes by OIDC, and
// twitter by X. Apple has no secret but APPLE_TEAM_ID, APPLE_KEY_ID and
// APPLE_PRIVATE_KEY.
//
// Several OpenID providers have a name each behind OIDC, which is their ID in lower
// case: OIDC_WORK_ID, OIDC_WORK_SECRET and OIDC_WORK_ISSUER make the provider work,
// and OIDC_WORK_NAME is what its button says.
//
// Further variables change what is known of a service. Behind the same beginning
// stand SCOPE (with spaces between), AUTHORIZATION_PARAMS (prompt=consent&hd=…),
// DISABLE_PKCE (true), SUBJECT, AUTHORIZATION_URL, TOKEN_URL, USERINFO_URL and
// EMAILS_URL, and at an OpenID provider DISCOVERY_URL, BACK_CHANNEL, PRIVATE_KEY and
// PRIVATE_KEY_ID.
//
// A service with neither client id nor secret is not made, and a program without
// any gets an empty list. All faults come in one error: a client id without its
// secret or the other way round, a variable that is one letter away from one that
// would be read (GITHUB_CLIENTID), a setting that is missing or malformed, two
// variables that contradict each other, and a service that is left out whose id
// and secret are both set. The error names the variables and holds none of their values.
func FromEnv() ([]ginauth.Provider, error) {
	var made []ginauth.Provider
	var faults []error
	var all []*environment
	for _, known := range slices.Concat(rows, named(os.Environ())) {
		e := &environment{service: known}
		all = append(all, e)
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
	if faults = append(faults, misspelt(os.Environ(), all)...); faults != nil {
		return nil, errors.Join(faults...)
	}
	return made, nil
}

// aliases are further names of services in variables, as Auth.js's own pages have
// them.
var aliases = map[string][]string{
	"42-school":               {"FORTY_TWO_SCHOOL"},
	"beyondidentity":          {"BEYOND_IDENTITY"},
	"click-up":                {"CLICKUP"},
	"duende-identity-server6": {"DIS6"},
	"openid-connect":          {"OIDC"},
	"twitter":                 {"X"},
	"united-effects":          {"UE"},
}

// oidcName is the name of one of several OpenID providers in a variable: its issuer
// is what makes it one.
var oidcName = regexp.MustCompile(`^(?:AUTH_)?OIDC_([A-Z0-9]+(?:_[A-Z0-9]+)*)_ISSUER$`)

// named are the OpenID providers that the environment names, in the order of their
// ids.
func named(environ []string) (all []row) {
	known, _ := rowOf("openid-connect")
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		match := oidcName.FindStringSubmatch(name)
		if match == nil || value == "" {
			continue
		}
		r := known
		r.ID = ascii.Lower(strings.ReplaceAll(match[1], "_", "-"))
		r.Name = strings.ReplaceAll(match[1], "_", " ")
		r.Name = r.Name[:1] + ascii.Lower(r.Name[1:])
		r.variables = "OIDC_" + match[1]
		r.settings = append(slices.Clone(r.settings), optional(setting("name", "what the button says", "Work")))
		r.own = func(s Settings) goth.Provider {
			p := withEndpoints(openIDConnect(s.Values["issuer"], s.ClientID, s.ClientSecret, s.Scopes...), s)
			p.SetName(r.ID)
			return p
		}
		if !slices.ContainsFunc(all, func(other row) bool { return other.ID == r.ID }) { // with AUTH_ and without
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b row) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// environment is what the environment says of one service.
type environment struct {
	service  row
	settings Settings
	from     map[string]string // the variable that each part of settings came from
	asked    []asked           // every variable that was looked for
	prefix   string            // of the client's variables
	faults   []error
}

// asked is a variable that was looked for.
type asked struct {
	name, prefix string
	what         string // of the settings
}

// prefixes begin the names of a service's variables.
func (r row) prefixes() (all []string) {
	if r.variables != "" {
		return []string{r.variables, "AUTH_" + r.variables}
	}
	id := r.ID
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
	all := e.service.prefixes()
	e.settings.ClientID = e.find(clientID, all, "_ID", "_CLIENT_ID")
	suffixes := []string{"_SECRET", "_CLIENT_SECRET"}
	if e.service.keyAlone {
		suffixes = append(suffixes, "_API_KEY")
	}
	e.settings.ClientSecret = e.find(clientSecret, all, suffixes...)
	if e.service.keyAlone && e.from[clientSecret] == "" { // its ID alone is some other program's
		return false
	}
	if e.from[clientID] == "" && e.from[clientSecret] == "" {
		return false
	}
	m := e.service
	if !m.makes() { // half of it may be some other program's: STEAM_ID alone asks for no sign-in
		return e.from[clientID] != "" && e.from[clientSecret] != ""
	}
	if m.Kind == service.OIDC && !m.secretless {
		e.settings.PrivateKey = e.find("private_key", all, "_PRIVATE_KEY")
		e.settings.PrivateKeyID = e.find("private_key_id", all, "_PRIVATE_KEY_ID")
	}
	if id := e.from[clientID]; m.keyAlone {
		e.prefix = all[0]
	} else if id == "" {
		e.prefix = strings.TrimSuffix(e.from[clientSecret], "_SECRET")
		e.fault("%s is set and %s is not", e.from[clientSecret], e.prefix+"_ID")
	} else {
		e.prefix = strings.TrimSuffix(id, "_ID")
		if e.from[clientSecret] == "" && !m.secretless && !m.public && e.settings.PrivateKey == "" {
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
	e.facts(all)
	if taken, ok := rowOf(m.ID); ok && m.variables != "" {
		e.fault("%s_ISSUER names a provider that would be %s, which is %s; give it another name", m.variables, m.ID, taken.Name)
	}
	return true
}

// facts reads the variables that change what is known of the service.
func (e *environment) facts(prefixes []string) {
	s := &e.settings
	s.Scopes = strings.Fields(e.find(scopes, prefixes, "_SCOPE", "_SCOPES"))
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"subject", &s.Subject}, {"authorization_url", &s.AuthURL}, {"token_url", &s.TokenURL}, {"userinfo_url", &s.UserInfoURL},
		{"emails_url", &s.EmailsURL}, {"discovery_url", &s.DiscoveryURL}, {"back_channel", &s.BackChannel},
	} {
		if f.name == "subject" && slices.ContainsFunc(e.service.settings, func(s Setting) bool { return s.Name == "subject" }) {
			continue
		}
		*f.to = e.find(f.name, prefixes, "_"+strings.ToUpper(f.name))
	}
	if text := e.find("authorization_params", prefixes, "_AUTHORIZATION_PARAMS"); text != "" {
		params, err := url.ParseQuery(text)
		if err != nil {
			e.fault("%s is not of the form prompt=consent&hd=example.com", e.from["authorization_params"])
		}
		s.AuthParams = params
	}
	switch text := e.find("disable_pkce", prefixes, "_DISABLE_PKCE"); text {
	case "", "false":
	case "true":
		s.DisablePKCE = true
	default:
		e.fault("%s is neither true nor false", e.from["disable_pkce"])
	}
}

// find reads the one variable of several that is set. Two that differ are a fault:
// which of them is right, nobody can say.
func (e *environment) find(what string, prefixes []string, suffixes ...string) (value string) {
	for _, prefix := range prefixes {
		for _, suffix := range suffixes {
			name := prefix + suffix
			e.asked = append(e.asked, asked{name, prefix, what})
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
