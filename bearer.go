package ginauth

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/redact"
)

// A BearerFunc verifies a bearer token that is no session token, such as an access
// token or an API key, and returns whose it is. The session lives for this request: it
// is kept nowhere, and no callback sees it. Its User needs an ID.
//
// Return ErrInvalidToken, which may be wrapped, for a token that is wrong, expired or
// meant for somebody else: the answer is 401. Any other error means that the token could
// not be checked: the answer is 503, and the error is logged. The error must not repeat
// the token. The package oidc has one for JWT access tokens, oidc.NewBearer.
type BearerFunc func(c *gin.Context, token string) (*Session, error)

// ErrInvalidToken says that a bearer token is no good: the answer is 401 with
// WWW-Authenticate: Bearer error="invalid_token" (RFC 6750 §3.1).
var ErrInvalidToken = errors.New("ginauth: the bearer token is not valid")

// maxBearer is the longest token, in bytes, that a BearerFunc is asked about.
const maxBearer = 16 << 10

// AcceptBearer lets the requests of a route group come with another credential than a
// session: a bearer token in the Authorization header (RFC 6750 §2.1), which verify
// checks. It stands before RequireSession:
//
//	api := r.Group("/api", auth.AcceptBearer(verify), auth.RequireSession())
//
// verify is asked only where the request has no session cookie, and where the token
// opens no session of this site. GetSession then returns verify's session, and GetToken
// nil. Auth routes know nothing of it, Update returns ErrNoSession, and Client
// ErrNoTokens: the token is the caller's, and not this site's to change or to use.
//
// A request with a session cookie is judged by the cookie alone. Otherwise a page of
// another site could send a token of its own beside the person's cookie.
//
// RevokeUser does not reach such a token; who issued it ends it.
func (a *Auth) AcceptBearer(verify BearerFunc) gin.HandlerFunc {
	return func(c *gin.Context) {
		base, err := a.site.Hosts.Base(c.Request)
		if err != nil {
			a.abortFault(c, base, err)
			return
		}
		value := bearer(c.Request.Header)
		found := cookie.Find(c.Request.Header["Cookie"], a.scheme(base).names.Session)
		if value == "" || found.Found {
			return
		}
		if id := identityFrom(c); id != nil && id.auth == a { // a middleware in front has found out
			return
		}
		private(c.Writer.Header())
		switch _, err := a.open(c.Request.Context(), value, base, a.opts.Now()); {
		case err == nil: // RequireSession opens it
			return
		case !errors.Is(err, errSignedOut):
			a.abortFault(c, base, err)
			return
		case len(value) > maxBearer:
			a.refuseBearer(c)
			return
		}
		s, err := verify(c, value)
		switch {
		case c.Writer.Written():
			c.Abort()
		case errors.Is(err, ErrInvalidToken), err == nil && (s == nil || s.User.ID == ""):
			a.refuseBearer(c)
		case clientGone(c, err):
		case err != nil:
			a.opts.Logger.Error("ginauth: checking a bearer token failed", "error", redact.Error(err, value))
			a.abort(c, base, http.StatusServiceUnavailable, errorcode.SessionUnavailable)
		default:
			a.attach(c, &identity{auth: a, session: *s, foreign: true})
		}
	}
}

func (a *Auth) refuseBearer(c *gin.Context) {
	c.Header("WWW-Authenticate", `Bearer error="invalid_token"`)
	c.Abort()
	writeJSON(c, http.StatusUnauthorized, map[string]string{
		"error": errorcode.InvalidToken, "message": errorcode.AbortText(errorcode.InvalidToken),
	})
}

// Scope is a guard that admits a session only if its Scopes hold all these names, which
// are compared exactly (RFC 6749 §3.3). A session without Scopes, as every browser's is
// unless a Session callback sets them, is refused: with 403, and for a bearer token with
// WWW-Authenticate: Bearer error="insufficient_scope" (RFC 6750 §3.1).
//
//	orders := api.Group("/orders", auth.RequireSession(ginauth.Scope("orders:read")))
func Scope(names ...string) Guard {
	challenge := `Bearer error="insufficient_scope", scope="` + strings.Join(names, " ") + `"`
	return func(c *gin.Context, s *Session) bool {
		for _, name := range names {
			if !slices.Contains(s.Scopes, name) {
				if id := identityFrom(c); id != nil && id.foreign {
					c.Header("WWW-Authenticate", challenge)
				}
				return false
			}
		}
		return len(names) > 0
	}
}

