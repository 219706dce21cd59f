package openid_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/openid"
)

// family is one whose tenants are named in the path of their issuer.
func family() *openid.Family {
	return &openid.Family{
		Document: func(issuer string) error {
			if issuer != "https://id.example/{tenant}" {
				return errors.New("the document is another's")
			}
			return nil
		},
		Token: func(document, key string, claims map[string]any) error {
			tenant, _ := claims["tenant"].(string)
			issuer := strings.Replace(document, "{tenant}", tenant, 1)
			if tenant == "" || claims["iss"] != issuer {
				return errors.New("the tenant is another")
			}
			if key != "" && key != document && key != issuer {
				return errors.New("the key is another tenant's")
			}
			return nil
		},
	}
}

func (i *issuer) family(t *testing.T, document string) *openid.Client {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.metadata["issuer"] = document
	c := i.client()
	c.Family = family()
	return c
}

// keysFor publishes the issuer's keys with another member, issuer, beside each.
func (i *issuer) keysFor(t *testing.T, issuer string, more ...map[string]any) {
	t.Helper()
	i.mu.Lock()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: i.keys})
	i.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	var set map[string][]map[string]any
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set["keys"] {
		key["issuer"] = issuer
	}
	set["keys"] = append(set["keys"], more...)
	i.handle("/keys", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(set) })
}

func TestFamilyDocument(t *testing.T) {
	t.Parallel()
	for document, ok := range map[string]bool{
		"https://id.example/{tenant}": true, "https://id.example/a": false, "https://evil.example/{tenant}": false, "": false,
	} {
		i := newIssuer(t)
		m, err := i.family(t, document).Discover(t.Context())
		if (err == nil) != ok || err == nil && m.Issuer != document {
			t.Errorf("%q: got %+v, %v", document, m, err)
		}
	}
}

func TestFamilyToken(t *testing.T) {
	t.Parallel()
	const document = "https://id.example/{tenant}"
	tests := []struct {
		name    string
		change  map[string]any
		key     string // the issuer beside the key, "-" for no such member
		refused string
	}{
		{"honest", nil, "-", ""},
		{"a key for all", nil, document, ""},
		{"the tenant's key", nil, "https://id.example/a", ""},
		{"another tenant's key", nil, "https://id.example/b", "the key is another"},
		{"another issuer", map[string]any{"iss": "https://id.example/b"}, "-", "the tenant is another"},
		{"another tenant", map[string]any{"tenant": "b"}, "-", "the tenant is another"},
		{"no tenant", map[string]any{"tenant": nil}, "-", "the tenant is another"},
		{"the document's issuer", map[string]any{"iss": document}, "-", "the tenant is another"},
		{"another audience", map[string]any{"aud": "other"}, "-", "audience"},
		{"another nonce", map[string]any{"nonce": "another"}, "-", "nonce"},
		{"no nonce", map[string]any{"nonce": nil}, "-", "nonce"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			c := i.family(t, document)
			if tt.key != "-" {
				i.keysFor(t, tt.key)
			}
			claims := i.claims(map[string]any{"iss": "https://id.example/a", "tenant": "a"})
			for name, value := range tt.change {
				claims[name] = value
				if value == nil {
					delete(claims, name)
				}
			}
			_, err := c.Verify(t.Context(), i.sign(t, claims), nonce, accessToken)
			if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("an id_token: got %v, want %q", err, tt.refused)
			}
			if tt.refused == "nonce" {
				return // the others have none
			}
			// The same tenants and keys are held to in a logout token and in userinfo.
			delete(claims, "nonce")
			claims["jti"], claims["events"] = "j", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
			raw := i.sign(t, claims)
			_, logout := c.VerifyLogout(t.Context(), raw)
			i.handle("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/jwt")
				_, _ = io.WriteString(w, raw)
			})
			_, userinfo := c.UserInfo(t.Context(), accessToken, "alice")
			for kind, err := range map[string]error{"a logout token": logout, "userinfo": userinfo} {
				if tt.refused == "" && err != nil || tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
					t.Errorf("%s: got %v, want %q", kind, err, tt.refused)
				}
			}
		})
	}
}

