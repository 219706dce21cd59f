package ginauth

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/origin"
)

// identity is an opened session: who sent a request.
type identity struct {
	session Session
	token   Token
	payload []byte // the token as it was opened
	stale   bool   // a previous secret sealed it
}

// open reads a sealed session.
func (a *Auth) open(sealed string) (*identity, error) {
	payload, current, err := a.sessions.Open(sealed)
	if err != nil {
		return nil, err
	}
	id := &identity{payload: payload, stale: !current}
	return id, id.token.parse(payload, a.opts.Now())
}

// seal makes the session's cookie value, good for MaxAge from now.
func (a *Auth) seal(t *Token, now time.Time) (string, error) {
	payload, err := t.stamp(now, a.opts.Session.MaxAge)
	if err != nil {
		return "", err
	}
	return a.sessions.Seal(payload), nil
}

func (a *Auth) sessionAttributes(base origin.Base) cookie.Attributes {
	return cookie.Attributes{
		Domain: a.opts.Cookies.Domain, SameSite: a.opts.Cookies.SameSite, Secure: base.Secure,
	}
}

// putSession gives the Set-Cookie lines that store a sealed session.
func (v *visit) putSession(sealed string, now time.Time) []string {
	found := cookie.Find(v.c.Request.Header["Cookie"], v.names.Session)
	return v.Auth.putSession(sealed, found.Names, v.base, now)
}

func (a *Auth) putSession(sealed string, present []string, base origin.Base, now time.Time) []string {
	attributes := a.sessionAttributes(base)
	attributes.Expires = now.Add(a.opts.Session.MaxAge)
	return cookie.Put(a.names[base.Secure].Session, sealed, present, attributes)
}

// clearSession gives the Set-Cookie lines that delete the session's cookies.
// With a Domain, cookies of the host alone go too: they would be found beside
// the others, and two sessions at once are none.
func (a *Auth) clearSession(names []string, base origin.Base) []string {
	attributes := a.sessionAttributes(base)
	lines := cookie.Clear(names, attributes)
	if attributes.Domain != "" {
		attributes.Domain = ""
		lines = append(lines, cookie.Clear(names, attributes)...)
	}
	return lines
}

// getSession tells a page who is signed in, and moves the session's end.
func (v *visit) getSession() {
	noStore(v.c.Writer.Header())
	found := cookie.Find(v.c.Request.Header["Cookie"], v.names.Session)
	if len(found.Names) == 0 {
		v.json(http.StatusOK, struct{}{})
		return
	}
	id, err := v.open(found.Value)
	if err != nil {
		v.setCookie(v.clearSession(found.Names, v.base)...)
		v.json(http.StatusOK, struct{}{})
		return
	}
	sealed, err := v.renew(id, "", nil)
	if err != nil {
		v.fault("reading the session", err)
		return
	}
	v.setCookie(v.Auth.putSession(sealed, found.Names, v.base, id.token.IssuedAt)...)
	if event := v.opts.Events.Session; event != nil {
		event(v.c, SessionEvent{Session: &id.session, Token: &id.token})
	}
	v.json(http.StatusOK, &id.session)
}

// renew runs the callbacks on an opened session and seals it again.
func (v *visit) renew(id *identity, trigger Trigger, update any) (sealed string, err error) {
	now := v.opts.Now()
	if err := v.runJWT(v.c, JWTParams{Token: &id.token, Trigger: trigger, Update: update}); err != nil {
		return "", err
	}
	id.session = id.token.session(now.Add(v.opts.Session.MaxAge))
	if err := v.runSession(v.c, SessionParams{Session: &id.session, Token: &id.token, Trigger: trigger, Update: update}); err != nil {
		return "", err
	}
	if _, err := id.session.MarshalJSON(); err != nil {
		return "", err
	}
	return v.seal(&id.token, now)
}

// identify runs the callbacks on the token of a guarded request. It seals the
// token again, by a Set-Cookie before the handler writes, when the token is past
// UpdateAge, sealed by a previous secret, or changed by the JWT callback.
func (a *Auth) identify(c *gin.Context, base origin.Base, found cookie.Session, sealed string) (*identity, error) {
	id, err := a.open(sealed)
	if err != nil {
		return nil, errSignedOut
	}
	now, t := a.opts.Now(), &id.token
	stale := id.stale || t.ExpiresAt.IsZero() || now.Sub(t.IssuedAt) >= a.opts.Session.UpdateAge
	if a.opts.Callbacks.JWT != nil {
		if err := a.runJWT(c, JWTParams{Token: t}); err != nil {
			return nil, err
		}
		stale = stale || t.changed(id.payload, now)
	}
	if stale && len(found.Names) > 0 { // a bearer token is not ours to replace
		resealed, err := a.seal(t, now)
		if err != nil {
			return nil, err
		}
		addCookies(c, a.putSession(resealed, found.Names, base, now))
	}
	id.session = t.session(t.ExpiresAt)
	return id, a.runSession(c, SessionParams{Session: &id.session, Token: t})
}
