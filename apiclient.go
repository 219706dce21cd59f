package ginauth

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth/internal/origin"
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
	id := find(c)
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
	return &http.Client{Transport: &bearerTransport{base, g.Access, c.Request.Context()}}, nil
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

// bearerTransport adds an access token to requests, as long as another request
// lasts.
type bearerTransport struct {
	base  http.RoundTripper
	token string
	ctx   context.Context
}

// String leaves the token out.
func (*bearerTransport) String() string { return "ginauth: the transport of Auth.Client" }

// GoString is String.
func (t *bearerTransport) GoString() string { return t.String() }

// RoundTrip sends one request, or one redirect of it.
func (t *bearerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	stop := context.AfterFunc(t.ctx, func() { cancel(context.Cause(t.ctx)) })
	end := func() {
		stop()
		cancel(nil)
	}
	sent := req.Clone(ctx)
	if sent.Header.Get("Authorization") == "" && oneOrigin(req) {
		if sent.Header == nil {
			sent.Header = http.Header{}
		}
		sent.Header.Set("Authorization", "Bearer "+t.token)
	}
	res, err := t.base.RoundTrip(sent)
	if err != nil {
		end()
		return nil, err
	}
	body := &endingBody{ReadCloser: res.Body, end: sync.OnceFunc(end)}
	res.Body = body
	if w, ok := body.ReadCloser.(io.Writer); ok { // the connection of a switched protocol
		res.Body = struct {
			*endingBody
			io.Writer
		}{body, w}
	}
	return res, nil
}

// oneOrigin reports whether a request, and each that was redirected until it came
// about, goes to one origin. A redirect is the answering server's choice, not the
// application's: it must not carry the token to where that server points.
func oneOrigin(req *http.Request) bool {
	for r := req; r.Response != nil; {
		if r = r.Response.Request; r == nil || !origin.SameDestination(r.URL, req.URL) {
			return false
		}
	}
	return true
}

// endingBody ends what belongs to a response when it is closed.
type endingBody struct {
	io.ReadCloser
	end func()
}

func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
