package ginauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/errorcode"
	"github.com/ginauth/ginauth/internal/oauth"
	"github.com/ginauth/ginauth/internal/origin"
	"github.com/ginauth/ginauth/internal/redact"
	"github.com/ginauth/ginauth/internal/revocation"
	"github.com/ginauth/ginauth/internal/tokenset"
)

var (
	// ErrNoTokens says that the session holds no access token of a provider:
	// Session.KeepTokens was not set at sign-in, or the sign-in gave none.
	ErrNoTokens = errors.New("ginauth: the session holds no tokens of a provider")
	// ErrTokensExpired says that the provider's access token has expired and
	// cannot be renewed, since the provider refuses or nothing was kept to renew it
	// with: the person has to sign in again.
	ErrTokensExpired = errors.New("ginauth: the provider's tokens serve no more")
)

// errWritten says that a renewal came too late for its cookie.
var errWritten = errors.New("ginauth: the provider's access token has to be renewed, and the answer is under way: call Client before writing it")

// Client returns an HTTP client that calls the provider's API as the person who
// is signed in, with the access token that SessionOptions.KeepTokens keeps, as a
// bearer token (RFC 6750 §2.1). It belongs behind RequireSession or LoadSession, in
// the handler's own goroutine and before the answer is written; what it returns
// may be used by many.
//
// A token that has expired, or will within 30 seconds, is renewed first (RFC 6749
// §6), once for all requests of this session that need it, those of other
// processes too where Session.Store is a SessionLocker. It is done here and not
// in RequireSession, so that requests which ask nothing of the provider neither
// wait for it nor fail with it. The new tokens are saved before they are used.
//
// The errors are ErrNoSession where nobody is signed in, ErrNoTokens and
// ErrTokensExpired. When the provider refuses the renewal for good, Session.Error
// is "RefreshTokenError" from then on until the next sign-in, and
// Events.RefreshError is called. Any other error passes: the provider or the store
// does not answer, or the answer is under way and a renewal would be needed.
//
// The token goes to whichever host a request names, and not along when that
// redirects to another origin, or to another spelling of the host than its own in
// other case. A request with an Authorization header keeps it.
// Requests end with the request of c, each other limit, such as the client's
// Timeout, is the caller's. The transport is that of Options.HTTPClient.
func (a *Auth) Client(c *gin.Context) (*http.Client, error) {
	id := identityFrom(c)
	if id == nil || id.auth != a {
		return nil, ErrNoSession
	}
	g := id.token.grant
	switch {
	case !a.opts.Session.KeepTokens || g == nil:
		return nil, ErrNoTokens
	case g.Refused:
		return nil, ErrTokensExpired
	case g.Access == "":
		return nil, ErrNoTokens
	}
	now := a.opts.Now()
	if g.NeedsRefresh(now) {
		renewed, err := a.renewDue(c, id)
		switch {
		case err == nil:
			g = renewed
		case g.Expired(now) || errors.Is(err, ErrNoSession) || errors.Is(err, errRefused):
			return nil, err
		}
	}
	base := http.DefaultTransport
	if client := a.opts.HTTPClient; client != nil && client.Transport != nil {
		base = client.Transport
	}
	return &http.Client{Transport: tokenset.NewTransport(c.Request.Context(), base, g.Access)}, nil
}

// renewDue renews the tokens of a session where that can be done.
func (a *Auth) renewDue(c *gin.Context, id *identity) (*tokenset.Grant, error) {
	switch {
	case !id.token.grant.Renewable() || a.opts.Session.Store == nil:
		return nil, ErrTokensExpired
	case c.Writer.Written():
		return nil, errWritten
	}
	return a.renewGrant(c, id)
}

// renewalTimeout bounds the provider's part, so that all of a renewal is done
// before a store may give its lock away.
const renewalTimeout = 8 * time.Second

// newGrant is what is kept of a sign-in: nil where nothing needs it.
func (a *Auth) newGrant(p *provider, from *Account) *tokenset.Grant {
	ended := a.takesLogoutTokens(p)
	g := tokenset.New(p.id, tokenset.Tokens{
		Access: from.AccessToken, Expires: from.ExpiresAt, Refresh: from.RefreshToken, IDToken: from.IDToken,
	}, tokenset.Use{
		Tokens: a.opts.Session.KeepTokens, SignOut: p.oauth().signsOut(), Ended: ended, Stored: a.opts.Session.Store != nil,
	})
	if ended {
		t := tokenset.ReadIDToken(from.IDToken)
		g.Account = revocation.AccountDigest(p.id, t.Issuer, t.Subject)
		g.Session = revocation.SessionDigest(p.id, t.Issuer, t.Session)
	}
	return g
}

// renewGrant renews the tokens of a request's session, once for all requests that
// need it, and lets this one go on with what came of it.
func (a *Auth) renewGrant(c *gin.Context, id *identity) (*tokenset.Grant, error) {
	base, err := a.site.Hosts.Base(c.Request)
	if err != nil {
		return nil, err
	}
	r := a.shared.renewals.Do(c.Request.Context(), id.token.sessionID(), id.token.grant, a.opts.Now(), func() tokenset.Renewal {
		// The tokens that the provider gives out are its last: they must be saved,
		// whether or not the browser waits for it.
		return a.renewal(context.WithoutCancel(c.Request.Context()), c, id, base)
	})
	switch {
	case r.Grant == nil && r.Err == nil: // this request has ended, or the first one panicked
		if err := context.Cause(c.Request.Context()); err != nil {
			return nil, err
		}
		return nil, errors.New("ginauth: the renewal of the provider's tokens failed in another request")
	case r.Err != nil && !errors.Is(r.Err, ErrTokensExpired):
		return nil, r.Err
	}
	next := id.clone()
	next.token.grant = r.Grant
	if r.Grant.Refused {
		next.session.Error = refreshTokenError
	}
	if r.Handle != "" && r.Handle != id.value {
		next.value = r.Handle
		found := cookie.Find(c.Request.Header["Cookie"], a.scheme(base).names.Session)
		if found.Found { // a bearer token is not ours to replace
			a.renewCookie(c, next, found, base, r.Handle, r.Ends)
			id.renewed = next.renewed // for the middleware that found it
		}
	}
	a.attach(c, next)
	return r.Grant, r.Err
}

