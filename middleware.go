package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/pages"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/refusal"
)

// A Guard decides whether a signed-in person may go on. When it returns false
// the answer is 403, unless the guard wrote one itself.
type Guard func(c *gin.Context, s *Session) bool

// identityKey is the key of an identity in a request's context; contextKey the
// same in a gin.Context, whose keys are strings.
type identityKey struct{}

const contextKey = "github.com/ginauth/ginauth.identity"

// RequireSession lets only signed-in people through, and of these only whom all
// guards admit. The session comes from the session cookie or, where there is
// none, from one Authorization: Bearer header that holds a session token.
//
// A page that is opened signed out leads to the sign-in page and back; a form
// too, by 303; htmx gets 401 with HX-Redirect; anything else 401 and JSON. A
// state-changing request or WebSocket from a foreign origin with the browser's
// cookie is refused with 403, which defends against cross-site request forgery
// (see net/http.CrossOriginProtection).
//
// Answers behind it are private to the person: they carry Cache-Control:
// private, no-cache, no-store unless the handler sets another.
func (a *Auth) RequireSession(guards ...Guard) gin.HandlerFunc {
	return a.admit(func(c *gin.Context, id *identity, base origin.Base) bool {
		for _, guard := range guards {
			if !guard(c, id.view()) {
				if c.Writer.Written() {
					c.Abort()
				} else {
					a.refuseAccess(c, base)
				}
				return false
			}
		}
		return true
	})
}

// admit lets only signed-in people through, and of these only whom may admits; else may
// has answered.
func (a *Auth) admit(may func(c *gin.Context, id *identity, base origin.Base) bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, base, err := a.identity(c)
		switch {
		case errors.Is(err, errSignedOut):
			a.askToSignIn(c, base)
			return
		case errors.Is(err, errForeign):
			a.abort(c, base, http.StatusForbidden, errorcode.CrossOriginRequest)
			return
		case err != nil:
			a.abortFault(c, base, readingSession, err)
			return
		}
		a.attach(c, id)
		if !may(c, id, base) {
			return
		}
		c.Next()
		id.finish()
	}
}

// finish ends what a request's session has to do with the answer.
func (id *identity) finish() {
	if id.renewed != nil {
		id.renewed.Finish()
	}
}

// LoadSession finds out who is signed in, for pages that anybody may see. It
// refuses nobody for want of a session: GetSession then returns nil. A
// state-changing request from a foreign origin goes on as if nobody were signed
// in. A session that cannot be read for a fault of the server is still an error.
func (a *Auth) LoadSession() gin.HandlerFunc {
	return func(c *gin.Context) {
		id, base, err := a.identity(c)
		switch {
		case err == nil:
			a.attach(c, id)
		case !errors.Is(err, errSignedOut) && !errors.Is(err, errForeign):
			a.abortFault(c, base, readingSession, err)
			return
		}
		c.Next()
		if id != nil {
			id.finish()
		}
	}
}

var (
	errSignedOut = errors.New("ginauth: signed out")
	errUnsealed  = fmt.Errorf("%w: the session does not open", errSignedOut)
	errForeign   = errors.New("ginauth: a foreign origin sent the request")
)

// identity finds out who sends a request.
func (a *Auth) identity(c *gin.Context) (*identity, origin.Base, error) {
	base, err := a.site.Hosts.Base(c.Request)
	if err != nil {
		return nil, base, err
	}
	private(c.Writer.Header())
	if id := identityFrom(c); id != nil && id.auth == a { // a middleware in front has found out
		return id, base, nil
	}
	found := cookie.Find(c.Request.Header["Cookie"], a.scheme(base).names.Session)
	if !found.Found {
		found.Value = bearer(c.Request.Header)
	} else if a.site.Foreign(c.Request, base) {
		a.tellForeign(c, base)
		return nil, base, errForeign
	}
	if found.Value == "" && !found.Doubled {
		return nil, base, errSignedOut
	}
	id, err := a.identify(c, base, found)
	return id, base, err
}

// readingSession is what a guard was doing when it failed.
const readingSession = "reading the session"

// abortFault ends a request that cannot be answered: never by going on. doing is for the log.
func (a *Auth) abortFault(c *gin.Context, base origin.Base, doing string, err error) {
	if errors.Is(err, origin.ErrHost) {
		a.tellHost(c.Request)
		a.abort(c, base, http.StatusBadRequest, errorcode.BadHost)
		return
	}
	if clientGone(c, err) {
		return
	}
	reference := newReference()
	a.opts.Logger.Error("ginauth: "+doing+" failed", "error", redact.Error(err), "reference", reference)
	page := pages.Error{Code: errorcode.SessionFault, Reference: reference}
	if c.Request.Method == http.MethodGet {
		page.RetryURL = ownPath(base.Prefix + c.Request.URL.RequestURI())
	}
	status := http.StatusInternalServerError
	if errors.Is(err, errUnavailable) {
		status, page.Code = http.StatusServiceUnavailable, errorcode.SessionUnavailable
	}
	a.abortWith(c, base, status, page)
}

