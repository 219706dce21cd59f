// Package fetch bounds the requests that are sent to identity providers: their time,
// their size, and the redirects that they follow. It does not know OAuth, or what is
// requested.
package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/redact"
)

const (
	// Timeout bounds one request, its body included.
	Timeout = 10 * time.Second
	// MaxBody is the longest answer, in bytes, that is read.
	MaxBody = 1 << 20
	// maxRedirects is how often one request may be sent on.
	maxRedirects = 5
)

// ErrTooLarge says that an answer is longer than MaxBody.
var ErrTooLarge error = redact.Safe("fetch: the answer is larger than 1 MiB")

// Client makes a bounded client on a transport; nil means
// http.DefaultTransport. It has no cookies, and may live as long as the program.
func Client(base http.RoundTripper) *http.Client {
	if base == nil {
		base = http.DefaultTransport
	}
	return &http.Client{Transport: &capped{base}, CheckRedirect: SameOrigin, Timeout: Timeout}
}

// From returns the client that ctx carries under oauth2.HTTPClient, where
// x/oauth2 and go-oidc look for it too, or a new one, with the bounds it lacks.
// The client in ctx itself is not changed.
func From(ctx context.Context) *http.Client {
	given, _ := ctx.Value(oauth2.HTTPClient).(*http.Client)
	if given == nil {
		return Client(nil)
	}
	if _, ok := given.Transport.(*capped); ok {
		return given
	}
	bounded := Client(given.Transport)
	bounded.Jar = given.Jar
	if given.Timeout > 0 {
		bounded.Timeout = given.Timeout
	}
	if given.CheckRedirect != nil {
		bounded.CheckRedirect = given.CheckRedirect
	}
	return bounded
}

// Context returns ctx with the client of From, for x/oauth2 and go-oidc.
func Context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, From(ctx))
}

// SameOrigin is a redirect policy. A token request redirected with 307 carries
// the code, the verifier and the secret in its body wherever it is sent.
func SameOrigin(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errors.New("fetch: the provider redirects in circles")
	}
	first := via[0].URL
	if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host {
		return errors.New("fetch: the provider redirects to another origin")
	}
	return nil
}

type capped struct{ base http.RoundTripper }

func (t *capped) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if res.ContentLength > MaxBody {
		_ = res.Body.Close()
		return nil, ErrTooLarge
	}
	res.Body = &cappedBody{ReadCloser: res.Body, left: MaxBody}
	return res, nil
}

// cappedBody fails past its limit. It does not end there: a cut document could
// still parse.
type cappedBody struct {
	io.ReadCloser
	left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		n, err = int(b.left), ErrTooLarge
	}
	b.left -= int64(n)
	return n, err
}
