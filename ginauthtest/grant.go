package ginauthtest

import (
	"crypto/rand"
	"sync"
	"time"
)

const (
	codeLifetime    = 60 * time.Second
	refreshLifetime = 30 * 24 * time.Hour
	pruneEvery      = time.Minute
)

// grant is what one person allowed the client, once. Every token descends
// from a grant and dies with it.
type grant struct {
	person      Person
	redirectURI string
	scopes      []string
	nonce       string
	challenge   string // empty: the request had none
	authTime    time.Time
	sessionID   string // sid, of the person's session at this provider
	revoked     bool   // guarded by grants.mu
}

// credential is a code or a token: what the bearer may do with it and how
// long.
type credential struct {
	grant   *grant
	scopes  []string
	expires time.Time
	spent   bool // codes and refresh tokens serve once
}

// grants keep the codes and tokens that were issued. One lock: two requests
// with one code must never both find it unspent.
type grants struct {
	lifetime time.Duration

	mu      sync.Mutex
	codes   map[string]*credential
	access  map[string]*credential
	refresh map[string]*credential
	pruned  time.Time
}

func newGrants(lifetime time.Duration) *grants {
	return &grants{
		lifetime: lifetime,
		codes:    make(map[string]*credential),
		access:   make(map[string]*credential),
		refresh:  make(map[string]*credential),
	}
}

// newCode issues an authorization code for a grant.
func (g *grants) newCode(granted *grant, now time.Time) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.prune(now)
	code := rand.Text()
	g.codes[code] = &credential{grant: granted, scopes: granted.scopes, expires: now.Add(codeLifetime)}
	return code
}

// spendCode answers the grant of a code and spends it, whatever becomes of the
// request: a code that was shown once has been seen.
func (g *grants) spendCode(code string, now time.Time) (*grant, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	found, err := spend(g.codes[code], now)
	if err != nil {
		return nil, err
	}
	return found.grant, nil
}

// spendRefresh answers the grant of a refresh token and the scopes it covers,
// and spends it: each is good for one refresh (RFC 9700 §4.14.2). A request
// for scopes that it does not cover leaves it unspent.
func (g *grants) spendRefresh(token string, now time.Time, narrow func([]string) ([]string, error)) (*grant, []string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := g.refresh[token]
	var scopes []string
	if found != nil {
		var err error
		if scopes, err = narrow(found.scopes); err != nil {
			return nil, nil, err
		}
	}
	found, err := spend(found, now)
	if err != nil {
		return nil, nil, err
	}
	return found.grant, scopes, nil
}

// spend fails for a credential that is unknown, expired or revoked. One that
// was spent before is in two hands, so all that came of its grant is revoked
// (RFC 6749 §4.1.2, RFC 9700 §4.14.2).
func spend(found *credential, now time.Time) (*credential, error) {
	switch {
	case found == nil:
		return nil, protocolError{"invalid_grant", "unknown code or token"}
	case found.spent:
		found.grant.revoked = true
		return nil, protocolError{"invalid_grant", "used before; all tokens of this grant are revoked"}
	case found.grant.revoked:
		return nil, protocolError{"invalid_grant", "revoked"}
	}
	found.spent = true
	if !now.Before(found.expires) {
		return nil, protocolError{"invalid_grant", "expired"}
	}
	return found, nil
}

// issue keeps an access token for the scopes, and makes a refresh token for all that
// was granted.
func (g *grants) issue(granted *grant, access string, scopes []string, now time.Time) (refresh string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	refresh = rand.Text()
	g.access[access] = &credential{grant: granted, scopes: scopes, expires: now.Add(g.lifetime)}
	g.refresh[refresh] = &credential{grant: granted, scopes: granted.scopes, expires: now.Add(refreshLifetime)}
	return refresh
}

// bearer answers whose access token this is and what it covers.
func (g *grants) bearer(token string, now time.Time) (Person, []string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	found := g.access[token]
	if found == nil || found.grant.revoked || !now.Before(found.expires) {
		return Person{}, nil, false
	}
	return found.grant.person, found.scopes, true
}

// prune forgets what has expired, now and then. A code is kept as long as the
// tokens it gave, for its second use must still revoke them.
func (g *grants) prune(now time.Time) {
	if now.Sub(g.pruned) < pruneEvery {
		return
	}
	g.pruned = now
	for _, kind := range []struct {
		issued map[string]*credential
		keep   time.Duration
	}{{g.codes, g.lifetime}, {g.access, 0}, {g.refresh, 0}} {
		for key, found := range kind.issued {
			if now.After(found.expires.Add(kind.keep)) {
				delete(kind.issued, key)
			}
		}
	}
}
