// Package replay runs a function once for many callers that bring the same key, and
// remembers its result for a while: an OAuth callback that a browser sends twice, and
// the requests that need the same renewed tokens. It knows neither of them, only keys,
// results and times.
package replay

import (
	"context"
	"sync"
	"time"
)

// Results remember what functions returned, by the key of each. They hold a bounded
// number: when one is forgotten, its function runs again. Make them with New. They are
// safe for concurrent use.
type Results[T any] struct {
	mu      sync.Mutex
	entries map[string]*entry[T]
	limit   int
}

type entry[T any] struct {
	done    chan struct{}
	result  T
	expires time.Time
}

// New remembers at most limit results.
func New[T any](limit int) *Results[T] {
	return &Results[T]{entries: map[string]*entry[T]{}, limit: limit}
}

// Do runs fn for the first caller of a key and returns the same result to every
// further one until expires. Callers that come meanwhile wait for the first, no
// longer than ctx allows: then the result is zero.
func (r *Results[T]) Do(ctx context.Context, key string, now, expires time.Time, fn func() T) T {
	r.mu.Lock()
	if e, ok := r.entries[key]; ok && (now.Before(e.expires) || e.running()) {
		r.mu.Unlock()
		select {
		case <-e.done:
			return e.result
		case <-ctx.Done():
			var zero T
			return zero
		}
	}
	e := &entry[T]{done: make(chan struct{}), expires: expires}
	r.makeRoom(now)
	r.entries[key] = e
	r.mu.Unlock()

	defer close(e.done) // also when fn panics: no caller waits without end
	e.result = fn()
	return e.result
}

// Forget drops the results that match, for instance those of a session that has ended.
func (r *Results[T]) Forget(match func(T) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.entries {
		if !e.running() && match(e.result) {
			delete(r.entries, key)
		}
	}
}

// running reports whether the first caller has no result yet. Such an entry is
// never dropped: otherwise fn could run twice.
func (e *entry[T]) running() bool {
	select {
	case <-e.done:
		return false
	default:
		return true
	}
}

func (r *Results[T]) makeRoom(now time.Time) {
	if len(r.entries) < r.limit {
		return
	}
	oldest, at := "", time.Time{}
	for key, e := range r.entries {
		switch {
		case e.running():
		case !now.Before(e.expires):
			delete(r.entries, key)
		case oldest == "" || e.expires.Before(at):
			oldest, at = key, e.expires
		}
	}
	if len(r.entries) >= r.limit {
		delete(r.entries, oldest)
	}
}
