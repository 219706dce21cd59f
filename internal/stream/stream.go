// Package stream holds the open streams of each session in this process, and remembers
// recent sign-outs. It ends a stream by calling a function that it was given. It does
// not know requests or contexts, nor when a session expires.
package stream

import (
	"sync"

	"github.com/ginauth/ginauth/internal/revocation"
)

// Streams are the open streams of each session. Make them with New. They are safe for
// concurrent use.
//
// A stream that begins during the sign-out of its session must not stay open. So Add
// registers the stream first and then asks for a sign-out, and SignOut remembers the
// sign-out first and then ends the streams. Whichever comes later sees the other.
type Streams struct {
	signOuts *signOuts

	mu   sync.Mutex
	next int
	open map[string]map[int]stream // by the name of the session: see revocation.Session.ID
}

// A stream is one open stream: the session it belongs to, and how to end it.
type stream struct {
	session revocation.Session
	end     func()
}

// New makes Streams, of which none is open.
func New() *Streams {
	return &Streams{signOuts: newSignOuts(), open: map[string]map[int]stream{}}
}

// SignedOut reports whether this process recently answered the sign-out of a session, by
// its name (revocation.Session.ID).
func (s *Streams) SignedOut(session string) bool { return s.signOuts.has(session) }

// Add registers a stream until forget is called. If its session was recently signed out,
// the stream ends at once. end may be called several times; it must not block, nor use
// the Streams.
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

// SignOut remembers the sign-out of a session, and ends its streams.
func (s *Streams) SignOut(session string) {
	if session == "" {
		return
	}
	s.signOuts.add(session)
	s.End(session)
}

// End ends the streams of a session.
func (s *Streams) End(session string) {
	if session == "" { // sessions without a name cannot be told apart
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
