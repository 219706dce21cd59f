package oidc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oidc"
)

type claims = map[string]any

func TestClaimsMerged(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name              string
		idToken, userinfo claims
		want              claims // nil: not there
	}{
		{"id_token alone", claims{"email": "a@x", "email_verified": true}, nil, claims{"email": "a@x", "email_verified": true}},
		{"userinfo alone", nil, claims{"email": "a@x", "email_verified": true}, claims{"email": "a@x", "email_verified": true}},
		{"id_token wins", claims{"name": "A"}, claims{"name": "B"}, claims{"name": "A"}},
		{"empty does not win", claims{"name": ""}, claims{"name": "B"}, claims{"name": "B"}},
		{"null does not win", claims{"name": json.RawMessage("null")}, claims{"name": "B"}, claims{"name": "B"}},
		{"verified as text", claims{"email": "a@x", "email_verified": "true"}, nil, claims{"email_verified": true}},
		{"not verified as text", claims{"email": "a@x", "email_verified": "false"}, nil, claims{"email_verified": false}},
		{"userinfo vouches for the same address", claims{"email": "a@x"}, claims{"email": "a@x", "email_verified": true}, claims{"email": "a@x", "email_verified": true}},
		{"userinfo vouches for another address", claims{"email": "a@x"}, claims{"email": "b@x", "email_verified": true}, claims{"email": "a@x", "email_verified": nil}},
		{"id_token vouches for no address", claims{"email_verified": true}, claims{"email": "b@x"}, claims{"email": "b@x", "email_verified": nil}},
		{"id_token vouches for an empty address", claims{"email": "", "email_verified": true}, claims{"email": "b@x", "email_verified": false}, claims{"email": "b@x", "email_verified": false}},
		{"userinfo vouches for no address", claims{"email": "a@x"}, claims{"email_verified": true}, claims{"email": "a@x", "email_verified": nil}},
		{"they disagree", claims{"email": "a@x", "email_verified": false}, claims{"email": "a@x", "email_verified": true}, claims{"email_verified": false}},
		{"telephone", claims{"phone_number": "1"}, claims{"phone_number": "2", "phone_number_verified": true}, claims{"phone_number": "1", "phone_number_verified": nil}},
		{"address that is an object", claims{"email": claims{"a": 1}}, claims{"email_verified": true}, claims{"email_verified": nil}},
		{"userinfo does not speak of the sign-in", nil, claims{"acr": "high", "amr": []string{"mfa"}, "auth_time": 1, "azp": "x", "nonce": "x"}, claims{"acr": nil, "amr": nil, "auth_time": nil, "azp": nil, "nonce": nonce}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			l.change(l.idToken, tt.idToken)
			l.change(l.userinfo, tt.userinfo)
			user, _, err := oidc.New(l.config()).ExchangeCode(t.Context(), redirectURL, "code", nonce)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tt.want {
				got, there := user.RawData[name]
				if got != want || there != (want != nil) {
					t.Errorf("%s: got %v, want %v", name, got, want)
				}
			}
			if email, _ := user.RawData["email"].(string); user.Email != email {
				t.Errorf("Email is %q, the claim %q", user.Email, email)
			}
		})
	}
}

func TestClaimsMapped(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.change(l.userinfo, claims{
		"name": "Alice A", "given_name": "Alice", "family_name": "A", "nickname": "al", "picture": "https://x/a.png",
	})
	l.change(l.idToken, claims{"email": 5})
	l.change(l.token, claims{"refresh_token": "rt"})
	p := oidc.New(l.config())
	p.SetName("renamed")
	user, _, err := p.ExchangeCode(t.Context(), redirectURL, "code", nonce)
	if err != nil {
		t.Fatal(err)
	}
	if user.UserID != "alice" || user.Name != "Alice A" || user.FirstName != "Alice" || user.LastName != "A" ||
		user.NickName != "al" || user.AvatarURL != "https://x/a.png" || user.Provider != "renamed" ||
		user.AccessToken != "at" || user.RefreshToken != "rt" || user.IDToken == "" || !user.ExpiresAt.After(time.Now()) {
		t.Errorf("got %+v", user)
	}
	if user.Email != "" {
		t.Errorf("a number became the address %q", user.Email)
	}
	l.change(l.userinfo, claims{"preferred_username": "alice"})
	user, _, err = p.ExchangeCode(t.Context(), redirectURL, "code", nonce)
	if err != nil || user.NickName != "alice" {
		t.Errorf("got nickname %q, %v", user.NickName, err)
	}
}

// FuzzClaims sends any claims in the id_token and in userinfo. A user that
// comes out is the id_token's, and an address is verified only where the source
// of that very address says so.
func FuzzClaims(f *testing.F) {
	l := newLiar(f)
	f.Add(`{"email":"a@x"}`, `{"sub":"alice","email":"b@x","email_verified":true}`)
	f.Add(`{"email":{},"email_verified":true}`, `{"sub":"alice","email":{},"email_verified":"true"}`)
	f.Add(`{"email":"","email_verified":[true]}`, `{"sub":"alice","Sub":1,"phone_number":[],"phone_number_verified":{}}`)
	config := l.config()
	f.Fuzz(func(t *testing.T, idTokenJSON, userinfoJSON string) {
		var extra map[string]any
		if json.Unmarshal([]byte(idTokenJSON), &extra) != nil {
			return
		}
		now := time.Now()
		raw, err := l.sign(changed(extra, claims{
			"iss": l.URL, "aud": "client", "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "sub": "alice",
		}))
		if err != nil {
			return
		}
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: substitute{
			"/token":    mustJSON(claims{"access_token": "at", "token_type": "Bearer", "id_token": raw}),
			"/userinfo": []byte(userinfoJSON),
		}})
		user, _, err := oidc.New(config).ExchangeCode(ctx, redirectURL, "code", nonce)
		if err != nil {
			return
		}
		if user.UserID != "alice" || user.RawData["sub"] != "alice" || user.RawData["nonce"] != nonce {
			t.Fatalf("got %+v", user)
		}
		if user.RawData["email_verified"] != true || user.Email == "" {
			return
		}
		var userinfo map[string]any
		if err := json.Unmarshal([]byte(userinfoJSON), &userinfo); err != nil {
			t.Fatal(err)
		}
		for _, source := range []map[string]any{extra, userinfo} {
			if flag := source["email_verified"]; source["email"] == user.Email && (flag == true || flag == "true") {
				return
			}
		}
		t.Fatalf("nobody vouched for %q in %s and %s", user.Email, idTokenJSON, userinfoJSON)
	})
}

// substitute answers its paths itself and sends the rest on.
type substitute map[string][]byte

func (s substitute) RoundTrip(req *http.Request) (*http.Response, error) {
	body, ok := s[req.URL.Path]
	if !ok {
		return http.DefaultTransport.RoundTrip(req)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), Request: req,
	}, nil
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
