package ginauth

import (
	"crypto/sha256"
	"sync"
	"time"
)

// successors remember for a moment which session cookie this process sealed in place
// of which: a browser may have sent requests with the older one, whose answers must
// not undo what the newer one says.
type successors struct {
	mu sync.Mutex
	// Two maps take turns, as those of signOuts do.
	recent, older map[cookieSum]sealed
	size          int // of the cookies in recent, in bytes
	turned        time.Time
}

// A cookieSum stands for a session cookie's value, which is up to 45 KB long.
type cookieSum [sha256.Size]byte

func sumOf(value string) cookieSum { return sha256.Sum256([]byte(value)) }

// sealed is a session cookie's value, and when its session ends.
type sealed struct {
	value   string
	expires time.Time
}

// maxSuccessors bounds the cookies that are remembered, in bytes and twice over.
const maxSuccessors = 16 << 20

func newSuccessors() *successors {
	return &successors{recent: map[cookieSum]sealed{}, turned: time.Now()}
}

// replace puts next in a cookie's place, and is false where another is there.
func (s *successors) replace(value string, next sealed) bool {
	sum, now := sumOf(value), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.next(sum); ok {
		return false
	}
	if now.Sub(s.turned) >= justEnded || s.size >= maxSuccessors {
		s.recent, s.older = map[cookieSum]sealed{}, s.recent
		s.size, s.turned = 0, now
	}
	s.recent[sum] = next
	s.size += len(next.value)
	return true
}

// latest is what is in a cookie's place by now, and its own value where nothing is.
func (s *successors) latest(c sealed) sealed {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next, ok := s.next(sumOf(c.value))
		if !ok {
			return c
		}
		c = next
	}
}

func (s *successors) next(sum cookieSum) (sealed, bool) {
	next, ok := s.recent[sum]
	if !ok {
		next, ok = s.older[sum]
	}
	return next, ok
}
