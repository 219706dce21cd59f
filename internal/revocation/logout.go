package revocation

import (
	"context"
	"fmt"
	"time"
)

// A Logout is what a verified logout token names (OpenID Connect Back-Channel Logout
// 1.0 §2.4): the session of its sid, or all sessions of its sub.
type Logout struct {
	Account string // AccountDigest of its sub; empty without one
	Session string // SessionDigest of its sid; empty without one
	Token   string // TokenDigest of its jti
	// Until is when the token is too old to be accepted, so that it need not be
	// remembered any longer.
	Until time.Time
}

// Ends reports whether the logout token ends a session: the session of its sid, or,
// without a sid, every session of its sub. A session whose sign-in had no sid is known
// by its sub alone, and ends with any session of that person.
func (l Logout) Ends(s Session) bool {
	if l.Session != "" && s.ProviderSession != "" {
		return s.ProviderSession == l.Session
	}
	return l.Account != "" && s.Account == l.Account
}

// subjects are what is revoked to end these sessions.
func (l Logout) subjects() []string {
	switch {
	case l.Session == "":
		return []string{accountSubject(l.Account)}
	case l.Account == "":
		return []string{providerSubject(l.Session)}
	}
	return []string{providerSubject(l.Session), unnamedSubject(l.Account)}
}

// EndAtProvider revokes the sessions that a verified logout token ends. It returns false
// for a token that was accepted before. The token is remembered last: a provider that
// gets no answer may send it again.
func (c *Check) EndAtProvider(ctx context.Context, l Logout, now time.Time) (accepted bool, err error) {
	seen := "jti:" + l.Token
	at, err := c.lookUp(ctx, seen)
	if err != nil || !at.IsZero() {
		return false, err
	}
	for _, subject := range l.subjects() {
		if err := c.end(ctx, subject, now); err != nil {
			return false, fmt.Errorf("ending the sessions: %w", err)
		}
	}
	c.cache.forgetAll()
	return true, c.keep(ctx, seen, now, l.Until)
}
