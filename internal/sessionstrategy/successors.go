package sessionstrategy

import (
	"crypto/sha256"
	"sync"
	"time"
)

// A Cookie is a session cookie's value, and when its session ends.
type Cookie struct {
	Value   string
	Expires time.Time
}

const (
	// successorsFor is how long a cookie's successor is remembered, at the least, unless
	// a flood of others follows it: a request under way may have to wait for a slow
	// service.
	successorsFor = time.Minute
	// maxSuccessors bounds the cookies that are remembered, in bytes and twice over.
	maxSuccessors = 16 << 20
)

// Successors remember for a moment which session cookie this process sealed in place
// of which: a browser may have sent requests with the older one, whose answers must
// not undo what the newer one says. Make them with NewSuccessors. They are safe for
// concurrent use.
type Successors struct {
	mu sync.Mutex
	// Two maps take turns: when the recent one is old or full, it becomes the older
	// one, whose entries are forgotten. Nothing is ever swept.
	recent, older map[cookieSum]Cookie
	size          int // of the cookies in recent, in bytes
	turned        time.Time
}

// A cookieSum stands for a session cookie's value, which is up to 45 KB long.
type cookieSum [sha256.Size]byte

func sumOf(value string) cookieSum { return sha256.Sum256([]byte(value)) }

// NewSuccessors remembers none yet.
func NewSuccessors() *Successors {
	return &Successors{recent: map[cookieSum]Cookie{}, turned: time.Now()}
}

// replace puts next in a cookie's place. It reports false where another is there.
func (s *Successors) replace(value string, next Cookie) bool {
	sum, now := sumOf(value), time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.next(sum); ok {
		return false
	}
	if now.Sub(s.turned) >= successorsFor || s.size >= maxSuccessors {
		s.recent, s.older = map[cookieSum]Cookie{}, s.recent
		s.size, s.turned = 0, now
	}
	s.recent[sum] = next
	s.size += len(next.Value)
	return true
}

// latest is what is in a cookie's place by now, and the cookie itself where nothing is.
func (s *Successors) latest(c Cookie) Cookie {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		next, ok := s.next(sumOf(c.Value))
		if !ok {
			return c
		}
		c = next
	}
}

func (s *Successors) next(sum cookieSum) (Cookie, bool) {
	next, ok := s.recent[sum]
	if !ok {
		next, ok = s.older[sum]
	}
	return next, ok
}