// refuseAccess answers somebody whom a guard refuses. On a page they read who they are
// here, and can go on as somebody else: the sign-out comes first, since signing in once
// more would add the other account to this user.
func (a *Auth) refuseAccess(c *gin.Context, base origin.Base) {
	page := pages.Error{Code: errorcode.AccessDenied, HomeURL: base.Home()}
	if navigates(c.Request) {
		page.Reference = newReference()
		a.opts.Logger.Info("ginauth: a guard refused a page", "route", c.FullPath(), "reference", page.Reference)
		if session := GetSession(c); session != nil {
			page.Person = pages.Person{Name: session.User.Name, Email: session.User.Email}
		}
		back := "/"
		if c.Request.Method == http.MethodGet {
			back = c.Request.URL.RequestURI()
		}
		out := base.Public(a.opts.Pages.SignOut)
		if out == "" {
			out = base.URL + "/signout"
		}
		page.SwitchURL = withQuery(out, "callbackUrl", a.signInURL(base, base.Prefix+back))
	}
	a.abortWith(c, base, http.StatusForbidden, page)
}

// statusLeft is what nginx logs for a client that closed the connection.
const statusLeft = 499

// clientGone ends a request whose browser has left, where that is all that went wrong:
// nobody reads the answer, and neither a log nor a count of the answers with 503
// may look like an outage for it.
func clientGone(c *gin.Context, err error) bool {
	if c.Request.Context().Err() == nil || !errors.Is(err, context.Canceled) {
		return false
	}
	c.AbortWithStatus(statusLeft)
	return true
}

// bearer is the token of a request's only Authorization header (RFC 6750 §2.1).
func bearer(h http.Header) string {
	values := h["Authorization"]
	if len(values) != 1 {
		return ""
	}
	token, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok {
		return ""
	}
	return token
}

// tellHost says that the site does not answer for a request's host.
func (a *Auth) tellHost(req *http.Request) {
	site := a.site.Seen(req)
	a.refusals.Warn(req.Context(), refusal.Host, "a request was refused, since the site does not answer for its host",
		site.OfHost(), "host", req.Host, "forwarded_host", req.Header.Get("X-Forwarded-Host"), "expected", site.Expected())
}

// tellForeign says that a request with a session cookie came from another site's page.
// The path may hold a secret, such as that of an invitation: the route tells enough.
func (a *Auth) tellForeign(c *gin.Context, base origin.Base) {
	req := c.Request
	sent := req.Header.Get("Origin")
	a.refusals.Warn(req.Context(), refusal.CrossOrigin, "a request was not believed to be the signed-in person's, since another origin sent it",
		a.site.Seen(req).OfOrigin(sent, base.Origin), "route", c.FullPath(), "origin", sent, "sec_fetch_site", req.Header.Get("Sec-Fetch-Site"), "expected", base.Origin)
}

// attach puts the session where GetSession finds it: into the gin.Context, and
// into the request's context for what is called with that.
func (a *Auth) attach(c *gin.Context, id *identity) {
	c.Set(contextKey, id)
	ctx := c.Request.Context()
	switch {
	case id.Context == nil: // it is in no context yet
		id.Context = ctx
		ctx = id
	case ctx.Value(identityKey{}) == any(id):
		return
	default: // the request's context was changed for another behind a middleware in front
		ctx = context.WithValue(ctx, identityKey{}, id)
	}
	c.Request = c.Request.WithContext(ctx)
}

// detach makes GetSession find nobody from now on.
func (a *Auth) detach(c *gin.Context) {
	c.Set(contextKey, (*identity)(nil))
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), identityKey{}, (*identity)(nil)))
}

// Value makes an identity the context that it is found in: one allocation for both.
func (id *identity) Value(key any) any {
	if key == (identityKey{}) {
		return id
	}
	return id.Context.Value(key)
}

// GetSession returns the session that RequireSession found, or nil where nobody
// is signed in. ctx is the *gin.Context, or c.Request.Context() and what is
// derived from it.
//
// A context derived from the *gin.Context itself gives nil: gin uses its
// contexts again, and such a one would return the next request's person. In a
// goroutine that outlives the request use c.Copy() or c.Request.Context().
func GetSession(ctx context.Context) *Session {
	if id := identityFrom(ctx); id != nil {
		return id.view()
	}
	return nil
}

// GetToken returns the token of the session that GetSession returns, or nil, as for a
// session of AcceptBearer. It must not be changed: JWT callbacks do that.
func GetToken(ctx context.Context) *Token {
	if id := identityFrom(ctx); id != nil && !id.foreign {
		id.complete()
		return &id.token
	}
	return nil
}

