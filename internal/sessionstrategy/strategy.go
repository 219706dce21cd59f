// Package sessionstrategy keeps session tokens between requests: sealed in their
// cookies, or in a store with a handle in the cookie. It knows which cookie took the
// place of which, whose record is whose in a shared store, and how two writers of one
// session are kept apart. It does not know what a token says, nor requests.
package sessionstrategy

import (
	"bytes"
	"context"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/token"
)

// A Strategy is where session tokens are kept between requests. value is what the
// session cookie holds.
type Strategy interface {
	// Open reads what value leads to.
	Open(ctx context.Context, value string) (Record, error)
	// Create keeps a new session's token.
	Create(ctx context.Context, userID string, payload []byte, expires time.Time) (value string, err error)
	// Replace keeps a session's token in place of before, the record that value led
	// to. The error is Errors.Conflict where value leads to another by now, and
	// Errors.NotFound where it leads to none. session names the session.
	Replace(ctx context.Context, session, value string, before Record, payload []byte, expires time.Time) (newValue string, err error)
	// Latest is the cookie that this process set in place of c; c itself where it set
	// none.
	Latest(c Cookie) Cookie
	// Remove ends a session, if the strategy can.
	Remove(ctx context.Context, value string) error
}

// A Record is what a strategy has of a session.
type Record struct {
	Payload []byte // the token's
	Data    []byte // what a store keeps, as it returned it; nil without one
	Current bool   // it is kept as it would be now
}

// Errors are the errors by which a caller tells what happened.
type Errors struct {
	NotFound    error
	Conflict    error
	Unavailable error // wrapped where nothing can be told
}

// inCookie seals tokens into the cookie itself. It keeps nothing except what was
// sealed a moment ago.
type inCookie struct {
	ring       *token.Keyring
	successors *Successors
	conflict   error
}

// InCookie seals tokens into their cookies.
func InCookie(ring *token.Keyring, successors *Successors, errs Errors) Strategy {
	return &inCookie{ring, successors, errs.Conflict}
}

func (s *inCookie) Open(_ context.Context, value string) (r Record, err error) {
	r.Payload, r.Current, err = s.ring.Open(value)
	return r, err
}

func (s *inCookie) Create(_ context.Context, _ string, payload []byte, _ time.Time) (string, error) {
	return s.ring.Seal(payload), nil
}

func (s *inCookie) Replace(_ context.Context, _, value string, _ Record, payload []byte, expires time.Time) (string, error) {
	next := Cookie{s.ring.Seal(payload), expires}
	if !s.successors.replace(value, next) {
		return "", s.conflict
	}
	return next.Value, nil
}

func (s *inCookie) Latest(c Cookie) Cookie { return s.successors.latest(c) }

func (s *inCookie) Remove(context.Context, string) error { return nil }

// A Store keeps data under handles that it makes. Its contract is the one of
// ginauth.SessionStore. It may have UpdateIf, as a ginauth.CompareStore has.
type Store interface {
	Create(ctx context.Context, userID string, data []byte, expires time.Time) (handle string, err error)
	Get(ctx context.Context, handle string) (data []byte, err error)
	Update(ctx context.Context, handle string, data []byte, expires time.Time) (newHandle string, err error)
	Delete(ctx context.Context, handle string) error
}

// A comparer is a store that replaces what is kept only while that is old.
type comparer interface {
	UpdateIf(ctx context.Context, handle string, old, data []byte, expires time.Time) (newHandle string, err error)
}

// inStore keeps tokens in a Store. Its changes are carried through even where the
// browser disconnects meanwhile: a person who closes the tab at the moment of signing
// out is signed out.
//
// Two Auths may share a store, say the one of the customers and the one of the staff.
// So each record says whose it is, and is none of the other's, whatever cookie brings
// its handle.
type inStore struct {
	store    Store
	compares comparer // nil: the store compares nothing
	calls    *bulkhead.Bulkhead
	locks    *Locks
	of       Namespace
	errs     Errors
}

// InStore keeps tokens in a store. calls stands before the store, and returns the
// NotFound and Conflict of errs as they are.
func InStore(store Store, calls *bulkhead.Bulkhead, locks *Locks, of Namespace, errs Errors) Strategy {
	compares, _ := store.(comparer)
	return &inStore{store, compares, calls, locks, of, errs}
}

const (
	// maxHandle is the longest handle, in bytes, that is asked for: as long as one
	// cookie can be.
	maxHandle = 4096
	// writeWait is how long a request waits until another one has written the session:
	// for two calls of the store.
	writeWait = 4 * time.Second
)

func (s *inStore) Open(ctx context.Context, value string) (Record, error) {
	if value == "" || len(value) > maxHandle {
		return Record{}, s.errs.NotFound
	}
	data, err := bulkhead.Do(ctx, s.calls, func(ctx context.Context) ([]byte, error) {
		return s.store.Get(ctx, value)
	}, value)
	if err != nil {
		return Record{}, err
	}
	kept, ours := s.of.Unwrap(data)
	if !ours {
		return Record{}, s.errs.NotFound
	}
	s.locks.others.saw(kept)
	return Record{kept.Claims, data, true}, nil
}

func (s *inStore) Create(ctx context.Context, userID string, payload []byte, expires time.Time) (string, error) {
	return bulkhead.Do(context.WithoutCancel(ctx), s.calls, func(ctx context.Context) (string, error) {
		return s.store.Create(ctx, s.of.Owner(userID), s.of.wrap(born()+s.locks.others.mark(), payload), expires)
	})
}

func (s *inStore) Replace(ctx context.Context, session, value string, before Record, payload []byte, expires time.Time) (string, error) {
	if s.compares == nil {
		release, err := s.locks.Lock(ctx, "write:"+session, writeWait)
		if err != nil {
			return "", err
		}
		defer release()
		now, err := s.Open(ctx, value)
		if err == nil && !bytes.Equal(now.Data, before.Data) {
			err = s.errs.Conflict
		}
		if err != nil {
			return "", err
		}
	}
	return bulkhead.Do(context.WithoutCancel(ctx), s.calls, func(ctx context.Context) (string, error) {
		if s.compares != nil {
			return s.compares.UpdateIf(ctx, value, before.Data, s.of.wrap("", payload), expires)
		}
		return s.store.Update(ctx, value, s.of.wrap(s.locks.others.mark(), payload), expires)
	}, value)
}

// Latest is c: a store has the latest token under its handle.
func (s *inStore) Latest(c Cookie) Cookie { return c }

func (s *inStore) Remove(ctx context.Context, value string) error {
	if value == "" || len(value) > maxHandle {
		return nil
	}
	return bulkhead.Run(context.WithoutCancel(ctx), s.calls, func(ctx context.Context) error {
		return s.store.Delete(ctx, value)
	}, value)
}
