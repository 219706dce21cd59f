package ginauthtest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// maxRecorded is how many token requests are remembered; the oldest go first.
const maxRecorded = 10_000

// TokenRequest is a request that arrived at the token endpoint.
type TokenRequest struct {
	// Form is the body's form; empty if the body was not one.
	Form url.Values

	// BasicUser and BasicPassword are the credentials of the Authorization
	// header with their form encoding undone (RFC 6749 §2.3.1); empty if there
	// were none or they were malformed.
	BasicUser, BasicPassword string

	// Accepted tells whether the provider issued tokens.
	Accepted bool
}

// TokenRequests are the requests that arrived at the token endpoint, oldest
// first: all of them, refused and answered, and also while the endpoint was
// broken. The result is a copy; the last ten thousand are kept.
func (p *Provider) TokenRequests() []TokenRequest {
	p.requests.mu.Lock()
	defer p.requests.mu.Unlock()
	requests := make([]TokenRequest, len(p.requests.arrived))
	for i, arrived := range p.requests.arrived {
		requests[i] = *arrived
		requests[i].Form = maps.Clone(arrived.Form)
		for name, values := range requests[i].Form {
			requests[i].Form[name] = slices.Clone(values)
		}
	}
	return requests
}

type tokenLog struct {
	mu      sync.Mutex
	arrived []*TokenRequest
}

type recordedKey struct{}

// recorded is what record found in the request.
func recorded(r *http.Request) *TokenRequest {
	if arrived, ok := r.Context().Value(recordedKey{}).(*TokenRequest); ok {
		return arrived
	}
	return &TokenRequest{}
}

// record reads a token request and remembers it. The request it answers has
// its body back, for a handler given to Break.
func (l *tokenLog) record(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, err
	}
	arrived := &TokenRequest{Form: parseForm(r.Header.Get("Content-Type"), body)}
	arrived.BasicUser, arrived.BasicPassword = basicCredentials(r)

	l.mu.Lock()
	l.arrived = append(l.arrived, arrived)
	if len(l.arrived) > maxRecorded {
		l.arrived = slices.Delete(l.arrived, 0, len(l.arrived)-maxRecorded)
	}
	l.mu.Unlock()

	r = r.WithContext(context.WithValue(r.Context(), recordedKey{}, arrived))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

func (l *tokenLog) accept(arrived *TokenRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	arrived.Accepted = true
}

// parseForm reads a urlencoded body, and nothing of one that is malformed: a
// form of which half was understood is not what the client meant.
func parseForm(contentType string, body []byte) url.Values {
	if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return url.Values{}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return url.Values{}
	}
	return form
}

// basicCredentials undoes the form encoding that a client puts under Basic
// (RFC 6749 §2.3.1). A client that skips it sends a secret with a plus sign
// or a percent sign in vain, as it would with a real provider.
func basicCredentials(r *http.Request) (user, password string) {
	rawUser, rawPassword, ok := r.BasicAuth()
	if !ok || len(r.Header.Values("Authorization")) != 1 {
		return "", ""
	}
	user, err := url.QueryUnescape(rawUser)
	if err != nil {
		return "", ""
	}
	password, err = url.QueryUnescape(rawPassword)
	if err != nil {
		return "", ""
	}
	return user, password
}