// renewal trades the refresh token for new tokens and saves them.
func (a *Auth) renewal(ctx context.Context, c *gin.Context, id *identity, base origin.Base) tokenset.Renewal {
	release, err := a.shared.locks.Lock(ctx, "renew:"+id.token.sessionID(), lockWait)
	if err != nil {
		return tokenset.Renewal{Err: err}
	}
	defer release()
	now := a.opts.Now()
	// Another process may have renewed them, or ended the session, meanwhile.
	stored, err := a.open(ctx, id.value, base, now)
	switch {
	case errors.Is(err, errSignedOut):
		return tokenset.Renewal{Err: ErrNoSession}
	case err != nil:
		return tokenset.Renewal{Err: err}
	}
	g := stored.token.grant
	switch {
	case g == nil || g.Access == "" && !g.Refused:
		return tokenset.Renewal{Err: ErrNoTokens}
	case g.Refused:
		return tokenset.Renewal{Grant: g, Err: errRefused}
	case !g.NeedsRefresh(now):
		return tokenset.Renewal{Grant: g, Handle: id.value}
	}
	from := g
	next := a.shared.renewals.Rescued(id.token.sessionID(), g.Refresh, now)
	if next != nil && next.NeedsRefresh(now) { // it has expired while nothing could be saved
		from, next = next, nil
	}
	if next == nil {
		next, err = a.askProvider(ctx, from, now)
		if err != nil && !errors.Is(err, ErrTokensExpired) {
			return tokenset.Renewal{Err: err}
		}
	}
	refusal := err
	if refusal != nil {
		next = g.Refuse()
	}
	r := a.saveGrant(ctx, id, base, next)
	if r.Err != nil {
		if refusal == nil && !errors.Is(r.Err, ErrNoSession) {
			a.shared.renewals.Rescue(id.token.sessionID(), g.Refresh, next, now)
		}
		return r
	}
	if refusal != nil {
		a.opts.Logger.Warn("ginauth: the provider renews no tokens of a session any more", "provider", g.Provider, "error", redact.Error(refusal))
		if event := a.opts.Events.RefreshError; event != nil {
			id.complete()
			event(c, RefreshErrorEvent{Token: &id.token, Provider: g.Provider, Err: redact.Error(refusal)})
		}
		r.Err = errRefused
	}
	return r
}

// errRefused says that the provider was asked and refused for good.
var errRefused = fmt.Errorf("%w: the provider refuses to renew them", ErrTokensExpired)

// askProvider makes the refresh request (RFC 6749 §6). Its error is
// ErrTokensExpired where the answer will not change.
func (a *Auth) askProvider(ctx context.Context, g *tokenset.Grant, now time.Time) (*tokenset.Grant, error) {
	p := a.provider(g.Provider)
	if p == nil {
		return nil, fmt.Errorf("ginauth: the provider %q, whose tokens the session has, is not in Options.Providers any more", g.Provider)
	}
	if !p.oauth().canRefresh() {
		return nil, fmt.Errorf("%w: the provider %s cannot renew them", ErrTokensExpired, g.Provider)
	}
	ctx, cancel := context.WithTimeout(ctx, renewalTimeout)
	defer cancel()
	tok, err := p.oauth().client.Refresh(ctx, g.Refresh)
	switch {
	case errors.Is(err, oauth.ErrGrant):
		return nil, fmt.Errorf("%w: %w", ErrTokensExpired, err)
	case err != nil:
		return nil, fmt.Errorf("ginauth: renewing the tokens of %s: %w", g.Provider, err)
	}
	next, err := g.Renew(tok, now)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTokensExpired, err)
	}
	return next, nil
}

// saveGrant puts a grant into a stored session, which otherwise stays as it is,
// its times too: not as this request has it, since others may have changed it.
func (a *Auth) saveGrant(ctx context.Context, id *identity, base origin.Base, g *tokenset.Grant) (r tokenset.Renewal) {
	err := ErrConflict
	for try := 0; try <= maxReruns && errors.Is(err, ErrConflict); try++ {
		var stored *identity
		if stored, err = a.open(ctx, id.value, base, a.opts.Now()); err != nil {
			break
		}
		stored.token.grant = g
		r = tokenset.Renewal{Grant: g, Ends: stored.token.ExpiresAt}
		var payload []byte
		if payload, err = stored.token.payload(); err == nil {
			r.Handle, err = a.replace(ctx, stored, payload, r.Ends, base)
		}
	}
	switch {
	case errors.Is(err, errSignedOut):
		return tokenset.Renewal{Err: ErrNoSession} // it was ended while this was under way
	case errors.Is(err, ErrConflict):
		return tokenset.Renewal{Err: errChanging}
	case err != nil:
		return tokenset.Renewal{Err: err}
	}
	return r
}

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
			a.abortFault(c, base, readingSession, err)
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
			a.abortFault(c, base, readingSession, err)
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
