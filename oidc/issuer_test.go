package oidc_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/oidc"
)

const (
	redirectURL = "https://app.example/api/auth/callback/liar"
	nonce       = "the-nonce"
)

// liar is an OpenID issuer on loopback whose every answer a test can change. A
// nil value in one of the maps takes the field out.
type liar struct {
	*httptest.Server
	discoveries, tokenRequests, userinfoRequests atomic.Int32

	mu       sync.Mutex
	metadata map[string]any
	idToken  map[string]any // over the honest claims
	token    map[string]any // over the honest token answer
	userinfo map[string]any
	handlers map[string]http.HandlerFunc // instead of the answers above, by path
	form     url.Values                  // of the last token request
	user     *url.Userinfo               // Basic credentials of the last token request

	signer jose.Signer
}

func newLiar(t testing.TB) *liar {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{
		signer:  signer,
		idToken: map[string]any{}, token: map[string]any{},
		userinfo: map[string]any{"sub": "alice"},
		handlers: map[string]http.HandlerFunc{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		l.discoveries.Add(1)
		l.answer(w, l.without(l.metadata))
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		l.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public, KeyID: "k"}}})
	})
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		l.userinfoRequests.Add(1)
		l.answer(w, l.without(l.userinfo))
	})
	mux.HandleFunc("/token", l.serveToken)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		handler := l.handlers[r.URL.Path]
		l.mu.Unlock()
		if handler == nil {
			handler = mux.ServeHTTP
		}
		handler(w, r)
	}))
	t.Cleanup(l.Close)
	l.metadata = map[string]any{
		"issuer":                                l.URL,
		"authorization_endpoint":                l.URL + "/auth",
		"token_endpoint":                        l.URL + "/token",
		"jwks_uri":                              l.URL + "/keys",
		"userinfo_endpoint":                     l.URL + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"EdDSA"},
	}
	return l
}

// answer writes value as JSON.
func (l *liar) answer(w http.ResponseWriter, value any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (l *liar) serveToken(w http.ResponseWriter, r *http.Request) {
	l.tokenRequests.Add(1)
	_ = r.ParseForm()
	now := time.Now()
	l.mu.Lock()
	l.form, l.user = r.PostForm, nil
	if name, password, ok := r.BasicAuth(); ok {
		l.user = url.UserPassword(name, password)
	}
	claims := changed(map[string]any{
		"iss": l.URL, "sub": "alice", "aud": "client", "nonce": nonce,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}, l.idToken)
	raw, err := l.sign(claims)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	answer := changed(map[string]any{
		"access_token": "at", "token_type": "Bearer", "expires_in": 3600, "id_token": raw,
	}, l.token)
	l.mu.Unlock()
	l.answer(w, answer)
}

func (l *liar) sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := l.signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// change sets fields of one of the liar's maps.
func (l *liar) change(m map[string]any, change map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(m, change)
}

// without returns a copy of m without its nil values.
func (l *liar) without(m map[string]any) map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return changed(m, nil)
}

// handle answers path with h, and as before when h is nil.
func (l *liar) handle(path string, h http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[path] = h
}

// lastTokenRequest returns the form and the Basic credentials that came last.
func (l *liar) lastTokenRequest() (url.Values, *url.Userinfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.form, l.user
}

func (l *liar) config() oidc.Config {
	return oidc.Config{Name: "liar", Issuer: l.URL, ClientID: "client", ClientSecret: "secret"}
}

// silence makes path say nothing until the client leaves or the test ends: the
// requests for discovery and keys outlive the call that caused them.
func (l *liar) silence(t testing.TB, path string) {
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	l.handle(path, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see the client leave
		select {
		case <-ended:
		case <-r.Context().Done():
		}
	})
}

func changed(honest, change map[string]any) map[string]any {
	out := maps.Clone(honest)
	maps.Copy(out, change)
	maps.DeleteFunc(out, func(_ string, value any) bool { return value == nil })
	return out
}
