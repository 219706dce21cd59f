package limit

import (
	"context"
	"sync"
)

// Gates let a few attempts of each key through at a time, in their order. They
// hold nothing of a key that nobody attempts. The zero value is ready, and safe
// for concurrent use.
type Gates struct {
	mu   sync.Mutex
	open map[string]*gate
}

type gate struct {
	places chan struct{}
	users  int // within and before it
}

// Enter waits until fewer than n are within the gate of a key, or for the
// context's end, whose error it returns. leave must be called once.
func (g *Gates) Enter(ctx context.Context, key string, n int) (leave func(), err error) {
	g.mu.Lock()
	if g.open == nil {
		g.open = map[string]*gate{}
	}
	at := g.open[key]
	if at == nil {
		at = &gate{places: make(chan struct{}, n)}
		g.open[key] = at
	}
	at.users++
	g.mu.Unlock()

	gone := func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if at.users--; at.users == 0 {
			delete(g.open, key)
		}
	}
	select {
	case at.places <- struct{}{}:
		return func() { <-at.places; gone() }, nil
	case <-ctx.Done():
		gone()
		return nil, ctx.Err()
	}
}

// Len is how many keys are attempted just now.
func (g *Gates) Len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}
