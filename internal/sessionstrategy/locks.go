package sessionstrategy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/redact"
)

// Locks let one request at a time work on a session: one of this process, and one of
// all processes where the store has locks. Make them with NewLocks. They are safe for
// concurrent use.
type Locks struct {
	here        limit.Gates
	everywhere  locker // nil: the store has no locks
	calls       *bulkhead.Bulkhead
	unavailable error
}

// A locker is a store with locks. Its contract is the one of ginauth.SessionLocker.
type locker interface {
	Lock(ctx context.Context, name string) (release func(), err error)
}

// NewLocks makes the locks of the sessions in store, which is nil without one. calls
// stands before the store.
func NewLocks(store Store, calls *bulkhead.Bulkhead, errs Errors) *Locks {
	everywhere, _ := store.(locker)
	return &Locks{everywhere: everywhere, calls: calls, unavailable: errs.Unavailable}
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
