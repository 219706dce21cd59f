package ginauth

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/limit"
)

const (
	// revocationDelay is for how long this process believes what it has last heard
	// of a session's revocations: how long a session may outlive its revocation by
	// another process.
	revocationDelay = 5 * time.Second
	// maxHeard bounds the sessions of which that is remembered, twice over.
	maxHeard = 1 << 15
	// revocationSlack is for how long a revocation is kept beyond MaxAge. A process
	// that has not heard of it yet may seal the session once more.
	revocationSlack = time.Minute
)

// revocationCheck asks Revocations, and remembers the answers for a moment so
// that a guarded request stays fast.
type revocationCheck struct {
	from   Revocations
	maxAge time.Duration
	scope  string // in front of every subject: two Auths may share them
	direct bool   // asking costs nothing
	calls  *bulkhead.Bulkhead
	latest atomic.Int64 // see latestOf

	mu sync.RWMutex
	// Two maps take turns: when the recent one is old or full, it becomes the older
	// one, whose entries are forgotten. Nothing is ever swept.
	recent, older map[heardKey]heard
	turned        time.Time
	revocations   int // by this process, after which no earlier answer counts
}

// heardKey names a session as sessionID does, without making a text of it.
type heardKey struct {
	subject string
	at      int64
	id      string // of the session; where nothing says it, of the token
	named   string // what the provider may end it by: two of one second may differ in it
}

func heardKeyOf(t *Token) heardKey {
	key := heardKey{subject: t.Subject, at: t.AuthTime.Unix(), id: t.sid}
	if t.sid == "" && (t.Subject == "" || t.AuthTime.IsZero()) {
		key.id = t.ID
	}
	if t.grant != nil {
		key.named = t.grant.Session
	}
	return key
}

// own is the key to be kept. The texts of an opened token are parts of one text, all
// of the session's claims, which the key must not hold in memory.
func (k heardKey) own() heardKey {
	return heardKey{strings.Clone(k.subject), k.at, strings.Clone(k.id), strings.Clone(k.named)}
}

// heard is what was last heard of a session's revocation.
type heard struct{ revoked, asked time.Time }

func newRevocationCheck(from Revocations, maxAge time.Duration, scope string) *revocationCheck {
	_, direct := from.(*memoryRevocations)
	return &revocationCheck{from: from, maxAge: maxAge, scope: scope, direct: direct, calls: newStoreCalls(), recent: map[heardKey]heard{}}
}

// check refuses a session that was revoked. A token that does not say when its
// person signed in, as next-auth's, is older than any revocation.
func (r *revocationCheck) check(ctx context.Context, t *Token, now time.Time) error {
	r.latestOf(now)
	return t.survives(r.revokedAt(ctx, t, now))
}

// checkNow is check that asks now, whatever was heard before: for what must not outlive
// a revocation by another process, not even for a moment.
func (r *revocationCheck) checkNow(ctx context.Context, t *Token) error {
	return t.survives(r.ask(ctx, t))
}

// survives refuses a token whose session a revocation ends.
func (t *Token) survives(revoked time.Time, err error) error {
	if err == nil && t.endedBy(revoked) {
		err = errSignedOut
	}
	return err
}

// endedBy reports whether a revocation ends a token's session; zero is none.
func (t *Token) endedBy(at time.Time) bool { return !at.IsZero() && !t.AuthTime.After(at) }

func (r *revocationCheck) revokedAt(ctx context.Context, t *Token, now time.Time) (time.Time, error) {
	if r.direct {
		return r.ask(ctx, t)
	}
	key := heardKeyOf(t)
	r.mu.RLock()
	last, ok := r.recent[key]
	if !ok {
		last, ok = r.older[key]
	}
	before := r.revocations
	r.mu.RUnlock()
	if age := now.Sub(last.asked); ok && age >= 0 && age < revocationDelay {
		return last.revoked, nil
	}
	at, err := r.ask(ctx, t)
	if err == nil {
		r.remember(key, heard{at, now}, before)
	}
	return at, err
}

// ask asks now, whatever was heard before.
func (r *revocationCheck) ask(ctx context.Context, t *Token) (time.Time, error) {
	subjects := make([]string, 0, 2)
	for _, s := range [...]string{personSubject(t), t.sessionID()} {
		if s != "" {
			subjects = append(subjects, s)
		}
	}
	return r.lookUp(ctx, append(subjects, grantSubjects(t.grant)...)...)
}

