// Package bulkhead bounds calls of what may hang: a session store, a database, a
// mail server. A call ends for its caller in time whether or not the driver
// heeds its context, and one dependency that hangs takes a bounded share of the
// process. The package knows nothing of what is called.
package bulkhead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ginauth/ginauth/internal/redact"
)

// MaxCalls bounds the calls of one dependency that are under way. A call that
// hangs and ignores its context keeps a goroutine.
const MaxCalls = 512

var (
	// ErrSlow says that a call did not return in time.
	ErrSlow     = errors.New("it did not answer in time")
	errPanicked = errors.New("it panicked")
)

// A Bulkhead stands before the calls of one dependency. Make one with New. It is
// safe for concurrent use.
type Bulkhead struct {
	places   chan struct{} // one for each call under way; nil: see Direct
	timeout  time.Duration
	fault    error
	contract []error
}

// New makes the bulkhead of a dependency. Do waits for a call no longer than
// timeout. An error that is one of contract is returned as that one; any other
// wraps fault.
func New(timeout time.Duration, fault error, contract ...error) *Bulkhead {
	return &Bulkhead{make(chan struct{}, MaxCalls), timeout, fault, contract}
}

// Direct makes the bulkhead of a dependency that ends its calls with their contexts. A
// call then runs in its caller's goroutine, which costs less, and none can be left over.
func Direct(timeout time.Duration, fault error, contract ...error) *Bulkhead {
	return &Bulkhead{nil, timeout, fault, contract}
}

// Do calls a dependency, and waits no longer than the bulkhead's timeout and the
// context allow. Its error is without the secrets: a session's handle in the log
// would be a session for anyone who reads the log.
func Do[T any](ctx context.Context, b *Bulkhead, call func(context.Context) (T, error), secrets ...string) (T, error) {
	bounded, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	value, err := Wait(bounded, b, call)
	if err == nil {
		return value, nil
	}
	for _, known := range b.contract {
		if errors.Is(err, known) {
			return value, known
		}
	}
	switch {
	case ctx.Err() != nil: // the caller has gone
		err = ctx.Err()
	case bounded.Err() != nil:
		err = ErrSlow
	}
	return value, fmt.Errorf("%w: %w", b.fault, redact.Error(err, secrets...))
}

// Run is Do for calls that return an error alone.
func Run(ctx context.Context, b *Bulkhead, call func(context.Context) error, secrets ...string) error {
	_, err := Do(ctx, b, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, call(ctx)
	}, secrets...)
	return err
}

// Wait runs a call in a goroutine of its own, which continues until the call
// returns, and itself returns when the context ends at the latest. Its error is
// the call's own or the context's. Direct's bulkheads leave the goroutine out.
func Wait[T any](ctx context.Context, b *Bulkhead, call func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if b.places == nil {
		return direct(ctx, call)
	}
	select {
	case b.places <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-b.places }()
		r := result{err: errPanicked}
		defer func() {
			_ = recover() // the driver's fault must not end the process
			done <- r
		}()
		value, err := call(ctx)
		r = result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// direct is a call in its caller's goroutine.
func direct[T any](ctx context.Context, call func(context.Context) (T, error)) (value T, err error) {
	if err := ctx.Err(); err != nil {
		return value, err
	}
	err = errPanicked
	defer func() { _ = recover() }() // the driver's fault must not end the process
	return call(ctx)
}
