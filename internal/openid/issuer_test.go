package openid_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/openid"
)

const (
	clientID    = "client"
	nonce       = "the-nonce"
	accessToken = "the-access-token"
)

// issuer is an OpenID issuer on loopback that can lie.
type issuer struct {
	*httptest.Server
	discoveries, keyFetches atomic.Int32

	mu       sync.Mutex
	signer   jose.SigningKey
	keys     []jose.JSONWebKey
	metadata map[string]any
	userinfo map[string]any
	handlers map[string]http.HandlerFunc // instead of the honest ones, by path
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	i := &issuer{userinfo: map[string]any{"sub": "alice"}, handlers: map[string]http.HandlerFunc{}}
	i.Server = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.Close)
	i.metadata = map[string]any{
		"issuer":                                i.URL,
		"authorization_endpoint":                i.URL + "/auth",
		"token_endpoint":                        i.URL + "/token",
		"jwks_uri":                              i.URL + "/keys",
		"userinfo_endpoint":                     i.URL + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"ES256", "RS256", "HS256", "none"},
	}
	i.rotate(t, "key-1")
	return i
}

// rotate makes a new key the only one published and signs with it.
func (i *issuer) rotate(t testing.TB, kid string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signer = jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}
	i.keys = []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Use: "sig"}}
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		i.discoveries.Add(1)
	case "/keys":
		i.keyFetches.Add(1)
	}
	i.mu.Lock()
	handler := i.handlers[r.URL.Path]
	answers := map[string]any{
		"/.well-known/openid-configuration": maps.Clone(i.metadata),
		"/keys":                             jose.JSONWebKeySet{Keys: i.keys},
		"/userinfo":                         maps.Clone(i.userinfo),
	}
	i.mu.Unlock()
	if handler != nil {
		handler(w, r)
		return
	}
	answer, ok := answers[r.URL.Path]
	if !ok || r.URL.Path == "/userinfo" && r.Header.Get("Authorization") != "Bearer "+accessToken {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// handle answers path with h, and honestly again when h is nil.
func (i *issuer) handle(path string, h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.handlers[path] = h
}

func (i *issuer) client() *openid.Client {
	return &openid.Client{Issuer: i.URL, ClientID: clientID}
}

// claims are those of an honest id_token, less and plus what change says: a
// nil value takes the claim out.
func (i *issuer) claims(change map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL, "sub": "alice", "aud": clientID, "nonce": nonce, "at_hash": atHash(accessToken),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range change {
		if value == nil {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	return claims
}

func (i *issuer) sign(t testing.TB, claims any) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	return sign(t, i.signer, claims)
}

// signTyped signs claims under a header that says what they are.
func (i *issuer) signTyped(t testing.TB, typ string, claims any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	options := &jose.SignerOptions{}
	if typ != "" {
		options = options.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(i.signer, options)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func sign(t testing.TB, key jose.SigningKey, claims any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return signBytes(t, key, payload)
}

func signBytes(t testing.TB, key jose.SigningKey, payload []byte) string {
	t.Helper()
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func atHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func newRSA(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publish(i *issuer, kid string, key crypto.PublicKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, jose.JSONWebKey{Key: key, KeyID: kid})
}
