package tokenset

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/ginauth/ginauth/internal/origin"
)

// A Transport adds an access token to requests (RFC 6750 §2.1). It prints without the
// token.
type Transport struct {
	base  http.RoundTripper
	token string
	ctx   context.Context
}

// NewTransport makes a Transport whose requests end with ctx. base sends them.
func NewTransport(ctx context.Context, base http.RoundTripper, token string) *Transport {
	return &Transport{base, token, ctx}
}

// String leaves the token out.
func (*Transport) String() string { return "ginauth: the transport of Auth.Client" }

// GoString is String.
func (t *Transport) GoString() string { return t.String() }

// RoundTrip sends one request, or one redirect of it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
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
