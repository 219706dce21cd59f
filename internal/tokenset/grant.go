// Package tokenset is what a session keeps of a sign-in at an OAuth provider: its
// tokens, what their renewal makes of them, which requests carry them, and by what the provider may end the
// session. It knows the tokens and the clock. It does not know the session, its
// store, nor how a provider is asked.
package tokenset

import (
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/oauth2"
)

// Claim is the claim of a session token that holds its grant.
const Claim = "ginauth"

// A Grant is what a session keeps of the sign-in at its provider. It is sealed or
// stored with the session's token, and is no claim of it for callbacks, handlers
// or lists of sessions: what copies all claims somewhere must not copy these. It
// is always held by a pointer, which fmt prints as an address, and never changed:
// a renewed one takes its place.
type Grant struct {
	Provider string `json:"p"`
	Access   string `json:"a,omitempty"`
	Expires  int64  `json:"e,omitempty"` // of Access, Unix seconds; 0 where the provider does not say
	Refresh  string `json:"r,omitempty"` // in a Store only
	IDToken  string `json:"i,omitempty"` // in a Store only; the hint for signing out at the provider
	Refused  bool   `json:"x,omitempty"` // the provider no longer renews the tokens

	// By these a logout token of the provider finds the session: digests of its
	// sub and sid there (OpenID Connect Back-Channel Logout 1.0 §2.4).
	Account string `json:"s,omitempty"`
	Session string `json:"d,omitempty"`
}

// Parse reads a session token's grant. It returns nil for a claim that is not one,
// which stays a claim like any other.
func Parse(raw string) *Grant {
	g := &Grant{}
	if json.Unmarshal([]byte(raw), g) != nil || g.Provider == "" {
		return nil
	}
	return g
}

// Tokens are what a provider issued at a sign-in.
type Tokens struct {
	Access  string
	Expires time.Time // of Access; zero where the provider does not say
	Refresh string
	IDToken string
}

// Use says what a grant is needed for.
type Use struct {
	Tokens  bool // the application calls the provider's API
	SignOut bool // a sign-out here is one at the provider
	Ended   bool // the provider may end the session
	Stored  bool // the session is kept in a store, not in its cookie
}

// New makes the grant of a sign-in, nil where nothing needs it. A refresh token is
// good for months, and the browser has no use for it: without a store it is not
// kept, however well a cookie is sealed.
func New(provider string, from Tokens, use Use) *Grant {
	keep := use.Tokens && from.Access != ""
	if !keep && !use.SignOut && !use.Ended {
		return nil
	}
	g := &Grant{Provider: provider}
	if keep {
		g.Access = from.Access
		if !from.Expires.IsZero() {
			g.Expires = from.Expires.Unix()
		}
		if use.Stored {
			g.Refresh = from.Refresh
		}
	}
	if use.Stored && (keep || use.SignOut) {
		g.IDToken = from.IDToken
	}
	return g
}

// Renewable reports whether the grant may change while the session lasts.
func (g *Grant) Renewable() bool { return g != nil && g.Refresh != "" }

// renewEarly is how long before its end an access token is renewed: a request that
// takes a while must not arrive with one that has just expired.
const renewEarly = 30 * time.Second

// NeedsRefresh reports whether the access token has to be renewed: it has expired or
// will within 30 seconds.
func (g *Grant) NeedsRefresh(now time.Time) bool {
	return g.Expires != 0 && !now.Add(renewEarly).Before(time.Unix(g.Expires, 0))
}

// Expired reports whether the access token has expired.
func (g *Grant) Expired(now time.Time) bool {
	return g.Expires != 0 && !now.Before(time.Unix(g.Expires, 0))
}

// Refuse is what remains of a grant whose tokens the provider no longer renews: the
// tokens are gone, the rest still says whose session it is.
func (g *Grant) Refuse() *Grant {
	return &Grant{Provider: g.Provider, IDToken: g.IDToken, Account: g.Account, Session: g.Session, Refused: true}
}

// ErrOtherSubject says that a refreshed id_token is another person's.
var ErrOtherSubject = errors.New("ginauth: the refreshed id_token has another subject")

// Renew is the grant with the tokens of a refresh answer. An id_token in it must
// be of the same issuer and subject (OpenID Connect Core §12.2): with another one
// the access token would be another person's too.
func (g *Grant) Renew(tok *oauth2.Token, now time.Time) (*Grant, error) {
	next := *g
	next.Access, next.Refresh, next.Expires = tok.AccessToken, tok.RefreshToken, 0
	switch {
	case tok.ExpiresIn > 0:
		next.Expires = now.Add(time.Duration(tok.ExpiresIn) * time.Second).Unix()
	case !tok.Expiry.IsZero():
		next.Expires = tok.Expiry.Unix()
	}
	raw, _ := tok.Extra("id_token").(string)
	if raw == "" || g.IDToken == "" {
		return &next, nil
	}
	before, after := ReadIDToken(g.IDToken), ReadIDToken(raw)
	if after.Subject == "" || after.Subject != before.Subject || after.Issuer != before.Issuer {
		return nil, ErrOtherSubject
	}
	next.IDToken = raw
	return &next, nil
}
