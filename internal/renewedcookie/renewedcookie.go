// Package renewedcookie sets a session cookie at the last moment that a server has.
// It knows the writer of an answer, and the lines that it set itself. It does not know
// where sessions are kept, nor what a session is: it asks.
package renewedcookie

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/sessionstrategy"
)

// A Cookie is the session cookie that the answer to a request sets because its session
// was sealed again. Until the answer's header is written the person may sign out, or
// another person sign in, and then this answer must not bring the session back: so the
// cookie is taken out of the header again when the header is written. Make it with New.
type Cookie struct {
	c       *gin.Context
	session Session
	sealed  sessionstrategy.Cookie
	lines   []string // as the header has them
	ended   atomic.Bool
	forget  func()
}

// A Session is what a Cookie asks about its session.
type Session struct {
	// Put sets the session's cookies in the answer, in place of what it says of them,
	// and returns the lines that it set.
	Put func(sessionstrategy.Cookie) (lines []string)
	// Latest is sessionstrategy.Strategy.Latest.
	Latest func(sessionstrategy.Cookie) sessionstrategy.Cookie
	// Stands reports whether the store and the revocations still have the session.
	// Where they cannot tell, it is false: the browser keeps the cookie that it has.
	Stands func(context.Context, sessionstrategy.Cookie) bool
}

// New makes the cookie of the answer to a request, and puts a writer in front of that
// answer. watch registers what to call when the session ends in this process, until
// forget is called.
func New(c *gin.Context, watch func(ended func()) (forget func())) *Cookie {
	r := &Cookie{c: c}
	r.forget = watch(func() { r.ended.Store(true) })
	context.AfterFunc(c.Request.Context(), r.forget) // also where a handler panics
	c.Writer = &writer{c.Writer, r}
	return r
}

// Set sets the cookie, unless the session has ended by the time the header is written.
func (r *Cookie) Set(sealed sessionstrategy.Cookie, session Session) {
	r.session = session
	r.put(sealed)
}

func (r *Cookie) put(sealed sessionstrategy.Cookie) {
	r.sealed = sealed
	r.lines = r.session.Put(sealed)
}

// settle decides, before the header is written: it asks the memory of this process,
// and the store and the revocations where ask says so. A newer cookie of the session
// takes this one's place.
func (r *Cookie) settle(ctx context.Context, ask bool) {
	h := r.c.Writer.Header()
	gone := func(line string) bool { return !slices.Contains(h["Set-Cookie"], line) }
	if len(r.lines) == 0 || slices.ContainsFunc(r.lines, gone) {
		return // the handler signed out, or in, itself
	}
	if r.ended.Load() || ask && !r.session.Stands(ctx, r.sealed) {
		h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool { return slices.Contains(r.lines, line) })
		r.lines = nil
		return
	}
	if latest := r.session.Latest(r.sealed); latest.Value != r.sealed.Value {
		r.put(latest)
	}
}

// Finish decides for an answer whose header nothing has written: gin writes it by the
// writer that it has made, past the one of New. Each middleware of the session calls it,
// and those in front may be slow after that. So the session's end is watched for until
// the request is over.
func (r *Cookie) Finish() {
	ctx := r.c.Request.Context()
	if !r.c.Writer.Written() {
		r.settle(ctx, true)
	}
	if ctx.Done() == nil { // nothing says when this request is over
		r.forget()
	}
}

// A writer lets a Cookie decide when the header is written.
type writer struct {
	gin.ResponseWriter
	cookie *Cookie
}

// settle reports whether the header is about to be written with the cookie.
func (w *writer) settle() bool {
	if w.Written() {
		return false
	}
	w.cookie.settle(w.cookie.c.Request.Context(), true)
	return len(w.cookie.lines) > 0
}

// send sends a header with the cookie to the browser. Without it net/http would keep a
// short answer until the handler ends, and the person may sign out before that. gin's
// writer does nothing where the one below it cannot flush.
func (w *writer) send() { w.ResponseWriter.Flush() }

// WriteHeader writes nothing yet, unless a middleware's own writer does so.
func (w *writer) WriteHeader(status int) {
	if !w.Written() {
		w.cookie.settle(w.cookie.c.Request.Context(), false)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) WriteHeaderNow() {
	begins := w.settle()
	w.ResponseWriter.WriteHeaderNow()
	if begins {
		w.send()
	}
}

func (w *writer) Write(p []byte) (int, error) {
	begins := w.settle()
	n, err := w.ResponseWriter.Write(p)
	if begins {
		w.send()
	}
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	begins := w.settle()
	n, err := w.ResponseWriter.WriteString(s)
	if begins {
		w.send()
	}
	return n, err
}

func (w *writer) Flush() {
	w.settle()
	w.ResponseWriter.Flush()
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.settle()
	return w.ResponseWriter.Hijack()
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
