package ginauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
	"github.com/ginauth/ginauth/internal/renewedcookie"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/sessionstrategy"
	"github.com/ginauth/ginauth/internal/token"
)

// identity is an opened session: who sent a request.
type identity struct {
	context.Context       // the request's own, of which the identity is a value
	auth            *Auth // whose session it is: an engine may have several
	session         Session
	token           Token
	value           string                 // what the cookie or bearer header holds: the sealed token, or a store's handle
	kept            sessionstrategy.Record // of the session as it was opened
	renewed         *renewedcookie.Cookie  // where this request sealed it again
	user            *User                  // the Adapter's, where they were looked up
	begun           bool                   // by SignIn in this request, whose cookies do not have it
	foreign         bool                   // the session is a BearerFunc's: there is no token of this site
	more            bool                   // the token has further claims: see complete
	completed       sync.Once
	proved          sync.Once // session.Factors were read: see view
	factors         [1]Factor // where session.Factors stand: most sessions have one
}

// complete reads the further claims that openBy has left out of the token.
func (id *identity) complete() {
	if !id.more {
		return
	}
	id.completed.Do(func() { id.token.further(id.kept.Payload) })
}

// view is the session as handlers and callbacks see it. Its Factors are read when it is
// first asked for: a request that needs no session pays nothing for them.
func (id *identity) view() *Session {
	if id.token.factors != "" {
		id.proved.Do(func() {
			if factors := id.auth.factorsOf(&id.token, id.factors[:0]); len(factors) > 0 {
				id.session.Factors = slices.Clip(factors) // who appends writes elsewhere
			}
		})
	}
	return &id.session
}

// clone is a copy, whose session may be changed while others read the one of id.
func (id *identity) clone() *identity {
	id.complete()
	next := &identity{
		Context: id.Context, auth: id.auth, session: *id.view(), token: id.token, value: id.value, kept: id.kept,
		renewed: id.renewed, user: id.user, begun: id.begun, foreign: id.foreign,
	}
	next.proved.Do(func() {}) // as the callbacks left them
	return next
}

// Format prints no more than a name: who logs a request's context, or what is
// derived from it, must not log the session with it.
func (id *identity) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "ginauth.identity") }

// open reads a session. The error is errSignedOut where there is none, else the
// fault for which nobody can tell.
func (a *Auth) open(ctx context.Context, value string, base origin.Base, now time.Time) (*identity, error) {
	return a.openBy(ctx, value, base, now, false)
}

// openBy is open. own leaves the token's further claims to identity.complete.
func (a *Auth) openBy(ctx context.Context, value string, base origin.Base, now time.Time, own bool) (*identity, error) {
	kept, err := a.scheme(base).sessions.Open(ctx, value)
	if errors.Is(err, errUnavailable) {
		return nil, err
	}
	if err != nil {
		return nil, errUnsealed
	}
	id := &identity{auth: a, value: value, kept: kept}
	if own {
		id.more, err = id.token.parseOwn(kept.Payload, now)
	} else {
		err = id.token.parse(kept.Payload, now)
	}
	if err != nil || a.checkLifetime(&id.token, now) != nil {
		return nil, errSignedOut
	}
	if a.ending.revoked != nil {
		if ended, err := a.ending.revoked.Ended(ctx, id.token.revocable(), now); err != nil || ended {
			return nil, cmp.Or(err, errSignedOut)
		}
	}
	return id, nil
}

// stampNew makes the payload of the token of a session that begins with these proofs.
func (a *Auth) stampNew(ctx context.Context, t *Token, base origin.Base, now time.Time, proofs []factor.Proof) ([]byte, error) {
	t.sid = token.NewID()
	t.factors = factor.Claim(a.keys.factors, t.Subject, t.sid, proofs)
	return a.stamp(ctx, t, base, now)
}

// stamp makes the payload of a session's token as it is kept from now on.
func (a *Auth) stamp(ctx context.Context, t *Token, base origin.Base, now time.Time) ([]byte, error) {
	t.domain = a.opts.Cookies.Domain
	t.factors = factor.Renew(a.keys.factors, t.Subject, t.sid, t.factors)
	payload, err := t.stamp(now, a.lifetime(t))
	if err == nil {
		err = a.checkSize(ctx, t, payload, base)
	}
	return payload, err
}

