package ginauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/redact"
)

// A SessionLocker is a SessionStore for several processes that lets one of them
// at a time work on a session, for SessionOptions.KeepTokens: a refresh token is
// good for one use, and two processes that use it at once may lose the session's
// tokens. The store of package redisstore is one. With a store that is none, only
// the requests of one process wait for each other.
type SessionLocker interface {
	SessionStore
	// Lock waits until nobody holds the lock of that name, which is any text, and
	// takes it until release is called, once or more often. After 15 seconds it
	// may give the lock to the next: a process that dies holds up nobody. The
	// error is the context's when that ends first, or the store's.
	Lock(ctx context.Context, name string) (release func(), err error)
}

const (
	// renewWait is how long a request waits for the renewal by another process: as
	// long as a lock may last.
	renewWait = 16 * time.Second
	// writeWait is how long it waits until another has written the session.
	writeWait = 2 * storeTimeout
)

// lockSession takes a lock of this process, and the store's of that name where it has
// some. Its error is errUnavailable.
func (a *Auth) lockSession(ctx context.Context, name string, wait time.Duration) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	here, err := a.locks.Enter(ctx, name, 1)
	if err != nil {
		return nil, fmt.Errorf("%w: its lock: %w", errUnavailable, err)
	}
	locker, ok := a.opts.Session.Store.(SessionLocker)
	if !ok {
		return here, nil
	}
	everywhere, err := bulkhead.Wait(ctx, a.storeCalls, func(ctx context.Context) (func(), error) {
		release, err := locker.Lock(ctx, name)
		if err == nil && ctx.Err() != nil { // nobody waits for it any more
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
		return nil, fmt.Errorf("%w: its lock: %w", errUnavailable, redact.Error(err, name))
	}
	return func() { everywhere(); here() }, nil
}
