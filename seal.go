package ginauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/token"
)

// identity is an opened session: who sent a request.
type identity struct {
	context.Context       // the request's own, of which the identity is a value
	auth            *Auth // whose session it is: an engine may have several
	session         Session
	token           Token
	value           string // what the cookie or bearer header holds: the sealed token, or a store's handle
	payload         []byte // the token as it was opened
	stale           bool   // a previous secret sealed it
	user            *User  // the Adapter's, where they were looked up
}

// Format prints no more than a name: who logs a request's context, or what is
// derived from it, must not log the session with it.
func (id *identity) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "ginauth.identity") }

// open reads a session. The error is errSignedOut where there is none, else the
// fault for which nobody can tell.
func (a *Auth) open(ctx context.Context, value string, base origin.Base, now time.Time) (*identity, error) {
	payload, current, err := a.site(base).sessions.open(ctx, value)
	if errors.Is(err, errUnavailable) {
		return nil, err
	}
	if err != nil {
		return nil, errSignedOut
	}
	id := &identity{auth: a, value: value, payload: payload, stale: !current}
	if id.token.parse(payload, now) != nil {
		return nil, errSignedOut
	}
	if a.revoked != nil {
		if err := a.revoked.check(ctx, &id.token, now); err != nil {
			return nil, err
		}
	}
	return id, nil
}

// create keeps the token of a new session and returns the session cookie's
// value, good for MaxAge from now.
func (a *Auth) create(ctx context.Context, t *Token, base origin.Base, now time.Time) (value string, err error) {
	t.sid = token.NewID()
	t.domain = a.opts.Cookies.Domain
	payload, err := t.stamp(now, a.opts.Session.MaxAge)
	if err != nil {
		return "", err
	}
	return a.site(base).sessions.create(ctx, t.Subject, payload, t.ExpiresAt)
}

// update keeps a session's token again, good for MaxAge from now.
func (a *Auth) update(ctx context.Context, id *identity, base origin.Base, now time.Time) (value string, err error) {
	if id.token.grant.renewable() {
		stored, release, err := a.alone(ctx, id, base, now)
		if err != nil {
			return "", err
		}
		defer release()
		id.token.grant = stored.token.grant
	}
	id.token.domain = a.opts.Cookies.Domain
	payload, err := id.token.stamp(now, a.opts.Session.MaxAge)
	if err != nil {
		return "", err
	}
	value, err = a.site(base).sessions.update(ctx, id.value, payload, id.token.ExpiresAt)
	if errors.Is(err, ErrNotFound) {
		err = errSignedOut // it was ended while this request was under way
	}
	return value, err
}

func (a *Auth) sessionAttributes(base origin.Base) cookie.Attributes {
	return cookie.Attributes{
		Domain: a.opts.Cookies.Domain, SameSite: a.opts.Cookies.SameSite, Secure: base.Secure,
	}
}

// putSession sets the cookies of a session that lasts until expires, in place of
// what this answer says of it already, and of those that the request brought. former
// are domains for which these are known to have been set.
func (a *Auth) putSession(c *gin.Context, value string, found cookie.Session, base origin.Base, expires time.Time, former ...string) {
	attributes, present := a.sessionAttributes(base), found.Names()
	lines := a.clearOthers(found, present, base, former)
	attributes.Expires = expires
	a.setSession(c, base, append(lines, cookie.Put(a.site(base).names.Session, value, present, attributes)...))
}

// clearSession deletes the session's cookies; for former see putSession.
func (a *Auth) clearSession(c *gin.Context, found cookie.Session, base origin.Base, former ...string) {
	names := found.Names()
	lines := cookie.Clear(names, a.sessionAttributes(base))
	a.setSession(c, base, append(lines, a.clearOthers(found, names, base, former)...))
}

