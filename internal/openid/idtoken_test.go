package openid_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestVerifyClaims(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	soon := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	tests := []struct {
		name    string
		change  map[string]any
		refused string // part of the error, "" when accepted
	}{
		{"honest", nil, ""},
		{"other issuer", map[string]any{"iss": "https://evil.example"}, "different provider"},
		{"issuer with a slash more", map[string]any{"iss": i.URL + "/"}, "different provider"},
		{"no issuer", map[string]any{"iss": nil}, "different provider"},
		{"other audience", map[string]any{"aud": "other"}, "expected audience"},
		{"no audience", map[string]any{"aud": nil}, "expected audience"},
		{"audience of one in a list", map[string]any{"aud": []string{clientID}}, ""},
		{"several audiences, azp is ours", map[string]any{"aud": []string{clientID, "api"}, "azp": clientID}, ""},
		{"several audiences, azp is another", map[string]any{"aud": []string{clientID, "api"}, "azp": "api"}, "azp is another"},
		{"several audiences, no azp", map[string]any{"aud": []string{clientID, "api"}}, "no azp"},
		{"several audiences, azp null", map[string]any{"aud": []string{clientID, "api"}, "azp": json.RawMessage("null")}, "no azp"},
		{"one audience, azp is ours", map[string]any{"azp": clientID}, ""},
		{"one audience, azp is another", map[string]any{"azp": "other"}, "azp is another"},
		{"azp is empty", map[string]any{"azp": ""}, "azp is another"},
		{"azp is a digit", map[string]any{"azp": 7}, "not a string"},
		{"azp is a list", map[string]any{"azp": []string{clientID}}, "not a string"},
		{"expired", map[string]any{"exp": soon(-time.Minute)}, "expired"},
		{"no exp", map[string]any{"exp": nil}, "expired"},
		{"exp null", map[string]any{"exp": json.RawMessage("null")}, "claims"},
		{"iat in an hour", map[string]any{"iat": soon(time.Hour)}, "the id_token's iat lies in the future"},
		{"iat in a minute", map[string]any{"iat": soon(time.Minute)}, ""},
		{"no iat", map[string]any{"iat": nil}, "no iat"},
		{"nbf in an hour", map[string]any{"nbf": soon(time.Hour)}, "nbf"},
		{"other nonce", map[string]any{"nonce": "another"}, "nonce"},
		{"longer nonce", map[string]any{"nonce": nonce + "x"}, "nonce"},
		{"no nonce", map[string]any{"nonce": nil}, "nonce"},
		{"other at_hash", map[string]any{"at_hash": atHash("another")}, "access token hash"},
		{"no at_hash", map[string]any{"at_hash": nil}, ""},
		{"no sub", map[string]any{"sub": nil}, "no sub"},
		{"empty sub", map[string]any{"sub": ""}, "no sub"},
		{"Sub beside sub", map[string]any{"Sub": "mallory"}, "beside sub"},
		{"NONCE for nonce", map[string]any{"nonce": nil, "NONCE": nonce}, "beside nonce"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token, err := c.Verify(t.Context(), i.sign(t, i.claims(tt.change)), nonce, accessToken)
			if tt.refused == "" {
				if err != nil || token.Subject != "alice" {
					t.Fatalf("got %v, %v, want alice", token, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got error %v, want one with %q", err, tt.refused)
			}
			if token != nil {
				t.Fatal("a refused token was returned")
			}
		})
	}
}

// A refreshed id_token has no nonce, and some come without an access token.
func TestVerifyWithoutNonceAndAccessToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	raw := i.sign(t, i.claims(map[string]any{"nonce": nil}))
	if _, err := i.client().Verify(t.Context(), raw, "", ""); err != nil {
		t.Fatal(err)
	}
	// One that has it all the same is accepted (OpenID Connect Core §12.2).
	if _, err := i.client().Verify(t.Context(), i.sign(t, i.claims(nil)), "", ""); err != nil {
		t.Error(err)
	}
	if _, err := i.client().Verify(t.Context(), raw, "", "another access token"); err == nil {
		t.Fatal("at_hash of another access token accepted")
	}
}

func TestVerifySignature(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	rsaKey := newRSA(t)
	publish(i, "rsa", rsaKey.Public())
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	publish(i, "ed", edKey.Public())
	honest := i.claims(nil)
	by := func(alg jose.SignatureAlgorithm, kid string, key any) string {
		return sign(t, jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, honest)
	}
	parts := strings.Split(i.sign(t, honest), ".")
	encode := base64.RawURLEncoding.EncodeToString
	payload, err := json.Marshal(i.claims(map[string]any{"sub": "mallory"}))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, token string
		ok          bool
	}{
		{"honest ES256", strings.Join(parts, "."), true},
		{"honest RS256", by(jose.RS256, "rsa", rsaKey), true},
		{"payload exchanged", parts[0] + "." + encode(payload) + "." + parts[2], false},
		{"signature missing", parts[0] + "." + parts[1] + ".", false},
		{"alg none", encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", false},
		{"alg None", encode([]byte(`{"alg":"None"}`)) + "." + parts[1] + ".", false},
		{"alg none with the signature", encode([]byte(`{"alg":"none","kid":"key-1"}`)) + "." + parts[1] + "." + parts[2], false},
		{"HS256 with the public key", by(jose.HS256, "rsa", publicPEM), false},
		{"HS256 with the public key in DER", by(jose.HS256, "rsa", der), false},
		{"stranger's key under a known kid", by(jose.ES256, "key-1", stranger), false},
		{"stranger's key without kid", by(jose.ES256, "", stranger), false},
		{"a published key by an algorithm not advertised", by(jose.PS256, "rsa", rsaKey), false},
		{"EdDSA not advertised", by(jose.EdDSA, "ed", edKey), false},
		{"not a token", "x.y.z", false},
		{"empty", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.Verify(t.Context(), tt.token, nonce, accessToken)
			if (err == nil) != tt.ok {
				t.Fatalf("got error %v, want accepted: %v", err, tt.ok)
			}
		})
	}
}

