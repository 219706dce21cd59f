package ginauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/revocation"
)

// Revocations remember which sessions were ended before their time: a session
// whose sign-in is not later than a revocation of one of its subjects is
// refused, wherever it is kept. A subject is opaque: it stands for a person, or
// for one session of theirs. MemoryRevocations are for one process, those of
// package redisstore for many.
//
// Its methods are called by many requests at once. Each call is waited for two
// seconds, and should end with its context. While they fail, guarded requests are
// answered with 503.
type Revocations interface {
	// Revoke ends what began at or before at. The entry may be forgotten after
	// until: what it ends has expired by then. Neither time ever becomes earlier.
	Revoke(ctx context.Context, subject string, at, until time.Time) error
	// RevokedAt returns the latest revocation of any of the subjects, to the
	// second or better; zero where there is none.
	RevokedAt(ctx context.Context, subjects ...string) (time.Time, error)
}

// RevokeUser signs a person out everywhere: each session of theirs that began
// until now is refused from now on, in this process at once and in others within
// five seconds; streams of this process end (SessionContext). userID is the
// token's subject.
//
// It needs Session.Revocations or a Session.Store that finds a user's sessions,
// and uses what there is; ErrNotSupported where there is neither. An application
// that does not ask the revocations, such as Next.js beside this one, goes on
// believing a sealed session until it expires.
func (a *Auth) RevokeUser(ctx context.Context, userID string) error {
	if userID == "" {
		return errors.New("ginauth: RevokeUser needs the ID of a user")
	}
	store, listed := a.userStore()
	if a.revoked == nil && !listed {
		return fmt.Errorf("%w: RevokeUser needs Session.Revocations, for instance ginauth.MemoryRevocations(), or a Session.Store such as redisstore's", ErrNotSupported)
	}
	ctx = context.WithoutCancel(requestContext(ctx)) // half a sign-out everywhere would look like a whole one
	var faults []error
	if a.revoked != nil {
		faults = append(faults, a.revoked.EndUser(ctx, userID, a.opts.Now()))
	}
	if listed {
		faults = append(faults, bulkhead.Run(ctx, a.storeCalls, func(ctx context.Context) error {
			return store.DeleteUser(ctx, a.namespace.Owner(userID))
		}))
	}
	a.streams.EndUser(userID)
	return errors.Join(faults...)
}

// MemoryRevocations remember in this process alone: for an application that runs
// as one. They are forgotten when it ends.
func MemoryRevocations() Revocations {
	return revocation.NewMemory()
}
