package linking

import "sync"

// maxTakeovers bounds the users of whom it is remembered that they were taken over.
const maxTakeovers = 1024

// Takeovers count the users whose password was deleted because somebody proved their
// address, so that a sign-in under way, whose password was found right before that, is
// told apart from one that began afterwards. They are of this process alone. The zero
// value is ready for use, by several at once.
type Takeovers struct {
	mu        sync.Mutex
	last      uint64
	of        map[string]uint64 // by user
	forgotten uint64            // of these it is not remembered whose they were
}

// Now is the moment for a sign-in that begins.
func (t *Takeovers) Now() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Add counts a user who was taken over.
func (t *Takeovers) Add(userID string) {
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

// Since reports whether a user was taken over after a sign-in began, or may have been.
func (t *Takeovers) Since(userID string, began uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[userID] > began || t.forgotten > began
}