// clearOthers deletes the cookies of the session's names that were set with another
// Domain than the one configured. With a Domain, one of this host alone, of the time
// before, would be found beside the new one. Where a name was seen twice, there is
// one of a domain above this host, which only a deletion for that domain reaches.
func (a *Auth) clearOthers(found cookie.Session, names []string, base origin.Base, former []string) (lines []string) {
	others := a.sessionAttributes(base)
	configured := others.Domain
	if configured != "" {
		others.Domain = ""
		lines = cookie.Clear(names, others)
	}
	for _, domain := range base.Domains() {
		if domain != configured && (found.Doubled || slices.Contains(former, domain)) {
			others.Domain = domain
			lines = append(lines, cookie.Clear(names, others)...)
		}
	}
	return lines
}

// setSession sets the session's cookies, and takes back what this answer already
// says of them.
func (a *Auth) setSession(c *gin.Context, base origin.Base, lines []string) {
	name := a.site(base).names.Session
	h := c.Writer.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], func(line string) bool {
		return strings.HasPrefix(line, name+"=") || strings.HasPrefix(line, name+".")
	})
	addCookies(c, lines)
}

// getSession tells a page who is signed in, and moves the session's end.
func (v *visit) getSession() {
	noStore(v.c.Writer.Header())
	v.answerSession("", nil)
}

// postSession changes the session as the page asks: the JWT callback decides
// what of it counts.
func (v *visit) postSession() {
	if !v.csrfVerified {
		v.json(http.StatusBadRequest, v.nobody())
		return
	}
	v.answerSession(TriggerUpdate, v.body["data"])
}

// nobody is the answer where nobody is signed in. Each client knows its own
// server's alone: Auth.js's takes {} for a session.
func (v *visit) nobody() any {
	if v.opts.Session.Format == AuthJSV5 {
		return nil
	}
	return struct{}{}
}

// answerSession answers the session, and moves its end. A token that does not open is
// deleted; a fault of a callback keeps it, for the next time.
func (v *visit) answerSession(trigger Trigger, update any) {
	found := v.found()
	if !found.Found {
		v.json(http.StatusOK, v.nobody())
		return
	}
	var value string
	var opened Token // as it was before the callbacks
	id, err := v.openFound(v.c.Request.Context(), found, v.base, v.opts.Now())
	if err == nil {
		opened = id.token
		value, err = v.renew(v.c, id, v.base, trigger, update)
	}
	if err == nil && v.streams.ended(&opened) {
		err = errSignedOut // meanwhile: this answer must not bring the session back
	}
	switch {
	case errors.Is(err, errSignedOut):
		v.clearSession(v.c, found, v.base)
		v.json(http.StatusOK, v.nobody())
		return
	case err != nil:
		v.fault("reading the session", err)
		return
	}
	v.putSession(v.c, value, found, v.base, id.token.ExpiresAt)
	if event := v.opts.Events.Session; event != nil {
		event(v.c, SessionEvent{Session: &id.session, Token: &id.token})
	}
	v.json(http.StatusOK, &id.session)
}

// due reports whether a session is to be sealed again though nothing has changed.
func (a *Auth) due(id *identity, now time.Time) bool {
	t := &id.token
	return id.stale || t.ExpiresAt.IsZero() || now.Sub(t.IssuedAt) >= a.opts.Session.UpdateAge
}

// renew runs the callbacks on an opened session and seals it again. In a store,
// which is written to for it, that can wait until UpdateAge unless something
// changed; next-auth's database sessions do so too.
func (a *Auth) renew(c *gin.Context, id *identity, base origin.Base, trigger Trigger, update any) (sealed string, err error) {
	now := a.opts.Now()
	due := a.opts.Session.Store == nil || trigger != "" || a.due(id, now)
	if err := a.lookUp(c.Request.Context(), id); err != nil {
		return "", err
	}
	if err := a.runJWT(c, JWTParams{Token: &id.token, Trigger: trigger, Update: update}); err != nil {
		return "", err
	}
	due = due || a.opts.Callbacks.JWT != nil && id.token.changed(id.payload, now)
	expires := id.token.ExpiresAt
	if due {
		expires = now.Add(a.opts.Session.MaxAge)
	}
	id.session = id.token.session(expires)
	if err := a.runSession(c, SessionParams{Session: &id.session, Token: &id.token, User: id.user, Trigger: trigger, Update: update}); err != nil {
		return "", err
	}
	if _, err := id.session.MarshalJSON(); err != nil {
		return "", err
	}
	if !due {
		return id.value, nil
	}
	return a.update(c.Request.Context(), id, base, now)
}

