package revocation

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
)

// slack is how long a revocation is kept beyond the life of what it ends. Another
// process that does not know of it yet may seal the session once more.
const slack = time.Minute

// A Store keeps revocations. Its methods are those of ginauth.Revocations.
type Store interface {
	Revoke(ctx context.Context, subject string, at, until time.Time) error
	RevokedAt(ctx context.Context, subjects ...string) (time.Time, error)
}

// A Config is what a Check needs.
type Config struct {
	Store Store
	Calls *bulkhead.Bulkhead // bounds the calls of Store
	Scope string             // precedes every subject: two Auths may share a Store
	// SessionLife is how long a session may last without use. DeviceLife is how long a
	// browser knows a person; a revocation of the person ends that too.
	SessionLife, DeviceLife time.Duration
}

// A Check asks a Store whether sessions were revoked, and revokes them. Make one with
// New. It is safe for concurrent use.
type Check struct {
	config Config
	direct bool         // asking costs nothing
	latest atomic.Int64 // see latestOf
	cache  *cache
}

// New makes a Check.
func New(config Config) *Check {
	_, direct := config.Store.(*Memory)
	return &Check{config: config, direct: direct, cache: newCache()}
}

// Ended reports whether a session was revoked. It does not see what another process
// revoked within the last five seconds. The error is the store's: it is not known then.
func (c *Check) Ended(ctx context.Context, s Session, now time.Time) (bool, error) {
	c.latestOf(now)
	at, err := c.revokedAt(ctx, s, now)
	return s.ended(at, err)
}

// EndedNow is Ended without the cache, for what must not outlive a revocation by
// another process even for a moment.
func (c *Check) EndedNow(ctx context.Context, s Session) (bool, error) {
	at, err := c.ask(ctx, s)
	return s.ended(at, err)
}

// ended is EndedBy for the store's answer.
func (s Session) ended(at time.Time, err error) (bool, error) {
	return err == nil && s.EndedBy(at), err
}

// revokedAt is the latest revocation of a session, from the cache or the store.
func (c *Check) revokedAt(ctx context.Context, s Session, now time.Time) (time.Time, error) {
	if c.direct {
		return c.ask(ctx, s)
	}
	key := keyOf(s)
	at, ok, before := c.cache.get(key, now)
	if ok {
		return at, nil
	}
	at, err := c.ask(ctx, s)
	if err == nil {
		c.cache.put(key, cachedAnswer{at, now}, before)
	}
	return at, err
}

// ask asks the store.
func (c *Check) ask(ctx context.Context, s Session) (time.Time, error) {
	return c.lookUp(ctx, s.subjects()...)
}

// UserRevokedAt asks the store for the latest revocation of a person; zero is none.
func (c *Check) UserRevokedAt(ctx context.Context, userID string) (time.Time, error) {
	return c.lookUp(ctx, userSubject(userID))
}

// lookUp asks the store for the latest revocation of any of the subjects.
func (c *Check) lookUp(ctx context.Context, subjects ...string) (time.Time, error) {
	if c.config.Scope != "" {
		for i, s := range subjects {
			subjects[i] = c.config.Scope + s
		}
	}
	if c.direct {
		return c.config.Store.RevokedAt(ctx, subjects...)
	}
	secrets := subjects
	for _, s := range subjects {
		_, name, _ := strings.Cut(s, ":")
		secrets = append(secrets, name)
	}
	return bulkhead.Do(ctx, c.config.Calls, func(ctx context.Context) (time.Time, error) {
		return c.config.Store.RevokedAt(ctx, subjects...)
	}, secrets...)
}

// EndUser revokes all sessions of a user that began until now.
func (c *Check) EndUser(ctx context.Context, userID string, now time.Time) error {
	err := c.end(ctx, userSubject(userID), now)
	c.cache.forgetUser(userID)
	return err
}

// end revokes all sessions of a subject that began until now.
func (c *Check) end(ctx context.Context, subject string, now time.Time) error {
	before, err := c.lookUp(ctx, subject)
	if err != nil {
		return err
	}
	// auth_time counts whole seconds. SignInTime puts a sign-in after a revocation into
	// the next second, which may still lie ahead: a second revocation must end it too.
	at := c.latestOf(now)
	if !before.Before(at) {
		at = before.Truncate(time.Second).Add(time.Second)
	}
	return c.revoke(ctx, subject, at, now)
}

// EndSession revokes one session. It does nothing for a session without a name.
func (c *Check) EndSession(ctx context.Context, s Session, now time.Time) error {
	subject := s.ID()
	if subject == "" {
		return nil
	}
	err := c.revoke(ctx, subject, later(s.SignedIn, now.Truncate(time.Second)), now)
	c.cache.forget(keyOf(s))
	return err
}

func (c *Check) revoke(ctx context.Context, subject string, at, now time.Time) error {
	life := c.config.SessionLife
	if strings.HasPrefix(subject, userSubjects) { // a device cookie ends with it
		life = max(life, c.config.DeviceLife)
	}
	until := later(at, c.latestOf(now)).Add(life + slack)
	return c.keep(ctx, subject, at, until)
}

// keep stores a revocation, also if the client disconnects meanwhile.
func (c *Check) keep(ctx context.Context, subject string, at, until time.Time) error {
	scoped := c.config.Scope + subject
	return bulkhead.Run(context.WithoutCancel(ctx), c.config.Calls, func(ctx context.Context) error {
		return c.config.Store.Revoke(ctx, scoped, at, until)
	}, scoped, subject)
}

// latestOf is the latest second that this process has read from its clock, including
// now. When a clock is set back, earlier sessions look as if they began after now: a
// revocation must end these too, and be kept until they expire.
func (c *Check) latestOf(now time.Time) time.Time {
	second := now.Unix()
	for {
		latest := c.latest.Load()
		if second <= latest {
			return time.Unix(latest, 0)
		}
		c.latest.CompareAndSwap(latest, second)
	}
}

// SignInTime returns a sign-in time for a new session that no revocation ends, from
// s.SignedIn on: a person who was signed out may sign in again within that second.
func (c *Check) SignInTime(ctx context.Context, s Session) (time.Time, error) {
	s.SignedIn = s.SignedIn.Truncate(time.Second)
	for range 60 { // a session of each second may have been ended
		at, err := c.ask(ctx, s)
		if err != nil {
			return time.Time{}, err
		}
		if !s.EndedBy(at) {
			c.latestOf(s.SignedIn) // so that later revocations end it too
			return s.SignedIn, nil
		}
		s.SignedIn = at.Truncate(time.Second).Add(time.Second)
	}
	return time.Time{}, errors.New("ginauth: this person's sessions were ended up to a minute ahead")
}
