package oauth

import (
	"context"
	"sync"
	"time"
)

// A Replay remembers the results of transactions, so that a callback that comes
// twice, by a double click or a reload, runs once and is answered alike. It
// holds a bounded number of them; when one is forgotten, the provider's
// one-time code still decides.
type Replay[T any] struct {
	mu      sync.Mutex
	entries map[string]*replayed[T]
	limit   int
}

type replayed[T any] struct {
	done    chan struct{}
	result  T
	expires time.Time
}

// NewReplay remembers at most limit results.
func NewReplay[T any](limit int) *Replay[T] {
	return &Replay[T]{entries: map[string]*replayed[T]{}, limit: limit}
}

// Do runs fn for a key's first callback and returns the same result for every
// further one until expires. Callbacks that come meanwhile wait for the first, no
// longer than ctx allows: then the result is zero.
func (r *Replay[T]) Do(ctx context.Context, key string, now, expires time.Time, fn func() T) T {
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
	e := &replayed[T]{done: make(chan struct{}), expires: expires}
	r.makeRoom(now)
	r.entries[key] = e
	r.mu.Unlock()

	defer close(e.done) // also when fn panics: nobody may wait for ever
	e.result = fn()
	return e.result
}

// Forget drops the results that match: what they led to has ended.
func (r *Replay[T]) Forget(match func(T) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.entries {
		if !e.running() && match(e.result) {
			delete(r.entries, key)
		}
	}
}

// running reports whether the first callback has no result yet. Such an entry is
// never dropped: else its callback could run twice.
func (e *replayed[T]) running() bool {
	select {
	case <-e.done:
		return false
	default:
		return true
	}
}

func (r *Replay[T]) makeRoom(now time.Time) {
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
