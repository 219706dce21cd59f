package openid_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// answerJWT makes userinfo what raw is.
func (i *issuer) answerJWT(contentType, raw string) {
	i.handle("/userinfo", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, raw)
	})
}

// OpenID Connect Core §5.3.2: a signed answer names the issuer and the client, and
// is the issuer's.
func TestUserInfoSigned(t *testing.T) {
	t.Parallel()
	const jwt = "application/jwt"
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	tests := []struct {
		name, contentType string
		change            map[string]any
		refused           string // part of the error, "" when accepted
	}{
		{"honest", jwt, nil, ""},
		{"with a parameter, in capitals", "Application/JWT; charset=utf-8", nil, ""},
		{"one of several audiences", jwt, map[string]any{"aud": []string{"other", clientID}}, ""},
		{"another client's", jwt, map[string]any{"aud": "other"}, "audience"},
		{"several others'", jwt, map[string]any{"aud": []string{"other", clientID + "2"}}, "audience"},
		{"nobody's", jwt, map[string]any{"aud": nil}, "audience"},
		{"audience in capitals", jwt, map[string]any{"aud": strings.ToUpper(clientID)}, "audience"},
		{"another issuer's", jwt, map[string]any{"iss": "https://evil.example"}, "different provider"},
		{"the issuer with a slash", jwt, map[string]any{"iss": "{issuer}/"}, "different provider"},
		{"no issuer", jwt, map[string]any{"iss": nil}, "different provider"},
		{"Iss for iss", jwt, map[string]any{"iss": nil, "Iss": "{issuer}"}, "beside iss"},
		{"Aud beside aud", jwt, map[string]any{"Aud": "other"}, "beside aud"},
		{"another person's", jwt, map[string]any{"sub": "mallory"}, "sub is not"},
		{"expired", jwt, map[string]any{"exp": at(-time.Minute)}, "expired"},
		{"not expired", jwt, map[string]any{"exp": at(time.Minute)}, ""},
		{"a JWT that is called JSON", "application/json", nil, "invalid character"},
		{"a JWT without a type", "", nil, "invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			claims := map[string]any{"iss": i.URL, "aud": clientID, "sub": "alice", "name": "Alice"}
			for name, value := range tt.change {
				if text, ok := value.(string); ok {
					value = strings.ReplaceAll(text, "{issuer}", i.URL)
				}
				if claims[name] = value; value == nil {
					delete(claims, name)
				}
			}
			i.answerJWT(tt.contentType, i.sign(t, claims))
			got, err := i.client().UserInfo(t.Context(), accessToken, "alice")
			if tt.refused == "" {
				if err != nil || got["name"] != "Alice" {
					t.Fatalf("got %v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.refused) || got != nil {
				t.Fatalf("got %v, error %v, want one with %q", got, err, tt.refused)
			}
		})
	}
}

// What nobody signed is not believed because its type says JWT, and what is signed
// is not believed because it says so.
func TestUserInfoSignature(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"iss": i.URL, "aud": clientID, "sub": "alice"}
	honest := i.sign(t, claims)
	for name, raw := range map[string]string{
		"another's key":  sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: stranger, KeyID: "key-1"}}, claims),
		"the client's":   sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("secret", 8))}, claims),
		"no signature":   honest[:strings.LastIndex(honest, ".")+1],
		"none":           "eyJhbGciOiJub25lIn0" + honest[strings.Index(honest, "."):strings.LastIndex(honest, ".")+1],
		"JSON":           `{"sub":"alice"}`,
		"five parts":     honest + ".a.b",
		"nothing at all": "",
	} {
		i.answerJWT("application/jwt", raw)
		if got, err := i.client().UserInfo(t.Context(), accessToken, "alice"); err == nil {
			t.Errorf("%s: got %v", name, got)
		}
	}
	i.answerJWT("application/jwt", honest+"\n")
	if _, err := i.client().UserInfo(t.Context(), accessToken, "alice"); err != nil {
		t.Errorf("the honest one: %v", err)
	}
	// The key may be one of an algorithm that only userinfo uses.
	key := newRSA(t)
	publish(i, "userinfo", key.Public())
	i.answerJWT("application/jwt", sign(t, jose.SigningKey{Algorithm: jose.PS384, Key: jose.JSONWebKey{Key: key, KeyID: "userinfo"}}, claims))
	if _, err := i.client().UserInfo(t.Context(), accessToken, "alice"); err != nil {
		t.Errorf("by a key of its own: %v", err)
	}
}

// A refusal of the endpoint is told by its status, and its words stay unsaid.
func TestUserInfoRefused(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.handle("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"sub":"alice","error_description":"`+r.Header.Get("Authorization")+`"}`)
	})
	_, err := i.client().UserInfo(t.Context(), accessToken, "alice")
	if err == nil || !strings.Contains(err.Error(), "status 401") || strings.Contains(err.Error(), accessToken) {
		t.Errorf("got %v", err)
	}
}
