package ginauth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/ginauth/ginauth/internal/oauth"
)

// Revocations remember which sessions were ended before their time: a session
// whose sign-in is not later than a revocation of one of its subjects is
// refused, wherever it is kept. A subject is opaque: it stands for a person, or
// for one session of theirs.
//
// Its methods are called by many requests at once, and must end when the context
// does. While they fail, guarded requests are answered with 503.
type Revocations interface {
	// Revoke ends what began at or before at. The entry may be forgotten after
	// until: what it ends has expired by then. An earlier time never replaces a
	// later one.
	Revoke(ctx context.Context, subject string, at, until time.Time) error
	// RevokedAt returns the latest revocation of any of the subjects, to the
	// second or better; zero where there is none.
	RevokedAt(ctx context.Context, subjects ...string) (time.Time, error)
}

// revocationDelay is for how long this process believes what it has last heard
// of a person's revocations: how long a session may outlive its revocation by
// another process.
const revocationDelay = 5 * time.Second

// maxRevocationCache bounds the people whose revocations this process remembers.
const maxRevocationCache = 1 << 16

// RevokeUser signs a person out everywhere: each session of theirs that began
// until now is refused from now on, in this process at once and in others within
// five seconds. userID is the token's subject. It needs Session.Revocations.
// Next.js beside this application does not ask, and goes on believing a sealed
// session until it expires.
func (a *Auth) RevokeUser(ctx context.Context, userID string) error {
	if a.revoked == nil {
		return errors.New("ginauth: RevokeUser needs Options.Session.Revocations; write for instance ginauth.MemoryRevocations()")
	}
	if userID == "" {
		return errors.New("ginauth: RevokeUser needs the ID of a user")
	}
	if err := a.revoked.revoke(ctx, personKey(userID), a.opts.Now()); err != nil {
		return err
	}
	a.streams.endAll(userID)
	return nil
}

// personKey and sessionSubject are what revocations know people and sessions by.
func personKey(userID string) string { return "user:" + userID }

func sessionSubject(t *Token) string {
	return "session:" + strconv.FormatInt(t.AuthTime.Unix(), 10) + ":" + t.Subject
}

// revocationCheck asks Revocations, and remembers the answers for a moment so
// that a guarded request stays fast.
type revocationCheck struct {
	from   Revocations
	maxAge time.Duration
	direct bool // asking costs nothing

	mu    sync.RWMutex
	known map[sessionKey]heard
}

// heard is what was last heard of a session's revocation.
type heard struct {
	revoked time.Time
	asked   time.Time
}

func newRevocationCheck(from Revocations, maxAge time.Duration) *revocationCheck {
	_, direct := from.(*memoryRevocations)
	return &revocationCheck{from: from, maxAge: maxAge, direct: direct, known: map[sessionKey]heard{}}
}

// check refuses a session that was revoked. A token that does not say when its
// person signed in, as next-auth's, is older than any revocation.
func (r *revocationCheck) check(ctx context.Context, t *Token, now time.Time) error {
	at, err := r.revokedAt(ctx, t, now)
	if err != nil {
		return err
	}
	if !at.IsZero() && !t.AuthTime.After(at) {
		return errSignedOut
	}
	return nil
}

func (r *revocationCheck) revokedAt(ctx context.Context, t *Token, now time.Time) (time.Time, error) {
	key := sessionOf(t)
	if !r.direct {
		r.mu.RLock()
		last, ok := r.known[key]
		r.mu.RUnlock()
		if age := now.Sub(last.asked); ok && age >= 0 && age < revocationDelay {
			return last.revoked, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	at, err := r.from.RevokedAt(ctx, personKey(t.Subject), sessionSubject(t))
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: revocations: %w", errUnavailable, oauth.Redact(err))
	}
	if !r.direct {
		r.remember(key, heard{at, now})
	}
	return at, nil
}

func (r *revocationCheck) remember(key sessionKey, h heard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) >= maxRevocationCache {
		for k, old := range r.known {
			if h.asked.Sub(old.asked) >= revocationDelay {
				delete(r.known, k)
			}
		}
		if len(r.known) >= maxRevocationCache {
			clear(r.known)
		}
	}
	r.known[key] = h
}

// revoke ends what began until now.
func (r *revocationCheck) revoke(ctx context.Context, subject string, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	// auth_time counts in whole seconds.
	if err := r.from.Revoke(ctx, subject, now.Truncate(time.Second), now.Add(r.maxAge+leeway)); err != nil {
		return fmt.Errorf("%w: revocations: %w", errUnavailable, oauth.Redact(err))
	}
	r.mu.Lock()
	clear(r.known)
	r.mu.Unlock()
	return nil
}

// end revokes one session.
func (r *revocationCheck) end(ctx context.Context, t *Token, now time.Time) error {
	return r.revoke(ctx, sessionSubject(t), now)
}

// admit gives a new session a sign-in time that no revocation up to now refuses:
// somebody who was signed out everywhere may sign in again within that second.
func (r *revocationCheck) admit(ctx context.Context, t *Token, now time.Time) error {
	for range 2 { // the moved time is another session, which may have been ended too
		at, err := r.revokedAt(ctx, t, now.Add(revocationDelay))
		if err != nil {
			return err
		}
		if t.AuthTime.After(at) {
			return nil
		}
		t.AuthTime = at.Add(time.Second)
	}
	return nil
}

// MemoryRevocations remember in this process alone: for an application that runs
// as one. They are forgotten when it ends.
func MemoryRevocations() Revocations {
	return &memoryRevocations{entries: map[string]revocation{}}
}

type revocation struct{ at, until time.Time }

type memoryRevocations struct {
	mu      sync.RWMutex
	entries map[string]revocation
	swept   time.Time
}

func (m *memoryRevocations) Revoke(_ context.Context, subject string, at, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at.Sub(m.swept) > time.Hour {
		for s, entry := range m.entries {
			if at.After(entry.until) {
				delete(m.entries, s)
			}
		}
		m.swept = at
	}
	if before, ok := m.entries[subject]; ok {
		if before.at.After(at) {
			at = before.at
		}
		if before.until.After(until) {
			until = before.until
		}
	}
	m.entries[subject] = revocation{at, until}
	return nil
}

func (m *memoryRevocations) RevokedAt(_ context.Context, subjects ...string) (latest time.Time, _ error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, s := range subjects {
		if entry := m.entries[s]; entry.at.After(latest) {
			latest = entry.at
		}
	}
	return latest, nil
}
