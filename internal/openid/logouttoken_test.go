package openid_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/openid"
)

func TestVerifyLogout(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	now := time.Now()
	const event = "http://schemas.openid.net/event/backchannel-logout"
	tests := []struct {
		name    string
		change  map[string]any
		refused string // part of the error, "" when accepted
	}{
		{"honest", nil, ""},
		{"no sub", map[string]any{"sub": nil}, ""},
		{"no sid", map[string]any{"sid": nil}, ""},
		{"neither", map[string]any{"sub": nil, "sid": nil}, "'sub' claim, a 'sid' claim"},
		{"further members of the event", map[string]any{"events": map[string]any{event: map[string]any{"x": 1}, "other": 1}}, ""},
		{"several audiences", map[string]any{"aud": []string{"other", clientID}}, ""},
		{"other audience", map[string]any{"aud": "other"}, "audience"},
		{"other issuer", map[string]any{"iss": "https://evil.example"}, "different provider"},
		{"expired", map[string]any{"exp": now.Add(-time.Minute).Unix()}, "expired"},
		{"no exp", map[string]any{"exp": nil}, "'exp'"},
		{"no iat", map[string]any{"iat": nil}, "no iat"},
		{"iat in an hour", map[string]any{"iat": now.Add(time.Hour).Unix()}, "in the future"},
		{"iat in a minute", map[string]any{"iat": now.Add(time.Minute).Unix()}, ""},
		{"iat 50 minutes ago", map[string]any{"iat": now.Add(-50 * time.Minute).Unix()}, ""},
		{"iat an hour and a minute ago", map[string]any{"iat": now.Add(-61 * time.Minute).Unix()}, "older than an hour"},
		{"iat two hours ago", map[string]any{"iat": now.Add(-2 * time.Hour).Unix()}, "older than an hour"},
		{"a nonce", map[string]any{"nonce": "n"}, "nonce"},
		{"an empty nonce", map[string]any{"nonce": ""}, "nonce"},
		{"NONCE", map[string]any{"NONCE": "n"}, "nonce"},
		{"no jti", map[string]any{"jti": nil}, "jti"},
		{"Sub beside sub", map[string]any{"Sub": "mallory"}, "beside sub"},
		{"SID beside sid", map[string]any{"SID": "other"}, "beside sid"},
		{"JTI beside jti", map[string]any{"JTI": "other"}, "beside jti"},
		{"Events for events", map[string]any{"events": nil, "Events": map[string]any{event: map[string]any{}}}, "beside events"},
		{"no events", map[string]any{"events": nil}, "event"},
		{"other event", map[string]any{"events": map[string]any{"x": map[string]any{}}}, "event"},
		{"event is text", map[string]any{"events": map[string]any{event: "x"}}, "not a back-channel logout"},
		{"event is null", map[string]any{"events": map[string]any{event: json.RawMessage("null")}}, "not a back-channel logout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			claims := i.claims(map[string]any{
				"nonce": nil, "at_hash": nil, "jti": "j", "sid": "s", "events": map[string]any{event: map[string]any{}},
			})
			for name, value := range tt.change {
				if claims[name] = value; value == nil {
					delete(claims, name)
				}
			}
			token, err := c.VerifyLogout(t.Context(), i.sign(t, claims))
			if tt.refused == "" {
				if err != nil || token.TokenID != "j" {
					t.Fatalf("got %v, %v", token, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.refused) || token != nil {
				t.Fatalf("got %v, error %v, want one with %q", token, err, tt.refused)
			}
		})
	}
	if _, err := c.VerifyLogout(t.Context(), i.sign(t, i.claims(nil))); err == nil {
		t.Error("an id_token passed for a logout token")
	}
}

// A flood of forged tokens, which anybody may send, does not become one of
// requests to the issuer, and keeps no good token out.
func TestVerifyLogoutFlood(t *testing.T) {
	t.Parallel()
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	fetches := &counted{path: string(ginauthtest.JWKS)}
	ctx := fetches.context(t.Context())
	c := &openid.Client{Issuer: idp.Issuer(), ClientID: idp.ClientID()}
	idp.Sign(ginauthtest.WrongKey)
	for range 100 {
		forged, err := idp.LogoutToken("ada", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.VerifyLogout(ctx, forged); err == nil {
			t.Fatal("a forged token passed")
		}
	}
	idp.Sign(ginauthtest.Good)
	good, err := idp.LogoutToken("ada", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.VerifyLogout(ctx, good); err != nil {
		t.Errorf("after the flood: %v", err)
	}
	if n := fetches.n.Load(); n < 1 || n > 6 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

// The bound on fetches is one a minute: in the 59 seconds that follow the flood
// nothing is fetched, and after a minute the keys can be new again.
func TestVerifyLogoutFloodWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{handlers: map[string]http.HandlerFunc{}}
		i.metadata = map[string]any{
			"issuer": "https://id.example", "authorization_endpoint": "https://id.example/auth", "token_endpoint": "https://id.example/token",
			"jwks_uri": "https://id.example/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		}
		i.rotate(t, "key-1")
		forger := &issuer{}
		forger.rotate(t, "key-1")
		ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			i.serve(w, req)
			return w.Result(), nil
		})})
		c := &openid.Client{Issuer: "https://id.example", ClientID: clientID}
		flood := func() int32 {
			before := i.keyFetches.Load()
			for range 50 {
				claims := i.logoutClaims()
				if _, err := c.VerifyLogout(ctx, forger.sign(t, claims)); err == nil {
					t.Fatal("a forged token passed")
				}
			}
			return i.keyFetches.Load() - before
		}
		if n := flood(); n != 6 {
			t.Errorf("the keys were fetched %d times", n)
		}
		for range 59 {
			time.Sleep(time.Second)
			if n := flood(); n != 0 {
				t.Fatalf("within the minute they are fetched %d times more", n)
			}
		}
		time.Sleep(time.Second)
		i.rotate(t, "key-2")
		if _, err := c.VerifyLogout(ctx, i.sign(t, i.logoutClaims())); err != nil {
			t.Errorf("a minute later, with a new key: %v", err)
		}
	})
}

// logoutClaims are those of an honest logout token.
func (i *issuer) logoutClaims() map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": i.metadata["issuer"], "aud": clientID, "sub": "alice", "jti": "j", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
}

// counted is a transport that counts the requests for one path.
type counted struct {
	path string
	n    atomic.Int32
}

func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path == c.path {
		c.n.Add(1)
	}
	return http.DefaultTransport.RoundTrip(req)
}

func (c *counted) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: c})
}