// sessionCookies are where the cookies of a session are written. former are domains
// for which they are known to have been set.
func (a *Auth) sessionCookies(c *gin.Context, found cookie.Session, base origin.Base, former ...string) cookie.Write {
	return cookie.Write{
		Header: c.Writer.Header(), Name: a.scheme(base).names.Session, Found: found,
		Attributes: cookie.Attributes{Domain: a.opts.Cookies.Domain, SameSite: a.opts.Cookies.SameSite, Secure: base.Secure, Partitioned: a.opts.Cookies.Partitioned},
		Domains:    base.Domains(), Former: former,
	}
}

// putSession sets the cookies of a session until expires, or of a zero one until the
// browser ends, and returns the lines that it set.
func (a *Auth) putSession(c *gin.Context, value string, found cookie.Session, base origin.Base, expires time.Time, former ...string) []string {
	w := a.sessionCookies(c, found, base, former...)
	w.Attributes.Expires = expires
	a.tellUnkept(c, value, base)
	return cookie.PutSession(w, value)
}

// clearSession deletes the session's cookies.
func (a *Auth) clearSession(c *gin.Context, found cookie.Session, base origin.Base, former ...string) {
	cookie.ClearSession(a.sessionCookies(c, found, base, former...))
}

// renewCookie sets the cookie of a session that was sealed again as value, unless the
// session has ended by the time the header is written.
func (a *Auth) renewCookie(c *gin.Context, id *identity, found cookie.Session, base origin.Base, value string, expires time.Time) {
	if id.renewed == nil {
		id.renewed = renewedcookie.New(c, func(ended func()) (forget func()) { return a.ending.streams.Add(id.token.revocable(), ended) })
	}
	t := id.token
	id.renewed.Set(sessionstrategy.Cookie{Value: value, Expires: expires}, renewedcookie.Session{
		Put: func(s sessionstrategy.Cookie) []string {
			return a.putSession(c, s.Value, found, base, t.cookieEnd(s.Expires))
		},
		Latest: a.scheme(base).sessions.Latest,
		Stands: func(ctx context.Context, s sessionstrategy.Cookie) bool { return a.stands(ctx, &t, s.Value, base) },
	})
}

// stands reports whether the store and the revocations still have a session. Where
// they cannot tell, it is false.
func (a *Auth) stands(ctx context.Context, t *Token, value string, base origin.Base) bool {
	if a.opts.Session.Store != nil {
		if _, err := a.scheme(base).sessions.Open(ctx, value); err != nil {
			return false
		}
	}
	if a.ending.revoked == nil {
		return true
	}
	ended, err := a.ending.revoked.EndedNow(ctx, t.revocable())
	return err == nil && !ended
}

// needsReseal reports whether a session must be sealed again though nothing has changed.
func (a *Auth) needsReseal(id *identity, now time.Time) bool {
	t := &id.token
	return !id.kept.Current || t.ExpiresAt.IsZero() || now.Sub(t.IssuedAt) >= t.life.UpdateAge(a.opts.Session.UpdateAge)
}

// identify runs the callbacks on the token of a guarded request. It seals the
// token again when the token is past UpdateAge, sealed by a previous secret, or changed
// by the JWT callback; the cookie is set when the handler's answer begins.
func (a *Auth) identify(c *gin.Context, base origin.Base, found cookie.Session) (*identity, error) {
	now := a.opts.Now()
	// A handler that asks for no further claims gets none: they may be long.
	id, err := a.openFoundBy(c.Request.Context(), found, base, now, a.opts.Callbacks.JWT == nil && a.opts.Callbacks.Session == nil)
	if err != nil {
		return nil, err
	}
	due := a.needsReseal(id, now)
	if due {
		id.complete()
	}
	if err := a.runCallbacks(c, id, base, found, now, due); errors.Is(err, ErrSignedOut) {
		return nil, cmp.Or(a.endByCallback(c, id, base, found), errSignedOut)
	} else if err != nil {
		return nil, err
	}
	return id, nil
}