// The issuers of keys are read once, and again when a key is new.
func TestFamilyKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.family(t, "https://id.example/{tenant}")
	claims := i.claims(map[string]any{"iss": "https://id.example/a", "tenant": "a"})
	verify := func() error {
		_, err := c.Verify(t.Context(), i.sign(t, claims), nonce, accessToken)
		return err
	}
	for range 3 {
		if err := verify(); err != nil {
			t.Fatal(err)
		}
	}
	if n := i.keyFetches.Load(); n != 2 { // go-oidc's and ours
		t.Errorf("the key set was read %d times", n)
	}
	i.rotate(t, "key-2")
	if err := verify(); err != nil || i.keyFetches.Load() != 4 {
		t.Errorf("after a rotation: %v, read %d times", err, i.keyFetches.Load())
	}
	// A set that has a key twice is read, and one in which it is two issuers' says nothing.
	i.rotate(t, "key-2b")
	i.keysFor(t, "https://id.example/a", map[string]any{"kty": "unknown", "kid": "key-2b", "issuer": "https://id.example/a"})
	if err := verify(); err != nil {
		t.Errorf("a key that stands twice: %v", err)
	}
	i.rotate(t, "key-3")
	i.keysFor(t, "https://id.example/a", map[string]any{"kty": "unknown", "kid": "key-3", "issuer": "https://id.example/b"})
	if err := verify(); err == nil || !strings.Contains(err.Error(), "two issuers") {
		t.Errorf("got %v", err)
	}
	// A token that does not name its key is nobody's.
	i.mu.Lock()
	key := i.signer.Key.(jose.JSONWebKey)
	i.mu.Unlock()
	i.handle("/keys", nil)
	nameless := sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: key.Key}, claims)
	if _, err := c.Verify(t.Context(), nameless, nonce, accessToken); err == nil || !strings.Contains(err.Error(), "does not name its key") {
		t.Errorf("got %v", err)
	}
}

// A key set that could not be read says of no key that it signs for all tenants.
func TestFamilyKeySetFails(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.family(t, "https://id.example/{tenant}")
	honest, err := json.Marshal(jose.JSONWebKeySet{Keys: i.keys})
	if err != nil {
		t.Fatal(err)
	}
	var fetches atomic.Int32
	i.handle("/keys", func(w http.ResponseWriter, _ *http.Request) {
		if fetches.Add(1) == 1 { // go-oidc's, for the signature
			_, _ = w.Write(honest)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"keys":[{"kid":"key-1"}]}`)
	})
	raw := i.sign(t, i.claims(map[string]any{"iss": "https://id.example/a", "tenant": "a"}))
	if _, err := c.Verify(t.Context(), raw, nonce, accessToken); err == nil || !strings.Contains(err.Error(), "key set: status 503") {
		t.Errorf("got %v", err)
	}
	i.handle("/keys", nil)
	if _, err := c.Verify(t.Context(), raw, nonce, accessToken); err != nil {
		t.Errorf("when it answers again: %v", err)
	}
}

// A key that has left the key set, which go-oidc still knows, signs for nobody.
func TestFamilyKeyWithdrawn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.family(t, "https://id.example/{tenant}")
	honest, err := json.Marshal(jose.JSONWebKeySet{Keys: i.keys})
	if err != nil {
		t.Fatal(err)
	}
	var fetches atomic.Int32
	i.handle("/keys", func(w http.ResponseWriter, _ *http.Request) {
		if fetches.Add(1) == 1 { // go-oidc's, for the signature
			_, _ = w.Write(honest)
			return
		}
		_, _ = io.WriteString(w, `{"keys":[{"kty":"unknown","kid":"key-2","issuer":"https://id.example/a"}]}`)
	})
	raw := i.sign(t, i.claims(map[string]any{"iss": "https://id.example/a", "tenant": "a"}))
	for range 2 { // and the answer is not kept
		if _, err := c.Verify(t.Context(), raw, nonce, accessToken); err == nil || !strings.Contains(err.Error(), "not in the key set any more") {
			t.Errorf("got %v", err)
		}
	}
	i.handle("/keys", nil)
	if _, err := c.Verify(t.Context(), raw, nonce, accessToken); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// An optional nonce may be missing, never another.
func TestNonceOptional(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	c.NonceOptional = true
	for _, tt := range []struct {
		nonce any
		ok    bool
	}{{nil, true}, {"", true}, {nonce, true}, {"another", false}, {nonce + "x", false}, {1, false}} {
		_, err := c.Verify(t.Context(), i.sign(t, i.claims(map[string]any{"nonce": tt.nonce})), nonce, accessToken)
		if (err == nil) != tt.ok {
			t.Errorf("%v: got %v", tt.nonce, err)
		}
	}
}

func FuzzParseKeyIssuers(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kid":"a","issuer":"https://id.example/{tenantid}"},{"kid":"b"}]}`))
	f.Add([]byte(`{"keys":[{"kid":"a","issuer":"x"},{"kid":"a","issuer":"y"}]}`))
	f.Add([]byte(`{"keys":[null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		issuers, err := openid.ParseKeyIssuers(raw)
		if (issuers == nil) != (err != nil) {
			t.Errorf("%q gives %v, %v", raw, issuers, err)
		}
		var set struct {
			Keys []struct{ Kid, Issuer string }
		}
		if err != nil || json.Unmarshal(raw, &set) != nil {
			return
		}
		for _, key := range set.Keys {
			if issuers[key.Kid] != key.Issuer {
				t.Errorf("%q: the key %q is %q's, not %q's", raw, key.Kid, issuers[key.Kid], key.Issuer)
			}
		}
	})
}
