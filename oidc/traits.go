package oidc

import (
	"errors"
	"net/url"

	"github.com/ginauth/ginauth/internal/openid"
)

// traits are what sets a service apart from other OpenID providers. They are
// not in Config because most of them take a check away or put another in its
// place: only a preset, which knows why, may do that.
type traits struct {
	family        *openid.Family                               // its tenants are issuers of their own
	accepts       func(issuer, sent string) bool               // of authorization responses, in place of equality
	nonceOptional bool                                         // it leaves the nonce out of its id_tokens
	logoutURI     bool                                         // its logout leads back by logout_uri, to a client that client_id names
	lacksAuthTime bool                                         // its id_tokens never say when somebody proved who they are
	refusesPKCE   bool                                         // it refuses token requests with a code verifier
	secret        func() (string, error)                       // makes the client secret, in place of Config.ClientSecret
	posted        func(form url.Values) (given, family string) // the name in the form of a POST
	identity      func(claims map[string]any) (string, error)  // the subject, in place of sub; may change the claims
}

// preset makes the provider of a known service. service is what faults call it;
// place is the fault of the argument that says where it is, if it has one.
func preset(service string, config Config, t traits, place error) *Provider {
	faults := config.validate(service+": ", place)
	if t.refusesPKCE && config.ClientSecret == "" && config.PrivateKey == "" {
		// Nothing would be left that binds the code to this client.
		faults = errors.Join(faults, errors.New("oidc: "+service+": ClientSecret is empty: write the client secret that the provider gave this application"))
	}
	return newProvider(config, t, faults)
}

// RefusesPKCE reports that the service refuses a token request with a code
// verifier (RFC 7636), so that none is sent: true for [LinkedIn] and [Slack].
func (p *Provider) RefusesPKCE() bool { return p.traits.refusesPKCE }

// LacksAuthTime reports that the service's id_tokens have no auth_time, whatever was asked
// for, so that a sign-in there proves no more than a session at the service. Those of Google
// and LinkedIn do. ginauth.Auth's RequireFactor then takes what there is.
func (p *Provider) LacksAuthTime() bool { return p.traits.lacksAuthTime }

// FormPost reports that the provider's answer comes in a cross-site POST (OAuth
// 2.0 Form Post Response Mode 1.0): true where Config.ResponseMode says so, and for
// [Apple] where it is asked for the name or the e-mail address.
func (p *Provider) FormPost() bool { return p.config.ResponseMode == formPost }