// runCallbacks makes the session of a guarded request. due says that it must be sealed
// again though nothing has changed.
func (a *Auth) runCallbacks(c *gin.Context, id *identity, base origin.Base, found cookie.Session, now time.Time, due bool) error {
	t := &id.token
	if a.opts.Callbacks.JWT != nil {
		if err := a.runJWT(c, JWTParams{Token: t}); err != nil {
			return err
		}
		due = due || t.changed(id.kept.Payload, now)
	}
	if due { // a session that changes at each request must not outlive its user either
		if err := a.lookUp(c.Request.Context(), id); err != nil {
			return err
		}
	}
	due = due && found.Found // a bearer token is not ours to replace
	id.session = t.session(t.ExpiresAt)
	if due {
		id.session.Expires = t.endOf(a.lifetime(t), now)
	}
	err := a.runSession(c, id, "", nil)
	if err != nil || !due {
		return err // and the session stays as it was
	}
	if a.ending.streams.SignedOut(t.sessionID()) { // the answer to the sign-out has deleted the cookie
		return nil
	}
	return a.reseal(c, id, base, found)
}

// endByCallback ends the session of a request whose callback returned ErrSignedOut,
// and deletes its cookie.
func (a *Auth) endByCallback(c *gin.Context, id *identity, base origin.Base, found cookie.Session) error {
	if err := a.end(c.Request.Context(), id, base); err != nil {
		return err
	}
	if found.Found {
		a.clearSession(c, found, base, id.token.domain)
	}
	if event := a.opts.Events.SignOut; event != nil {
		event(c, SignOutEvent{Token: &id.token})
	}
	return nil
}

// end ends a session: in the store, for the revocations, and for what this process
// has open and remembers of it.
func (a *Auth) end(ctx context.Context, id *identity, base origin.Base) error {
	if err := a.scheme(base).sessions.Remove(ctx, id.value); err != nil {
		return err
	}
	return a.endNamed(ctx, id.token.sessionID(), id.token.revocable(), a.opts.Now())
}

// endNamed ends a session by its name, for the revocations and for this process.
func (a *Auth) endNamed(ctx context.Context, session string, of revocation.Session, now time.Time) error {
	if a.ending.revoked != nil {
		if err := a.ending.revoked.EndSession(ctx, of, now); err != nil {
			return err
		}
	}
	a.ending.streams.SignOut(session)
	a.shared.callbacks.Forget(func(o outcome) bool { return o.session != "" && o.of == session })
	return nil
}

// maxSealed is the longest session token, in bytes: the longest claims in base64,
// with what sealing adds.
const maxSealed = (maxPayload + 1024) * 4 / 3

// found are the session cookies of this request.
func (r *request) found() cookie.Session {
	return cookie.Find(r.c.Request.Header["Cookie"], r.names.Session)
}

// openFound reads the session that a request's cookies hold, as open does. Where a
// browser sends several values of one name, because Cookies.Domain was changed or
// another host below the same domain sets such a cookie, the one that opens is
// believed. Of several that open, all of one session, it is the newest. Two
// different sessions are none: one of them was planted, and nothing tells which.
func (a *Auth) openFound(ctx context.Context, found cookie.Session, base origin.Base, now time.Time) (*identity, error) {
	return a.openFoundBy(ctx, found, base, now, false)
}

// openFoundBy is openFound, as openBy is open.
func (a *Auth) openFoundBy(ctx context.Context, found cookie.Session, base origin.Base, now time.Time, own bool) (*identity, error) {
	if !found.Doubled {
		id, err := a.openBy(ctx, found.Value, base, now, own)
		if err != nil && found.Found && errors.Is(err, errUnsealed) {
			a.tellUnsealed(ctx, found, base)
		}
		return id, err
	}
	all, err := a.openAll(ctx, found, base, now)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errSignedOut
	}
	newest := all[0]
	for _, id := range all[1:] {
		if !id.token.sameSession(&newest.token) {
			return nil, errSignedOut
		}
		if id.token.IssuedAt.After(newest.token.IssuedAt) {
			newest = id
		}
	}
	return newest, nil
}

