package ginauth

import "sync"

// maxTakeovers bounds the users of whom it is remembered that they were taken over.
const maxTakeovers = 1024

// takeovers count the users whose password was deleted because somebody proved their
// address, so that a sign-in under way, whose password was found right before that, is
// told apart from one that began afterwards. It is for one process: in another, what
// confirm reads has to do.
type takeovers struct {
	mu        sync.Mutex
	last      uint64
	of        map[string]uint64 // by user
	forgotten uint64            // of these it is not remembered whose they were
}

// now is for a sign-in that begins.
func (t *takeovers) now() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

func (t *takeovers) add(userID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.of) >= maxTakeovers {
		t.of, t.forgotten = nil, t.last
	}
	if t.of == nil {
		t.of = map[string]uint64{}
	}
	t.last++
	t.of[userID] = t.last
}

// since reports whether a user was taken over after a sign-in began, or may have been.
func (t *takeovers) since(userID string, began uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[userID] > began || t.forgotten > began
}