// isNative reports whether a native application sends the request: it has neither Origin
// nor Sec-Fetch-* nor Cookie, one of which every browser sends with a POST. So no page can
// send such a request with somebody's cookies, and a session's token in the answer reaches
// no page. It is asked of the routes for native applications alone; any other request
// without these headers is treated as a browser's.
func (v *request) isNative(action string) bool {
	h := v.c.Request.Header
	if v.method != http.MethodPost || len(h["Origin"]) > 0 || len(h["Cookie"]) > 0 || !v.auth.takesIDTokens() {
		return false
	}
	for name := range h {
		if strings.HasPrefix(name, "Sec-Fetch-") {
			return false
		}
	}
	switch action {
	case idTokenAction:
		return true
	case "callback":
		return v.handedOver()
	case "session", "signout":
		return bearer(h) != ""
	}
	return false
}

// leaveNative answers a native application's sign-in: with the session's token, which it
// sends as a bearer token from then on, or with an error's code.
func (v *request) leaveNative(result outcome) {
	noStore(v.c.Writer.Header())
	switch {
	case result.wait > 0:
		v.tooMany(result.wait)
	case result.session != "":
		v.nativeSession(result.session, result.ends)
	case result.code == "": // Callbacks.SignIn sends the person elsewhere
		v.json(http.StatusForbidden, map[string]string{"error": errorcode.AccessDenied, "url": v.base.Public(result.location)})
	case result.status < http.StatusBadRequest: // for a browser, which is led on
		v.nativeError(http.StatusUnauthorized, result.code)
	default:
		v.nativeError(result.status, result.code)
	}
}

func (v *request) nativeError(status int, code string) {
	v.json(status, map[string]string{"error": code})
}

func (v *request) nativeSession(value string, ends time.Time) {
	v.json(http.StatusOK, map[string]string{"sessionToken": value, "expires": ends.UTC().Format(isoMillis)})
}

// renewNative moves the end of a native application's session where that is due, and
// answers the token to send from then on. What the body holds changes nothing: it is no
// update.
func (v *request) renewNative() {
	noStore(v.c.Writer.Header())
	ctx, a := v.c.Request.Context(), v.auth
	id, err := a.openLatest(ctx, bearer(v.c.Request.Header), v.base)
	if err == nil {
		id, err = v.renewed(id)
	}
	switch {
	case errors.Is(err, ErrSignedOut):
		if fault := a.endByCallback(v.c, id, v.base, cookie.Session{}); fault != nil {
			v.fault("ending the session", fault)
			return
		}
		a.refuseBearer(v.c)
	case errors.Is(err, errSignedOut):
		a.refuseBearer(v.c)
	case err != nil:
		v.fault("renewing a session", err)
	default:
		v.nativeSession(id.value, id.token.ExpiresAt)
	}
}

// renewed runs the callbacks on a session and seals it again where that is due. Where
// another request has done so meanwhile, it is that one's session.
func (v *request) renewed(id *identity) (*identity, error) {
	ctx, a := v.c.Request.Context(), v.auth
	due, err := a.refresh(v.c, id, "", nil)
	if err != nil || !due {
		return id, err
	}
	payload, err := a.stamp(ctx, &id.token, v.base, a.opts.Now())
	if err != nil {
		return nil, err
	}
	value, err := a.replace(ctx, id, payload, id.token.ExpiresAt, v.base)
	if errors.Is(err, ErrConflict) {
		return a.openLatest(ctx, id.value, v.base)
	}
	if err != nil {
		return nil, err
	}
	id.value = value
	if a.ending.revoked == nil {
		return id, nil
	}
	ended, err := a.ending.revoked.EndedNow(ctx, id.token.revocable())
	if err == nil && ended { // while this request was under way
		err = errSignedOut
	}
	return id, err
}

// endNative ends a native application's session. It is no error if there is none.
func (v *request) endNative() {
	noStore(v.c.Writer.Header())
	id, err := v.auth.open(v.c.Request.Context(), bearer(v.c.Request.Header), v.base, v.auth.opts.Now())
	if err == nil {
		err = v.auth.endByCallback(v.c, id, v.base, cookie.Session{})
	}
	if err != nil && !errors.Is(err, errSignedOut) {
		v.fault("ending the session", err)
		return
	}
	v.json(http.StatusOK, struct{}{})
}