// openAll reads every session that a request's cookies hold.
func (a *Auth) openAll(ctx context.Context, found cookie.Session, base origin.Base, now time.Time) ([]*identity, error) {
	if found.Doubled {
		a.tellDoubled(ctx, found, base)
	}
	var all []*identity
	for _, value := range found.Candidates(maxSealed) {
		id, err := a.open(ctx, value, base, now)
		switch {
		case err == nil:
			all = append(all, id)
		case !errors.Is(err, errSignedOut):
			return nil, err
		}
	}
	return all, nil
}

// checkSize refuses a session that hardly any server takes in a request's cookies, and
// tells the log of one that not every server takes: the proxy's error page is the answer
// to the sign-in then, or to every page after it, and the application sees no fault.
func (a *Auth) checkSize(ctx context.Context, t *Token, payload []byte, base origin.Base) error {
	name := a.scheme(base).names.Session
	bytes, size := cookie.Sealed(name, len(payload))
	if a.opts.Session.Store != nil || size == cookie.Fits {
		return nil
	}
	largest, from := t.largest()
	seen := []any{"cookie", name, "bytes", bytes, "largest_claim", largest}
	switch size {
	case cookie.TooLong:
		return redact.Safe(fmt.Sprintf("ginauth: the session has %d bytes in the cookies %s.*, and servers take %d at most; the largest claim is %s, look at %s, or set Session.Store",
			bytes, name, cookie.MaxSent, largest, from))
	case cookie.LongAnswer:
		a.refusals.Info(ctx, refusal.LongAnswer, "the session is so long that nginx by default answers the sign-in with 502",
			refusal.Advice{LookAt: from, Text: "keep less in the session, or set Session.Store, unless proxy_buffer_size there is more than its default of 4 KB, for instance 16k"}, seen...)
	default:
		a.refusals.Warn(ctx, refusal.LongSession, "the session is so long that a proxy may refuse each request with it",
			refusal.Advice{LookAt: from, Text: "keep less in the session, or set Session.Store: nginx and Apache take 8 KB of cookies by default"}, seen...)
	}
	return nil
}

// tellDoubled says that a browser sends several session cookies of one name.
func (a *Auth) tellDoubled(ctx context.Context, found cookie.Session, base origin.Base) {
	a.refusals.Warn(ctx, refusal.Doubled, "a browser sends several session cookies of one name",
		refusal.Advice{LookAt: "Cookies.Domain, Cookies.Prefix", Text: "Cookies.Domain was changed, or another host of the same domain sets a cookie of this name, which needs another Cookies.Prefix; the doubled ones go at the next sign-in or sign-out"},
		"cookie", a.scheme(base).names.Session, "different_values", len(found.Candidates(maxSealed)), "site", base.Origin)
}

// tellUnsealed says that a session cookie does not open. A store's handle that leads to
// nothing is no reason: sessions end there.
func (a *Auth) tellUnsealed(ctx context.Context, found cookie.Session, base origin.Base) {
	if a.opts.Session.Store != nil {
		return
	}
	message, advice := refusal.Unsealed(found.Value != "")
	a.refusals.Warn(ctx, refusal.Session, message, advice,
		"cookie", a.scheme(base).names.Session, "length", len(found.Value), "cookies", len(found.Names()), "site", base.Origin)
}

// tellUnkept says that browsers refuse the session cookie, since its Domain is not the
// host's (RFC 6265 §5.3 step 6).
func (a *Auth) tellUnkept(c *gin.Context, value string, base origin.Base) {
	domain := a.opts.Cookies.Domain
	if domain == "" || base.TakesCookieFor(domain) {
		return
	}
	a.refusals.Warn(c.Request.Context(), refusal.Unkept, "browsers refuse the session cookie, since its Domain is not one of this host",
		refusal.Advice{LookAt: "Cookies.Domain", Text: "write the domain that all hosts of the site have in common, or leave Cookies.Domain out"},
		"cookie", a.scheme(base).names.Session, "length", len(value), "domain", domain, "site", base.Origin)
}
