package stream

import (
	"strings"
	"sync"
	"time"

	"github.com/ginauth/ginauth/internal/recent"
)

const (
	// signOutLife is how long a sign-out is remembered at the least, unless a flood of
	// maxSignOuts others follows. A page that reconnects at once may still send the cookie
	// that the answer to the sign-out is about to delete, and a request that runs meanwhile
	// may wait for a slow service.
	signOutLife = time.Minute
	// maxSignOuts bounds the sign-outs that are remembered: there are at most twice as many.
	maxSignOuts = 1 << 15
)

// signOuts remember the names of sessions that were recently signed out.
type signOuts struct {
	mu       sync.RWMutex
	sessions *recent.Map[string, struct{}]
}

func newSignOuts() *signOuts {
	return &signOuts{sessions: recent.New[string, struct{}](signOutLife, maxSignOuts)}
}

func (s *signOuts) add(session string) {
	session = strings.Clone(session) // not a part of all of the session's claims
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.Put(session, struct{}{}, time.Now())
}

func (s *signOuts) has(session string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.sessions.Get(session)
	return ok
}
