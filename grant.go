package ginauth

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/revocation"
)

// grantClaim is the claim of a session token that holds its grant.
const grantClaim = "ginauth"

// A grant is what a session keeps of the sign-in at its provider. It is sealed or
// stored with the session's token, and is no claim of it for callbacks, handlers
// or lists of sessions: what copies all claims somewhere must not copy these. It
// is always held by a pointer, which fmt prints as an address, and never changed:
// a renewed one takes its place.
type grant struct {
	Provider string `json:"p"`
	Access   string `json:"a,omitempty"`
	Expires  int64  `json:"e,omitempty"` // of Access, Unix seconds; 0 where the provider does not say
	Refresh  string `json:"r,omitempty"` // in a Store only
	IDToken  string `json:"i,omitempty"` // in a Store only; the hint for signing out at the provider
	Refused  bool   `json:"x,omitempty"` // the provider renews the tokens no more

	// By these a logout token of the provider finds the session: digests of its
	// sub and sid there (OpenID Connect Back-Channel Logout 1.0 §2.4).
	Account string `json:"s,omitempty"`
	Session string `json:"d,omitempty"`
}

// parseGrant reads a session token's grant. What is none is nil, and stays a claim
// like any other.
func parseGrant(raw string) *grant {
	g := &grant{}
	if json.Unmarshal([]byte(raw), g) != nil || g.Provider == "" {
		return nil
	}
	return g
}

// newGrant is what is kept of a sign-in: nil where nothing needs it. A refresh
// token is good for months, and the browser has no use for it: without a Store
// it is not kept, however well a cookie is sealed.
func (a *Auth) newGrant(p *provider, from *Account) *grant {
	stored, keep := a.opts.Session.Store != nil, a.opts.Session.KeepTokens && from.AccessToken != ""
	g := &grant{Provider: p.id}
	if keep {
		g.Access = from.AccessToken
		if !from.ExpiresAt.IsZero() {
			g.Expires = from.ExpiresAt.Unix()
		}
		if stored {
			g.Refresh = from.RefreshToken
		}
	}
	if stored && (keep || p.signOut) {
		g.IDToken = from.IDToken
	}
	ended := a.revoked != nil && p.oauth != nil && p.oauth.VerifiesLogout()
	if ended {
		named := readIDToken(from.IDToken)
		g.Account = revocation.AccountDigest(p.id, named.Issuer, named.Subject)
		g.Session = revocation.SessionDigest(p.id, named.Issuer, named.Session)
	}
	if !keep && !p.signOut && !ended {
		return nil
	}
	return g
}

// renewable reports whether the grant may change while the session lasts.
func (g *grant) renewable() bool { return g != nil && g.Refresh != "" }

// renewEarly is how long before its end an access token is renewed: a request that
// takes a while must not arrive with one that has just expired.
const renewEarly = 30 * time.Second

// due reports whether the access token has to be renewed, expired whether it
// serves no more.
func (g *grant) due(now time.Time) bool {
	return g.Expires != 0 && !now.Add(renewEarly).Before(time.Unix(g.Expires, 0))
}

func (g *grant) expired(now time.Time) bool {
	return g.Expires != 0 && !now.Before(time.Unix(g.Expires, 0))
}

// refused is what is left of a grant that the provider renews no more: the tokens
// serve nobody, the rest still says whose session it is.
func (g *grant) refused() *grant {
	return &grant{Provider: g.Provider, IDToken: g.IDToken, Account: g.Account, Session: g.Session, Refused: true}
}

// named are the claims by which a provider names whom it speaks of.
type named struct {
	Issuer  string
	Subject string
	Session string
}

// readIDToken reads an id_token that was verified at sign-in or came over TLS from
// the token endpoint (OpenID Connect Core §3.1.3.7). Names are compared exactly:
// encoding/json alone would take "Sub" for sub.
func readIDToken(raw string) (n named) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return named{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return named{}
	}
	n.Issuer, _ = claims["iss"].(string)
	n.Subject, _ = claims["sub"].(string)
	n.Session, _ = claims["sid"].(string)
	return n
}