// ErrNoSession says that there is no session to update.
var ErrNoSession = errors.New("ginauth: nobody is signed in by a session cookie")

// Update changes the session of this request: it runs the JWT callback with
// TriggerUpdate and data, then the Session callback, and sets the cookie, so it
// must be called before the answer is written. GetSession returns the new
// session from then on. The error is ErrNoSession where no cookie holds a
// session, as with a bearer token, which is not this site's to change, or where
// the person signed out meanwhile, or the callback's own.
func (a *Auth) Update(c *gin.Context, data any) (*Session, error) {
	base, err := a.hosts.Base(c.Request)
	if err != nil {
		return nil, err
	}
	found := cookie.Find(c.Request.Header["Cookie"], a.site(base).names.Session)
	id, err := a.openFound(c.Request.Context(), found, base, a.opts.Now())
	switch {
	case errors.Is(err, errSignedOut) || err == nil && a.foreign(c.Request, base):
		return nil, ErrNoSession
	case err != nil:
		return nil, err
	}
	opened := id.token
	kept := find(c)
	if kept == nil { // no middleware has kept this answer out of caches
		private(c.Writer.Header())
	} else if kept.auth == a { // a copy of what this request's callbacks made of it
		payload, err := kept.token.claims().Bytes()
		if err == nil {
			err = id.token.parse(payload, a.opts.Now())
		}
		if err != nil {
			return nil, err
		}
	}
	sealed, err := a.renew(c, id, base, TriggerUpdate, data)
	if errors.Is(err, errSignedOut) {
		return nil, ErrNoSession
	}
	if err != nil {
		return nil, err
	}
	if a.streams.ended(&opened) {
		return nil, ErrNoSession
	}
	a.putSession(c, sealed, found, base, id.token.ExpiresAt)
	id.value = sealed
	a.attach(c, id)
	return &id.session, nil
}

// identify runs the callbacks on the token of a guarded request. It seals the
// token again, by a Set-Cookie before the handler writes, when the token is past
// UpdateAge, sealed by a previous secret, or changed by the JWT callback.
func (a *Auth) identify(c *gin.Context, base origin.Base, found cookie.Session) (*identity, error) {
	now := a.opts.Now()
	id, err := a.openFound(c.Request.Context(), found, base, now)
	if err != nil {
		return nil, err
	}
	t := &id.token
	stale := a.due(id, now)
	var opened Token // as it was before the callback
	if stale || a.opts.Callbacks.JWT != nil {
		opened = *t
	}
	if a.opts.Callbacks.JWT != nil {
		if err := a.runJWT(c, JWTParams{Token: t}); err != nil {
			return nil, err
		}
		stale = stale || t.changed(id.payload, now)
	}
	if stale { // a session that changes at each request must not outlive its user either
		if err := a.lookUp(c.Request.Context(), id); err != nil {
			return nil, err
		}
	}
	stale = stale && found.Found // a bearer token is not ours to replace
	if !stale {
		id.session = t.session(t.ExpiresAt)
		return id, a.runSession(c, SessionParams{Session: &id.session, Token: t, User: id.user})
	}
	id.session = t.session(now.Add(a.opts.Session.MaxAge))
	if err := a.runSession(c, SessionParams{Session: &id.session, Token: t, User: id.user}); err != nil {
		return nil, err // and the session stays as it was
	}
	resealed, err := a.update(c.Request.Context(), id, base, now)
	if err != nil {
		return nil, err
	}
	if a.streams.ended(&opened) { // the answer to the sign-out has deleted the cookie
		return id, nil
	}
	a.putSession(c, resealed, found, base, t.ExpiresAt)
	id.value = resealed
	return id, nil
}
