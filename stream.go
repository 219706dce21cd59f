package ginauth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
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

// A sessionKey names a session through all its sealings: who signed in, and when.
type sessionKey struct {
	subject string
	at      int64
}

func sessionOf(t *Token) sessionKey { return sessionKey{t.Subject, t.AuthTime.Unix()} }

// own is the key to be kept. The texts of an opened token are parts of one text, all
// of the session's claims, which the key must not hold in memory.
func (k sessionKey) own() sessionKey { return sessionKey{strings.Clone(k.subject), k.at} }

// justEnded is how long a sign-out is remembered, at the least, unless a flood of
// maxJustEnded others follows it. A page that connects again at once may still send
// the cookie which the answer to the sign-out is about to delete, and a request under
// way then may have to wait for a slow service.
const justEnded = time.Minute

// maxJustEnded bounds the sign-outs that are remembered, twice over.
const maxJustEnded = 1 << 15

// streams are the open streams of each session, and what was signed out of a moment
// ago.
type streams struct {
	mu   sync.Mutex
	next int
	open map[sessionKey]map[int]stream
	gone signOuts[string]     // by the ID of the token
	left signOuts[sessionKey] // by the session

	count atomic.Uint64 // how many sign-outs there have been
}

// signOuts remember the number that each had. Two maps take turns: when the recent one
// is old or full, it becomes the older one, whose entries are forgotten. Nothing is
// ever swept: each sign-out would go through all others of its minute.
type signOuts[K comparable] struct {
	recent, older map[K]uint64
	turned        time.Time
}

func (s *signOuts[K]) add(key K, number uint64, now time.Time) {
	if now.Sub(s.turned) >= justEnded || len(s.recent) >= maxJustEnded {
		s.recent, s.older = map[K]uint64{}, s.recent
		s.turned = now
	}
	s.recent[key] = number
}

// find is the number of the last sign-out of a key: 0 for none.
func (s *signOuts[K]) find(key K) uint64 {
	return max(s.recent[key], s.older[key])
}

// A stream is how to end one, and by what its provider can.
type stream struct {
	end   func()
	grant *grant
}

func newStreams() *streams {
	return &streams{open: map[sessionKey]map[int]stream{}}
}

// ended reports whether a request with the token t, which began when there had been
// so many sign-outs, has been overtaken by the sign-out, where this process answered
// that. The sign-out may have come with a later token of the session. A session that
// the person began in the same second has the same key, so that of the key only
// requests under way at the sign-out know.
func (s *streams) ended(t *Token, signOuts uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone.find(t.ID) > 0 || s.left.find(sessionOf(t)) > signOuts
}

// add remembers how to end a stream, until forget.
func (s *streams) add(t *Token, end func()) (forget func()) {
	key := sessionOf(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone.find(t.ID) > 0 {
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

// leave ends the streams of a session that was signed out of with a token, and
// remembers the sign-out.
func (s *streams) leave(t *Token) {
	now, key := time.Now(), sessionOf(t).own()
	s.mu.Lock()
	number := s.count.Add(1)
	if t.ID != "" {
		s.gone.add(strings.Clone(t.ID), number, now)
	}
	if key.subject != "" && !t.AuthTime.IsZero() { // without these, several sessions are one
		s.left.add(key, number, now)
	}
	s.mu.Unlock()
	s.end(key)
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
