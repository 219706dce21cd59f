package ginauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
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
// the context has ended already.
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

// A sessionKey names a session through all its sealings: who signed in, and when.
type sessionKey struct {
	subject string
	at      int64
}

func sessionOf(t *Token) sessionKey { return sessionKey{t.Subject, t.AuthTime.Unix()} }

// justEnded is how long after a sign-out its session opens no stream. A page that
// connects again at once may still send the cookie which the answer to the
// sign-out is about to delete.
const justEnded = 10 * time.Second

// ended reports whether somebody signed out with a token a moment ago, where this
// process answered that.
func (s *streams) ended(tokenID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.gone[tokenID]
	return ok && time.Since(at) < justEnded
}

// streams are the open streams of each session.
type streams struct {
	mu   sync.Mutex
	next int
	open map[sessionKey]map[int]stream
	gone map[string]time.Time // IDs of tokens signed out with, no longer than justEnded ago
}

// A stream is how to end one, and by what its provider can.
type stream struct {
	end   func()
	grant *grant
}

func newStreams() *streams {
	return &streams{open: map[sessionKey]map[int]stream{}, gone: map[string]time.Time{}}
}

// add remembers how to end a stream, until forget.
func (s *streams) add(t *Token, end func()) (forget func()) {
	key := sessionOf(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.gone[t.ID]; ok && time.Since(at) < justEnded {
		end()
		return func() {}
	}
	s.next++
	number := s.next
	if s.open[key] == nil {
		s.open[key] = map[int]stream{}
	}
	s.open[key][number] = stream{end, t.grant}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if delete(s.open[key], number); len(s.open[key]) == 0 {
			delete(s.open, key)
		}
	}
}

// endAll ends the streams of all sessions of a user.
func (s *streams) endAll(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, open := range s.open {
		if key.subject == userID {
			for _, s := range open {
				s.end()
			}
		}
	}
}

// endGrants ends the streams of sessions whose grant matches.
func (s *streams) endGrants(match func(*grant) bool) {
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

// leave ends the streams of a session that was signed out of with a token.
func (s *streams) leave(t *Token) {
	s.mu.Lock()
	for other, at := range s.gone {
		if time.Since(at) >= justEnded {
			delete(s.gone, other)
		}
	}
	if t.ID != "" {
		s.gone[t.ID] = time.Now()
	}
	s.mu.Unlock()
	s.end(sessionOf(t))
}

// end ends the streams of a session.
func (s *streams) end(key sessionKey) {
	if key.subject == "" { // nothing tells one such session from another
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, s := range s.open[key] {
		s.end()
	}
}
