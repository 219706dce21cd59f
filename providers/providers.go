// Package providers makes a sign-in provider of a service's name. It knows the services
// of NextAuth.js, Auth.js and goth by their names there, and says which of them cannot
// sign anybody in, and why.
//
// [FromEnv] makes the providers whose clients are in the environment, under the names that
// NextAuth.js gives the variables:
//
//	list, err := providers.FromEnv() // GITHUB_ID and GITHUB_SECRET, GOOGLE_ID, …
//	auth, err := ginauth.Register(r, ginauth.Options{Providers: list})
//
// [New] makes one, with its settings:
//
//	keycloak, err := providers.New("keycloak", providers.Settings{
//		ClientID: id, ClientSecret: secret,
//		Values:   map[string]string{"issuer": "https://login.example.com/realms/shop"},
//	})
//
// The package holds facts: endpoints, scopes and the members of a profile, for the
// packages oauth and oidc. [Settings], or a variable, replace a fact that is out of date.
package providers

import (
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/service"
)

// A Service is an identity service that people have accounts at.
type Service struct {
	// ID stands in routes, accounts and the names of environment variables.
	ID string
	// Name is what people call it, for a button.
	Name string
	// Kind is the protocol it speaks: OAuth 2.0, OpenID Connect, or its own.
	Kind string
	// Engine says who runs a sign-in: "oidc", the package of that name, or "own", a
	// provider of ginauth's for plain OAuth 2.0, mostly the package oauth.
	Engine string
	// EmailVerified says what makes the e-mail address of a profile count as
	// verified, in words. Empty: nothing does, so that an address is no proof of who
	// somebody is.
	EmailVerified string
	// Color is that of the mark on its button, #rrggbb.
	Color string
	// Docs is where a client is registered.
	Docs string
	// Note says in one sentence what surprises there. Often empty.
	Note string
	// LeftOut says why nobody can be signed in there. Empty: somebody can.
	LeftOut string
	// Scopes are asked for where Settings name none. Empty: what the service or
	// goth takes for granted.
	Scopes []string
	// Settings are what New needs to know beside the client, in Settings.Values.
	Settings []Setting
}

// A Setting is something about a client's place that its identifier does not say,
// such as the address of the server.
type Setting struct {
	// Name is its key in Settings.Values. In the environment it stands behind the
	// service's prefix in upper case: KEYCLOAK_ISSUER.
	Name string
	// Also are further names it is known by, of which one may be used instead.
	Also []string
	// Optional says that it has a default, which Meaning tells.
	Optional bool
	// Meaning says what to write, in a few words.
	Meaning string
	// Example is a value of the right form.
	Example string
}

// All lists every service, also those left out, in the order of their ids.
func All() []Service {
	all := make([]Service, len(rows))
	for i, r := range rows {
		all[i] = public(r)
	}
	return all
}

func public(r row) Service {
	return Service{
		ID: r.ID, Name: r.Name, Kind: string(r.Kind), Engine: string(r.Engine),
		EmailVerified: verified(r), Color: r.Color, Docs: r.Docs, Note: r.note, LeftOut: leftOut(r),
		Scopes: slices.Clone(r.defaults()), Settings: slices.Clone(r.settings),
	}
}

// leftOut is why nobody can be signed in at a service.
func leftOut(r row) string {
	switch {
	case r.makes():
		return ""
	case r.LeftOut != "":
		return r.LeftOut
	}
	return r.Unfit
}

func verified(r row) string {
	switch flag := r.verified(); {
	case flag == "" || !r.makes():
		return ""
	case strings.Contains(flag, " "):
		return flag
	case flag == string(service.Always):
		return "always: the service gives out verified addresses alone"
	case flag == string(service.List):
		return "the service's list of addresses says so"
	default:
		return flag + " in the profile is true"
	}
}
