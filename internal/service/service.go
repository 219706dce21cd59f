// Package service has the facts about each identity service: how its goth provider can
// be made safe, or why it cannot; which of its e-mail addresses are verified; and how
// its button looks. It contains data only: it does not know the flow that uses them.
package service

import (
	"slices"

	"golang.org/x/oauth2"
)

// Kind is the protocol that a service speaks with ginauth.
type Kind string

// The kinds.
const (
	OAuth2 Kind = "OAuth 2.0"
	OIDC   Kind = "OpenID Connect"
	OAuth1 Kind = "OAuth 1.0a"
	Other  Kind = "its own"
)

// Engine is who runs a sign-in at a service.
type Engine string

// The engines.
const (
	// Bound runs goth's provider in a copy whose HTTP client carries the
	// sign-in's context and code verifier.
	Bound Engine = "bound copy"
	// Exchange makes the token request for goth's provider, which would make it
	// through http.DefaultClient, and leaves the profile to it.
	Exchange Engine = "own exchange"
	// Preset is a provider of the package oidc.
	Preset Engine = "oidc"
	// Own is a provider of ginauth's own for plain OAuth 2.0.
	Own Engine = "own"
	// None: nobody can be signed in there.
	None Engine = ""
)

// A Service is one identity service.
type Service struct {
	ID     string // in routes and accounts: goth's name for its provider
	Goth   string // goth's folder, empty where goth has none
	Name   string // what people call it
	Kind   Kind
	Engine Engine
	// Unfit says why goth's provider is refused, for a developer to read.
	Unfit string
	// Stale says why goth's provider is replaced though it could be bound.
	Stale string
	// LeftOut says why people cannot sign in with this service.
	LeftOut string
	// Verified says what makes the e-mail address of goth's profile verified. A
	// preset goes by the claim email_verified only; Entra's addresses never count as verified.
	Verified Verified
	// Subject is the member of a profile's raw answer that says who a person is,
	// where goth's provider does not read one.
	Subject string
	// TokenInHeader says that the service reads access tokens in the Authorization
	// header (RFC 6750 §2.1), though goth's provider puts them into the URL.
	TokenInHeader bool
	// AuthStyle is how the client authenticates at the token endpoint
	// (RFC 6749 §2.3.1). Where it is not known, x/oauth2 finds out, at the price
	// of sending the code and the secret twice to a service that refuses the first.
	AuthStyle oauth2.AuthStyle
	// Refreshes says that the service renews access tokens, though goth says that it
	// does not.
	Refreshes bool
	// Issuer is the issuer identifier that goth's provider does not know of but
	// that authorization responses carry (RFC 9207).
	Issuer string
	Color  string // of the mark on its button, #rrggbb
	Docs   string // where to get a client
}

// Verified says what vouches for the e-mail address of a profile.
type Verified string

// What vouches for an address, beside the name of a member of the profile's raw
// answer that must be true.
const (
	Never  Verified = ""        // nothing does
	Always Verified = "always"  // the service gives out verified addresses alone
	List   Verified = "address" // the service's list of addresses has it as verified
)

// services are all, in the order of their ids.
var services = slices.Concat(aToL, mToZ)

// All are the services, by id.
func All() []Service { return slices.Clone(services) }

// ByID finds a service by its id.
func ByID(id string) (Service, bool) {
	return find(func(s Service) bool { return s.ID == id })
}

// ByGoth finds a service by the folder of its goth provider.
func ByGoth(folder string) (Service, bool) {
	return find(func(s Service) bool { return s.Goth != "" && s.Goth == folder })
}

func find(match func(Service) bool) (Service, bool) {
	i := slices.IndexFunc(services, match)
	if i < 0 {
		return Service{}, false
	}
	return services[i], true
}
