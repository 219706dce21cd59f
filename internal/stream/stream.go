// Package stream knows the open streams of each session in this process, and which
// sessions were signed out of a moment ago. It ends a stream by a function that it is
// handed. It knows nothing of requests and contexts, nor of when a session ends by
// itself.
package stream

import (
	"sync"

	"github.com/ginauth/ginauth/internal/revocation"
)

// Streams are the open streams of each session. Make them with New. They are safe for
// concurrent use.
//
// A stream that begins while its session is signed out of must not stay open. So a
// stream is registered first, and then it is asked whether its session has ended; a
// sign-out is remembered first, and then the session's streams are ended. Whichever
// of the two is later sees the other.
type Streams struct {
	signOuts *signOuts

	mu   sync.Mutex
	next int
	open map[string]map[int]stream // by the name of the session: see revocation.Session.ID
}

// A stream is whose it is and how to end it.
type stream struct {
	session revocation.Session
	end     func()
}

// New makes Streams, of which none is open.
func New() *Streams {
	return &Streams{signOuts: newSignOuts(), open: map[string]map[int]stream{}}
}

// SignedOut reports whether this process answered the sign-out of a session a moment
// ago. session is its name: revocation.Session.ID.
func (s *Streams) SignedOut(session string) bool { return s.signOuts.has(session) }

// Add remembers how to end a stream, until forget. It ends one whose session was
// signed out of a moment ago at once. end may be called several times, and must
// neither wait nor use the Streams.
func (s *Streams) Add(of revocation.Session, end func()) (forget func()) {
	session := of.ID()
	forget = s.register(session, stream{of, end})
	if s.signOuts.has(session) {
		forget()
		end()
	}
	return forget
}

func (s *Streams) register(session string, added stream) (forget func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	number := s.next
	if s.open[session] == nil {
		s.open[session] = map[int]stream{}
	}
	s.open[session][number] = added
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.open[session], number); len(s.open[session]) == 0 {
			delete(s.open, session)
		}
	}
}

// SignOut remembers that a session was signed out of, and ends its streams.
func (s *Streams) SignOut(session string) {
	if session == "" {
		return
	}
	s.signOuts.add(session)
	s.End(session)
}

// End ends the streams of a session.
func (s *Streams) End(session string) {
	if session == "" { // nothing tells one such session from another
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, open := range s.open[session] {
		open.end()
	}
}

// EndUser ends the streams of all sessions of a user.
func (s *Streams) EndUser(userID string) {
	s.EndFunc(func(of revocation.Session) bool { return of.Subject == userID })
}

// EndFunc ends the streams of the sessions for which ends is true.
func (s *Streams) EndFunc(ends func(revocation.Session) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.open {
		for _, open := range session {
			if ends(open.session) {
				open.end()
			}
		}
	}
}