// lookUp asks for the latest revocation of any of the subjects.
func (r *revocationCheck) lookUp(ctx context.Context, subjects ...string) (time.Time, error) {
	if r.scope != "" {
		for i, s := range subjects {
			subjects[i] = r.scope + s
		}
	}
	if r.direct {
		return r.from.RevokedAt(ctx, subjects...)
	}
	secrets := subjects
	for _, s := range subjects {
		_, name, _ := strings.Cut(s, ":")
		secrets = append(secrets, name)
	}
	return bulkhead.Do(ctx, r.calls, func(ctx context.Context) (time.Time, error) {
		return r.from.RevokedAt(ctx, subjects...)
	}, secrets...)
}

// remember keeps an answer, unless this process has revoked something since it
// was asked for.
func (r *revocationCheck) remember(key heardKey, h heard, before int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revocations != before {
		return
	}
	if age := h.asked.Sub(r.turned); len(r.recent) >= maxHeard || age < 0 || age >= revocationDelay {
		r.recent, r.older = make(map[heardKey]heard, len(r.recent)), r.recent
		r.turned = h.asked
	}
	r.recent[key.own()] = h
}

// endUser revokes all sessions of a user that began until now.
func (r *revocationCheck) endUser(ctx context.Context, userID string, now time.Time) error {
	err := r.end(ctx, personSubject(&Token{Subject: userID}), now)
	r.forgetUser(userID)
	return err
}

// end revokes all sessions of a subject that began until now.
func (r *revocationCheck) end(ctx context.Context, subject string, now time.Time) error {
	before, err := r.lookUp(ctx, subject)
	if err != nil {
		return err
	}
	// auth_time counts in whole seconds, and admit puts who signs in after a
	// revocation into the second behind it, which may not have come yet.
	at := r.latestOf(now)
	if !before.Before(at) {
		at = before.Truncate(time.Second).Add(time.Second)
	}
	return r.revoke(ctx, subject, at, now)
}

// endSession revokes one session.
func (r *revocationCheck) endSession(ctx context.Context, t *Token, now time.Time) error {
	subject := t.sessionID()
	if subject == "" {
		return nil
	}
	err := r.revoke(ctx, subject, later(t.AuthTime, now.Truncate(time.Second)), now)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revocations++
	delete(r.recent, heardKeyOf(t))
	delete(r.older, heardKeyOf(t))
	return err
}

func (r *revocationCheck) revoke(ctx context.Context, subject string, at, now time.Time) error {
	life := r.maxAge
	if strings.HasPrefix(subject, personSubjects) { // it ends what browsers know of the person too
		life = max(life, limit.DeviceAge)
	}
	subject = r.scope + subject
	until := later(at, r.latestOf(now)).Add(life + revocationSlack)
	return bulkhead.Run(context.WithoutCancel(ctx), r.calls, func(ctx context.Context) error {
		return r.from.Revoke(ctx, subject, at, until)
	}, subject)
}

// latestOf is the latest second that this process has ever read from its clock, now
// included. A clock that was set back makes sessions of before look as if they
// began after now: a revocation must end these too, and be kept until they expire.
func (r *revocationCheck) latestOf(now time.Time) time.Time {
	second := now.Unix()
	for {
		latest := r.latest.Load()
		if second <= latest {
			return time.Unix(latest, 0)
		}
		if r.latest.CompareAndSwap(latest, second) {
			return time.Unix(second, 0)
		}
	}
}

// forgetUser forgets what was heard of the sessions of a user, so that this process
// does not go on believing it.
func (r *revocationCheck) forgetUser(userID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revocations++
	for _, known := range [...]map[heardKey]heard{r.recent, r.older} {
		maps.DeleteFunc(known, func(k heardKey, _ heard) bool { return k.subject == userID })
	}
}

// forgetAll forgets what was heard of all sessions.
func (r *revocationCheck) forgetAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revocations++
	clear(r.recent)
	clear(r.older)
}

// admit gives a new session a sign-in time that no revocation refuses: somebody
// who was signed out may sign in again within that second.
func (r *revocationCheck) admit(ctx context.Context, t *Token) error {
	r.latestOf(t.AuthTime)
	t.AuthTime = t.AuthTime.Truncate(time.Second)
	for range 60 { // each second may hold a session of theirs that was ended
		at, err := r.ask(ctx, t)
		if err != nil {
			return err
		}
		if at.IsZero() || t.AuthTime.After(at) {
			r.latestOf(t.AuthTime) // so that a revocation from now on ends it, too
			return nil
		}
		t.AuthTime = at.Truncate(time.Second).Add(time.Second)
	}
	return errors.New("ginauth: this person's sessions were ended up to a minute ahead")
}
