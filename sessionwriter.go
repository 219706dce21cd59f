package ginauth

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

// A renewedCookie is the session cookie that the answer to a request sets because its
// session was sealed again. Until the answer's header is written the person may sign
// out, or somebody else sign in, and then this answer must not bring the session back:
// so the cookie is taken out of the header again, at the last moment that a server has.
type renewedCookie struct {
	auth   *Auth
	c      *gin.Context
	base   origin.Base
	found  cookie.Session // the request's cookies
	token  Token
	sealed sessionstrategy.Cookie
	lines  []string // as the header has them
	ended  atomic.Bool
	forget func()
}

// renewCookie sets the cookie of a session that was sealed again as value, unless the
// session has ended by the time the header is written.
func (a *Auth) renewCookie(c *gin.Context, id *identity, found cookie.Session, base origin.Base, value string, expires time.Time) {
	r := id.renewed
	if r == nil {
		r = &renewedCookie{auth: a, c: c, base: base, found: found}
		r.forget = a.streams.add(&id.token, func() { r.ended.Store(true) })
		context.AfterFunc(c.Request.Context(), r.forget) // also where a handler panics
		c.Writer = &sessionWriter{c.Writer, r}
		id.renewed = r
	}
	r.token = id.token
	r.put(sessionstrategy.Cookie{Value: value, Expires: expires})
}

// put sets the cookie, in place of what the answer says of the session.
func (r *renewedCookie) put(s sessionstrategy.Cookie) {
	r.sealed = s
	r.lines = r.auth.putSession(r.c, s.Value, r.found, r.base, s.Expires)
}

// settle decides, before the header is written: it asks the memory of this process,
// and the store and the revocations where it is told to. A newer cookie of the session
// takes this one's place.
func (r *renewedCookie) settle(ctx context.Context, ask bool) {
	h := r.c.Writer.Header()
	gone := func(line string) bool { return !slices.Contains(h["Set-Cookie"], line) }
	if len(r.lines) == 0 || slices.ContainsFunc(r.lines, gone) {
		return // the handler signed out, or in, itself
	}
	if r.ended.Load() || ask && !r.auth.stands(ctx, r) {
		h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return slices.Contains(r.lines, line) })
		r.lines = nil
		return
	}
	if latest := r.auth.site(r.base).sessions.Latest(r.sealed); latest.Value != r.sealed.Value {
		r.put(latest)
	}
}

// stands reports whether the store and the revocations have the session still. Where
// they cannot tell, the browser keeps the cookie that it has.
func (a *Auth) stands(ctx context.Context, r *renewedCookie) bool {
	if a.opts.Session.Store != nil {
		if _, err := a.site(r.base).sessions.Open(ctx, r.sealed.Value); err != nil {
			return false
		}
	}
	if a.revoked == nil {
		return true
	}
	at, err := a.revoked.ask(ctx, &r.token)
	return err == nil && !r.token.endedBy(at)
}

// finish decides for an answer whose header nothing has written: gin writes it by the
// writer that it has made, past a sessionWriter.
func (r *renewedCookie) finish() {
	if !r.c.Writer.Written() {
		r.settle(r.c.Request.Context(), true)
	}
	r.forget()
}

// A sessionWriter lets a renewedCookie decide when the header is written.
type sessionWriter struct {
	gin.ResponseWriter
	cookie *renewedCookie
}

func (w *sessionWriter) settle() {
	if !w.Written() {
		w.cookie.settle(w.cookie.c.Request.Context(), true)
	}
}

// WriteHeader writes nothing yet, unless a middleware's own writer does so.
func (w *sessionWriter) WriteHeader(status int) {
	if !w.Written() {
		w.cookie.settle(w.cookie.c.Request.Context(), false)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *sessionWriter) WriteHeaderNow() {
	w.settle()
	w.ResponseWriter.WriteHeaderNow()
}

func (w *sessionWriter) Write(p []byte) (int, error) {
	w.settle()
	return w.ResponseWriter.Write(p)
}

func (w *sessionWriter) WriteString(s string) (int, error) {
	w.settle()
	return w.ResponseWriter.WriteString(s)
}

func (w *sessionWriter) Flush() {
	w.settle()
	w.ResponseWriter.Flush()
}

func (w *sessionWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.settle()
	return w.ResponseWriter.Hijack()
}

// Unwrap is for http.ResponseController.
func (w *sessionWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
