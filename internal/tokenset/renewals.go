package tokenset

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"github.com/ginauth/ginauth/internal/replay"
)

const (
	// renewalGrace is how long requests that still carry a used refresh token get the
	// tokens it was exchanged for. A request that read the session just before the
	// renewal must not use the token again: the provider would take that for a theft
	// and revoke all tokens of the sign-in (RFC 9700 §4.14.2).
	renewalGrace = time.Minute
	// unsavedFor is how long tokens are held that the session's store did not take.
	unsavedFor = 10 * time.Minute
	// maxRenewals bounds the renewals that are remembered, and those not saved.
	maxRenewals = 1024
)

// A Renewal is what came of renewing a session's tokens.
type Renewal struct {
	Grant  *Grant
	Handle string    // under which the session is kept now; empty where it was not kept
	Ends   time.Time // when the session ends
	Err    error
}

// Renewals remember the renewals of the last minute, by the tokens before it, and
// hold tokens that were renewed and could not be saved. Make them with NewRenewals.
// They are safe for concurrent use.
type Renewals struct {
	refused error // wrapped by errors that asking again does not change
	results *replay.Results[Renewal]

	mu sync.Mutex
	// unsaved are tokens that the provider issued and the store did not take. The
	// next request of this process saves them, without asking the provider.
	unsaved map[string]unsaved
}

type unsaved struct {
	grant *Grant
	until time.Time
}

// NewRenewals remembers renewals that succeeded and those whose error is refused. A
// renewal with any other error is tried again by the next request.
func NewRenewals(refused error) *Renewals {
	return &Renewals{refused: refused, results: replay.New[Renewal](maxRenewals), unsaved: map[string]unsaved{}}
}

// Do returns what came of renewing g: renew runs once for all requests of a session that
// bring the same tokens, and its result is theirs for a minute. The result is zero where ctx
// ended before another request's renewal did, or where that one panicked.
func (r *Renewals) Do(ctx context.Context, session string, g *Grant, now time.Time, renew func() Renewal) Renewal {
	// Both tokens: many providers give the same refresh token each time, and what
	// is remembered of one renewal must not stand in for the next. Some give equal tokens
	// to two sign-ins of one person, of which each keeps its own session.
	sum := sha256.Sum256([]byte(session + "\x00" + g.Refresh + "\x00" + g.Access))
	result := r.results.Do(ctx, string(sum[:]), now, now.Add(renewalGrace), renew)
	if !r.final(result) {
		r.results.Forget(func(other Renewal) bool { return !r.final(other) })
	}
	return result
}

// final reports whether asking again cannot help.
func (r *Renewals) final(result Renewal) bool {
	return result.Err == nil || errors.Is(result.Err, r.refused)
}

// Rescue holds renewed tokens that could not be saved, for ten minutes. refresh is the
// refresh token that the stored session still has.
func (r *Renewals) Rescue(session, refresh string, g *Grant, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, u := range r.unsaved {
		if !now.Before(u.until) {
			delete(r.unsaved, other)
		}
	}
	if len(r.unsaved) < maxRenewals {
		r.unsaved[session+"\x00"+refresh] = unsaved{g, now.Add(unsavedFor)}
	}
}

// Rescued hands out what Rescue holds for a session's refresh token, once; nil where that
// is nothing.
func (r *Renewals) Rescued(session, refresh string, now time.Time) *Grant {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := session + "\x00" + refresh
	u := r.unsaved[key]
	delete(r.unsaved, key)
	if !now.Before(u.until) {
		return nil
	}
	return u.grant
}