func TestVerifyClock(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	raw := i.sign(t, i.claims(nil))
	tests := []struct {
		name  string
		shift time.Duration
		ok    bool
	}{
		{"same clock", 0, true},
		{"issuer a little ahead", -4 * time.Minute, true},
		{"issuer far ahead", -6 * time.Minute, false},
		{"after exp", 61 * time.Minute, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := i.client()
			c.Now = func() time.Time { return time.Now().Add(tt.shift) }
			if _, err := c.Verify(t.Context(), raw, nonce, accessToken); (err == nil) != tt.ok {
				t.Fatalf("got error %v, want accepted: %v", err, tt.ok)
			}
		})
	}
}

func TestVerifyFollowsKeyRotation(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	verify := func() error {
		_, err := c.Verify(t.Context(), i.sign(t, i.claims(nil)), nonce, accessToken)
		return err
	}
	for range 2 {
		if err := verify(); err != nil {
			t.Fatal(err)
		}
	}
	if got := i.keyFetches.Load(); got != 1 {
		t.Fatalf("%d key fetches for a known key, want 1", got)
	}
	old := i.sign(t, i.claims(nil))
	i.rotate(t, "key-2")
	if err := verify(); err != nil {
		t.Fatalf("after rotation: %v", err)
	}
	if got := i.keyFetches.Load(); got != 2 {
		t.Fatalf("%d key fetches after rotation, want 2", got)
	}
	// go-oidc answers a moment before it puts the new keys in the old ones' place.
	for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
		if _, err := c.Verify(t.Context(), old, nonce, accessToken); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a withdrawn key still verifies")
		}
	}
}

// The first caller's context must not live on in the key set.
func TestVerifyAfterFirstCallerLeft(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	first, leave := context.WithCancel(t.Context())
	if _, err := c.Discover(first); err != nil {
		t.Fatal(err)
	}
	leave()
	if _, err := c.Verify(t.Context(), i.sign(t, i.claims(nil)), nonce, accessToken); err != nil {
		t.Fatal(err)
	}
}

func TestVerifySilentKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	release := make(chan struct{})
	i.handle("/keys", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.Verify(ctx, i.sign(t, i.claims(nil)), nonce, accessToken)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the deadline", err)
	}
}

// FuzzVerify signs whatever payload it is given. What is accepted must hold,
// read by exact names, what the checks promise.
func FuzzVerify(f *testing.F) {
	i := newIssuer(f)
	c := i.client()
	for _, change := range []map[string]any{nil, {"aud": []string{clientID, "api"}, "azp": clientID}, {"Sub": "x"}, {"exp": 1e300}} {
		payload, err := json.Marshal(i.claims(change))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(payload[1 : len(payload)-1]))
	}
	f.Add(`"azp":{},"aud":[],"_claim_names":{"a":"b"}`)
	base, err := json.Marshal(i.claims(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, members string) {
		payload := string(base[:len(base)-1]) + "," + members + "}"
		token, err := c.Verify(context.Background(), signBytes(t, i.signer, []byte(payload)), nonce, accessToken)
		if err != nil {
			if len(err.Error()) > 400 {
				t.Fatalf("error of %d bytes", len(err.Error()))
			}
			return
		}
		var claims map[string]any
		if err := json.Unmarshal([]byte(payload), &claims); err != nil {
			t.Fatalf("accepted what does not parse: %v", err)
		}
		if claims["sub"] != token.Subject || token.Subject == "" || claims["iss"] != i.URL || claims["nonce"] != nonce {
			t.Fatalf("accepted %v", claims)
		}
		if azp := claims["azp"]; azp != nil && azp != clientID {
			t.Fatalf("accepted azp %v", azp)
		}
		if aud, ok := claims["aud"].([]any); ok && len(aud) > 1 && claims["azp"] != clientID {
			t.Fatalf("accepted audiences %v", aud)
		}
	})
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		userinfo map[string]any
		token    string
		ok       bool
	}{
		{"same sub", map[string]any{"sub": "alice", "name": "Alice"}, accessToken, true},
		{"other sub", map[string]any{"sub": "mallory"}, accessToken, false},
		{"no sub", map[string]any{"name": "Alice"}, accessToken, false},
		{"Sub for sub", map[string]any{"sub": "mallory", "Sub": "alice"}, accessToken, false},
		{"refused token", map[string]any{"sub": "alice"}, "another", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.userinfo = maps.Clone(tt.userinfo)
			claims, err := i.client().UserInfo(t.Context(), tt.token, "alice")
			if (err == nil) != tt.ok {
				t.Fatalf("got error %v, want accepted: %v", err, tt.ok)
			}
			if tt.ok && claims["name"] != "Alice" {
				t.Fatalf("got %v", claims)
			}
		})
	}
	t.Run("no sub to compare with", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		i.userinfo = map[string]any{"sub": ""}
		if _, err := i.client().UserInfo(t.Context(), accessToken, ""); err == nil {
			t.Fatal("an empty sub matched an empty sub")
		}
	})
	t.Run("no endpoint", func(t *testing.T) {
		t.Parallel()
		i := newIssuer(t)
		delete(i.metadata, "userinfo_endpoint")
		if _, err := i.client().UserInfo(t.Context(), accessToken, "alice"); err == nil || !strings.Contains(err.Error(), "has no userinfo endpoint") {
			t.Fatalf("got %v without an endpoint", err)
		}
	})
}
