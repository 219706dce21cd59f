// Package probe asks a service, without an account there, whether the endpoints
// that are known of it are its endpoints still.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"
)

// A Provider is one that package oauth or oidc makes.
type Provider interface {
	goth.Provider
	AuthCodeURL(ctx context.Context, redirectURL, state, nonce string, opts ...oauth2.AuthCodeOption) (string, error)
	ExchangeCode(ctx context.Context, redirectURL, code, nonce string, opts ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error)
}

const (
	redirectURL = "https://app.example.com/api/auth/callback/probe"
	state       = "0123456789abcdef0123456789abcdef0123456789a"
	code        = "no-authorization-code"
	verifier    = "no-code-verifier-0123456789-0123456789-0123456789"
)

// Check reports every way in which the service is not what p takes it for: its
// discovery document does not come or names another issuer, its authorization
// endpoint is not there (404 or 410), or its token endpoint does not answer a bad
// code with an OAuth error (RFC 6749 §5.2). The client should have a deadline.
func Check(ctx context.Context, p Provider, client *http.Client) error {
	var faults []error
	watched := &watch{base: client.Transport}
	if watched.base == nil {
		watched.base = http.DefaultTransport
	}
	own := *client
	own.Transport = watched
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &own)
	if p, ok := p.(interface {
		AuthorizationIssuer(ctx context.Context) (string, bool, error)
	}); ok {
		if _, _, err := p.AuthorizationIssuer(ctx); err != nil {
			return fmt.Errorf("discovery: %w", err)
		}
	}
	target, err := p.AuthCodeURL(ctx, redirectURL, state, state, oauth2.S256ChallengeOption(verifier))
	if err != nil {
		return fmt.Errorf("authorization URL: %w", err)
	}
	if err := visit(ctx, client, target); err != nil {
		faults = append(faults, fmt.Errorf("authorization endpoint: %w", err))
	}
	watched.take()
	if _, _, err := p.ExchangeCode(ctx, redirectURL, code, state, oauth2.VerifierOption(verifier)); err == nil {
		faults = append(faults, errors.New("token endpoint: it takes a code that nobody made"))
	} else if err := refusal(watched.take()); err != nil {
		faults = append(faults, fmt.Errorf("token endpoint: %w", err))
	}
	return errors.Join(faults...)
}

// visit asks for a page as a browser would, and follows no redirect.
func visit(ctx context.Context, client *http.Client, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("User-Agent", "Mozilla/5.0 (compatible; ginauth probe)")
	browser := *client
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone {
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return nil
}

// refusal tells an OAuth error from anything else.
func refusal(answers []answer) error {
	if len(answers) == 0 {
		return errors.New("it did not answer")
	}
	last := answers[len(answers)-1]
	var said map[string]any
	_ = json.Unmarshal(last.body, &said) // what is no JSON says no error
	for _, name := range []string{"error", "errcode", "code", "errors", "error_code", "status"} {
		if said[name] != nil {
			return nil
		}
	}
	if bytes.Contains(last.body, []byte("error=")) { // in a form, as some have it
		return nil
	}
	return fmt.Errorf("it answered %d without an OAuth error", last.status)
}

type answer struct {
	status int
	body   []byte
}

// watch remembers answers.
type watch struct {
	base http.RoundTripper

	mu   sync.Mutex
	seen []answer
}

func (w *watch) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	_ = res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, answer{res.StatusCode, body})
	return res, nil
}

func (w *watch) take() []answer {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}
