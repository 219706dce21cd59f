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
// process does that; its cause is then ErrSessionEnded. Call stop when the stream is over. For nobody's session the
// context has ended already.
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
	forget := a.streams.add(sessionOf(&id.token), end)
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

// streams are the open streams of each session.
type streams struct {
	mu   sync.Mutex
	next int
	open map[sessionKey]map[int]func()
}

func newStreams() *streams { return &streams{open: map[sessionKey]map[int]func(){}} }

// add remembers how to end a stream, until forget.
func (s *streams) add(key sessionKey, end func()) (forget func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	number := s.next
	if s.open[key] == nil {
		s.open[key] = map[int]func(){}
	}
	s.open[key][number] = end
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
			for _, end := range open {
				end()
			}
		}
	}
}

// end ends the streams of a session.
func (s *streams) end(key sessionKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, end := range s.open[key] {
		end()
	}
}