func identityFrom(ctx context.Context) *identity {
	if ctx == nil {
		return nil
	}
	if c, ok := ctx.(*gin.Context); ok {
		if v, ok := c.Get(contextKey); ok {
			id, _ := v.(*identity)
			return id
		}
		if c.Request == nil {
			return nil
		}
		ctx = c.Request.Context()
	} else if ctx.Value(gin.ContextKey) != nil {
		return nil // derived from a gin.Context
	}
	id, _ := ctx.Value(identityKey{}).(*identity)
	return id
}

// askToSignIn answers a request of nobody in the way its sender can use.
func (a *Auth) askToSignIn(c *gin.Context, base origin.Base) {
	refuse := func(string) { a.abort(c, base, http.StatusUnauthorized, errorcode.SessionRequired) }
	a.lead(c, base, false, "Bearer", refuse, func(back string, _ bool) string { return a.signInURL(base, back) })
}

// lead leads to a page that has to come first, and from there back, in the way that the
// sender of a request can use. to is the URL of that page; sent says that a form was
// under way. Programs get what refuse answers, with a challenge (RFC 6750 §3).
func (a *Auth) lead(c *gin.Context, base origin.Base, program bool, challenge string, refuse func(page string), to func(back string, sent bool) string) {
	req := c.Request
	switch {
	case !program && req.Header.Get("HX-Request") == "true":
		page := samePage(req.Header.Get("HX-Current-URL"), base)
		if req.Header.Get("HX-Boosted") == "true" && req.Method == http.MethodGet {
			page = base.Prefix + req.URL.RequestURI() // a link: there the person wants to go
		}
		page = to(page, req.Method != http.MethodGet)
		c.Header("HX-Redirect", origin.Location(page))
		refuse(page)
	case program || !navigates(req):
		c.Header("WWW-Authenticate", challenge)
		refuse(to(samePage(req.Referer(), base), false))
	case req.Method == http.MethodGet || req.Method == http.MethodHead:
		a.sendTo(c, http.StatusFound, to(base.Prefix+req.URL.RequestURI(), false))
	default: // a form: back to the page it stands on, since its own URL may only take forms
		a.sendTo(c, http.StatusSeeOther, to(samePage(req.Referer(), base), true))
	}
}

// navigates reports whether the answer will be shown as a page.
func navigates(req *http.Request) bool {
	if mode := req.Header["Sec-Fetch-Mode"]; len(mode) > 0 {
		return mode[0] == "navigate"
	}
	return strings.Contains(req.Header.Get("Accept"), "text/html")
}

// samePage is the path and query of a URL of this site, else its first page.
func samePage(raw string, base origin.Base) string {
	u, err := origin.Read(raw)
	if err != nil || u.Origin() != base.Origin {
		return base.Prefix + "/"
	}
	return u.RequestURI()
}

// signInURL is the sign-in page, which leads back to a page of this site.
func (a *Auth) signInURL(base origin.Base, back string) string {
	page := base.Public(a.opts.Pages.SignIn)
	if page == "" {
		page = base.URL + "/signin"
	}
	return withQuery(page, "callbackUrl", ownPath(back))
}

// ownPath is a path of this site: never "//host" nor "javascript:", since a page of the
// application may use it as it is.
func ownPath(path string) string { return "/" + strings.TrimLeft(path, `/\`) }

func (a *Auth) sendTo(c *gin.Context, status int, url string) {
	c.Header("Location", origin.Location(url))
	c.AbortWithStatus(status)
	c.Writer.WriteHeaderNow()
}

// abort ends a request with a page or JSON, whichever the sender can read.
func (a *Auth) abort(c *gin.Context, base origin.Base, status int, code string) {
	a.abortWith(c, base, status, pages.Error{Code: code})
}

func (a *Auth) abortWith(c *gin.Context, base origin.Base, status int, page pages.Error) {
	c.Abort()
	if navigates(c.Request) && status != http.StatusUnauthorized {
		page.Aborted, page.Site, page.SignInURL, page.Hint = true, base.Host(), base.URL+"/signin", a.abortHint(c.Request, base, page.Code)
		a.words(c).Below(base.Prefix).Error(c.Writer, status, page)
		return
	}
	writeJSON(c, status, map[string]string{"error": page.Code, "message": errorcode.AbortText(page.Code)})
}

// abortHint says to a developer, beside a page, which option the refusal points to.
func (a *Auth) abortHint(req *http.Request, base origin.Base, code string) string {
	switch {
	case a.release:
	case code == errorcode.BadHost:
		return a.site.Seen(req).HostHint()
	case code == errorcode.CrossOriginRequest:
		return a.site.Seen(req).Hint(base.Origin)
	}
	return ""
}
