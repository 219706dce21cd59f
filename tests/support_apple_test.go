package tests

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// appleGate stands before the token endpoint of the local provider, whose client
// has a lasting secret, and takes Apple's in its place.
type appleGate struct {
	key *ecdsa.PrivateKey
}

func newAppleGate(t testing.TB) *appleGate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &appleGate{key}
}

func (g *appleGate) provider(clientID string, scopes []string) *oidc.Provider {
	return oidc.Apple(oidc.AppleConfig{ClientID: clientID, TeamID: "TEAM123456", KeyID: "KEY1234567", PrivateKey: g.key, Scopes: scopes})
}

// appleTransport checks the client secret and puts the local one there.
type appleTransport struct {
	gate *appleGate
	idp  *ginauthtest.Provider
	next http.RoundTripper
}

func (t *appleTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host+req.URL.Path != "appleid.apple.com/auth/token" {
		return t.next.RoundTrip(req)
	}
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, err
	}
	signed, err := jose.ParseSignedCompact(form.Get("client_secret"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	payload, err := signed.Verify(t.gate.key.Public())
	if err != nil {
		return nil, err
	}
	var claims struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	now := time.Now().Unix()
	if claims.Iss != "TEAM123456" || claims.Sub != t.idp.ClientID() || claims.Aud != "https://appleid.apple.com" ||
		signed.Signatures[0].Header.KeyID != "KEY1234567" || claims.Iat > now || claims.Exp <= now || claims.Exp > now+15777000 {
		return nil, fmt.Errorf("not Apple's client secret: %s", payload)
	}
	form.Set("client_secret", t.idp.ClientSecret())
	sent := req.Clone(req.Context())
	sent.Body = io.NopCloser(strings.NewReader(form.Encode()))
	sent.ContentLength = int64(len(form.Encode()))
	return t.next.RoundTrip(sent)
}
