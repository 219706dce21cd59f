// Package providers makes a sign-in provider of a service's name. It knows every
// provider of goth, the OpenID providers of the package oidc, and which services
// cannot be signed in at, and why.
//
// [FromEnv] makes those whose client identifiers are in the environment, under
// the names that NextAuth.js gives them; [New] makes one.
//
// The package links all of them, about one megabyte. A program that wants one
// service imports that alone and makes the same provider: goth's own package and
// ginauth.Goth where [Service.Engine] says bound copy or own exchange, with the
// scopes in [Service.Scopes]; the package oidc where it says oidc.
package providers

import (
	"slices"

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
	// Engine says who runs a sign-in: "bound copy", goth's provider with the
	// sign-in's context and code verifier put into its requests; "own exchange",
	// the same with the token request made by ginauth; "oidc", the package of that
	// name; "own", a provider of ginauth's for plain OAuth 2.0.
	Engine string
	// EmailVerified says what makes the e-mail address of a profile count as
	// verified, in words. Empty: nothing does, so that an address is no proof of who
	// somebody is.
	EmailVerified string
	// Color is that of the mark on its button, #rrggbb.
	Color string
	// Docs is where a client is registered.
	Docs string
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
	known := service.All()
	all := make([]Service, len(known))
	for i, s := range known {
		all[i] = public(s)
	}
	return all
}

func public(s service.Service) Service {
	m := makers[s.ID]
	return Service{
		ID: s.ID, Name: s.Name, Kind: string(s.Kind), Engine: string(s.Engine),
		EmailVerified: verified(s), Color: s.Color, Docs: s.Docs, LeftOut: leftOut(s),
		Scopes: slices.Clone(m.scopes), Settings: slices.Clone(m.settings),
	}
}

// leftOut is why a service has no maker.
func leftOut(s service.Service) string {
	if _, made := makers[s.ID]; made {
		return ""
	}
	if s.LeftOut != "" {
		return s.LeftOut
	}
	return s.Unfit
}

func verified(s service.Service) string {
	if s.Engine == service.Preset && s.Verified != service.Never {
		return "email_verified in the profile is true"
	}
	switch s.Verified {
	case service.Never:
		return ""
	case service.Always:
		return "always: the service gives out verified addresses alone"
	case service.List:
		return "the service's list of addresses says so"
	}
	return string(s.Verified) + " in the profile is true"
}
