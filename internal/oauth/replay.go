package oauth

import (
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

// Do runs fn for a state's first callback and returns the same result for every
// further one until expires. Callbacks that come meanwhile wait for the first.
func (r *Replay[T]) Do(state string, now, expires time.Time, fn func() T) T {
	r.mu.Lock()
	if e, ok := r.entries[state]; ok && now.Before(e.expires) {
		r.mu.Unlock()
		<-e.done
		return e.result
	}
	e := &replayed[T]{done: make(chan struct{}), expires: expires}
	r.makeRoom(now)
	r.entries[state] = e
	r.mu.Unlock()

	defer close(e.done) // also when fn panics: nobody may wait for ever
	e.result = fn()
	return e.result
}

func (r *Replay[T]) makeRoom(now time.Time) {
	if len(r.entries) < r.limit {
		return
	}
	oldest, at := "", time.Time{}
	for state, e := range r.entries {
		if !now.Before(e.expires) {
			delete(r.entries, state)
			continue
		}
		if oldest == "" || e.expires.Before(at) {
			oldest, at = state, e.expires
		}
	}
	if len(r.entries) >= r.limit {
		delete(r.entries, oldest)
	}
}
