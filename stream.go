package ginauth

import (
	"context"
	"errors"
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
	forget := a.streams.Add(id.token.revocable(), end)
	return ctx, func() {
		if timer != nil {
			timer.Stop()
		}
		forget()
		cancel(context.Canceled)
	}
}
