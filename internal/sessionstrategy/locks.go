package sessionstrategy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/token"
)

// Locks let one request at a time work on a session: one of this process, and one of
// all processes where the store has locks. Make them with NewLocks. They are safe for
// concurrent use.
type Locks struct {
	here        limit.Gates
	everywhere  locker // nil: the store has no locks
	calls       *bulkhead.Bulkhead
	unavailable error
	others      others
}

// others find out whether another process writes to a store that neither compares nor
// locks: then an update of one may undo the other's. Each record says who wrote it and
// when.
type others struct {
	notice  func() // nil: the store takes care of it
	self    string
	started time.Time
}

// overlap is how long a process may go on after its successor has begun, and how far
// their clocks may be apart.
const overlap = time.Minute

// mark is what a record says of its writer, as members of a JSON object.
func (o *others) mark() string {
	if o.notice == nil {
		return ""
	}
	return `"writer":"` + o.self + `","at":` + strconv.FormatInt(time.Now().Unix(), 10) + ","
}

// saw looks at a record, and gives notice where another process wrote it of late.
func (o *others) saw(s Stored) {
	if o.notice != nil && s.Writer != "" && s.Writer != o.self && time.Unix(s.At, 0).After(o.started.Add(overlap)) {
		o.notice()
	}
}

// A locker is a store with locks. Its contract is the one of ginauth.SessionLocker.
type locker interface {
	Lock(ctx context.Context, name string) (release func(), err error)
}

// NewLocks makes the locks of the sessions in store, which is nil without one. calls
// stands before the store. notice is called where another process writes to a store
// that neither compares nor locks, at each request that finds it so.
func NewLocks(store Store, calls *bulkhead.Bulkhead, errs Errors, notice func()) *Locks {
	everywhere, _ := store.(locker)
	l := &Locks{everywhere: everywhere, calls: calls, unavailable: errs.Unavailable}
	if _, compares := store.(comparer); !compares && everywhere == nil {
		l.others = others{notice, token.Random()[:12], time.Now()}
	}
	return l
}

// Lock takes a lock of this process, and the store's of that name where it has locks.
// It waits at most that long for both. Its error wraps Errors.Unavailable.
func (l *Locks) Lock(ctx context.Context, name string, wait time.Duration) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	here, err := l.here.Enter(ctx, name, 1)
	if err != nil {
		return nil, fmt.Errorf("%w: its lock: %w", l.unavailable, err)
	}
	if l.everywhere == nil {
		return here, nil
	}
	everywhere, err := bulkhead.Wait(ctx, l.calls, func(ctx context.Context) (func(), error) {
		release, err := l.everywhere.Lock(ctx, name)
		if err == nil && ctx.Err() != nil { // no request waits for it any more
			release()
			return nil, ctx.Err()
		}
		return release, err
	})
	if err != nil {
		here()
		if errors.Is(err, context.DeadlineExceeded) {
			err = bulkhead.ErrSlow
		}
		return nil, fmt.Errorf("%w: its lock: %w", l.unavailable, redact.Error(err, name))
	}
	return func() { everywhere(); here() }, nil
}
