package ginauth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/tokenset"
)

// ErrSessionEnded is the cause (context.Cause) of a SessionContext that ended
// with its session.
var ErrSessionEnded = errors.New("ginauth: the session ended")

// SessionContext is the context of a stream behind RequireSession: server-sent
// events or a WebSocket, which outlive the moment in which the session was
// checked. It ends with the request, when the session expires, and when the
// person signs out of it or it is ended by RevokeUser or EndSession, where this
// process does that; its cause is then ErrSessionEnded. Call stop when the stream
// is over. For nobody's session, and for one that was signed out of a moment ago,
// the context has ended already. A session without a subject cannot be told from
// others like it: its streams end with the request and when it expires.
//
// A session that other requests prolong ends its streams all the same when it
// would have expired without them: the page connects again and goes on with the
// session of that moment, as an EventSource does by itself.
func (a *Auth) SessionContext(c *gin.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(c.Request.Context())
	id := find(c)
	if id == nil {
		cancel(ErrSessionEnded)
		return ctx, func() {}
	}
	end := func() { cancel(ErrSessionEnded) }
	var timer *time.Timer
	if !id.session.Expires.IsZero() {
		timer = time.AfterFunc(id.session.Expires.Sub(a.opts.Now()), end)
	}
	forget := a.streams.add(&id.token, end)
	return ctx, func() {
		if timer != nil {
			timer.Stop()
		}
		forget()
		cancel(context.Canceled)
	}
}

// justEnded is how long a sign-out is remembered, at the least, unless a flood of
// maxJustEnded others follows it. A page that connects again at once may still send
// the cookie which the answer to the sign-out is about to delete, and a request under
// way then may have to wait for a slow service.
const justEnded = time.Minute

// maxJustEnded bounds the sign-outs that are remembered, twice over.
const maxJustEnded = 1 << 15

// streams are the open streams of each session, and what was signed out of a moment
// ago. Their keys are the names of sessions: see Token.sessionID.
type streams struct {
	mu   sync.Mutex
	next int
	open map[string]map[int]stream
	left signOuts
}

// signOuts remember sessions. Two maps take turns: when the recent one is old or full,
// it becomes the older one, whose entries are forgotten. Nothing is ever swept: each
// sign-out would go through all others of its minute.
type signOuts struct {
	recent, older map[string]bool
	turned        time.Time
}

func (s *signOuts) add(session string, now time.Time) {
	if now.Sub(s.turned) >= justEnded || len(s.recent) >= maxJustEnded {
		s.recent, s.older = map[string]bool{}, s.recent
		s.turned = now
	}
	s.recent[session] = true
}

func (s *signOuts) has(session string) bool { return s.recent[session] || s.older[session] }

// A stream is how to end one, whose it is, and by what its provider can end it.
type stream struct {
	end     func()
	subject string
	grant   *tokenset.Grant
}

func newStreams() *streams {
	return &streams{open: map[string]map[int]stream{}}
}

// ended reports whether this process answered the sign-out of a token's session a
// moment ago: with this token or any other of the session.
func (s *streams) ended(t *Token) bool {
	session := t.sessionID()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left.has(session)
}

// add remembers how to end a stream, until forget.
func (s *streams) add(t *Token, end func()) (forget func()) {
	session := t.sessionID()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left.has(session) {
		end()
		return func() {}
	}
	s.next++
	number := s.next
	if s.open[session] == nil {
		s.open[session] = map[int]stream{}
	}
	s.open[session][number] = stream{end, t.Subject, t.grant}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.open[session], number); len(s.open[session]) == 0 {
			delete(s.open, session)
		}
	}
}

// endAll ends the streams of all sessions of a user.
func (s *streams) endAll(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, open := range s.open {
		for _, s := range open {
			if s.subject == userID {
				s.end()
			}
		}
	}
}

// endGrants ends the streams of sessions whose grant matches.
func (s *streams) endGrants(match func(*tokenset.Grant) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, open := range s.open {
		for _, s := range open {
			if match(s.grant) {
				s.end()
			}
		}
	}
}

// leave ends the streams of a session that was signed out of, and remembers the
// sign-out.
func (s *streams) leave(t *Token) {
	session := strings.Clone(t.sessionID()) // not a part of all of the session's claims
	if session == "" {
		return
	}
	s.mu.Lock()
	s.left.add(session, time.Now())
	s.mu.Unlock()
	s.end(session)
}

// end ends the streams of a session.
func (s *streams) end(session string) {
	if session == "" { // nothing tells one such session from another
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, s := range s.open[session] {
		s.end()
	}
}
