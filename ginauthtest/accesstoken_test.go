package ginauthtest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/ginauth/ginauth/ginauthtest"
)

const api = "https://api.example.com"

// An access token for an API is the JWT of RFC 9068, whether a sign-in or a test asked for
// it, and the userinfo endpoint takes it too. go-jose reads it.
func TestAccessTokens(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		now := newClock()
		p := start(t, ginauthtest.Config{APIAudience: api, Algorithm: algorithm, TokenLifetime: time.Minute, Now: now.Now})
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(get(t, p.Issuer()+"/jwks").body, &set); err != nil {
			t.Fatal(err)
		}
		direct, err := p.AccessToken("ada", "openid", "email", "orders:read")
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.AccessToken("ada")
		if err != nil {
			t.Fatal(err)
		}
		signedIn := signIn(t, p, with(goodRequest(), "scope", "openid email orders:read")).text(t, "access_token")
		seen := map[string]bool{}
		for name, raw := range map[string]string{"a sign-in's": signedIn, "a test's": direct, "without scopes": again} {
			token, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatalf("%s, %s: %v", algorithm, name, err)
			}
			var claims jwt.Claims
			var further struct {
				Scope    string `json:"scope"`
				ClientID string `json:"client_id"`
				AuthTime int64  `json:"auth_time"`
			}
			if err := token.Claims(set.Keys[0].Key, &claims, &further); err != nil {
				t.Fatalf("%s, %s: %v", algorithm, name, err)
			}
			if err := claims.ValidateWithLeeway(jwt.Expected{Issuer: p.Issuer(), Subject: "ada", AnyAudience: jwt.Audience{api}, Time: now.Now()}, 0); err != nil {
				t.Errorf("%s, %s: %v", algorithm, name, err)
			}
			header := token.Headers[0]
			if header.ExtraHeaders[jose.HeaderType] != "at+jwt" || header.KeyID != set.Keys[0].KeyID {
				t.Errorf("%s, %s: header %+v", algorithm, name, header)
			}
			if claims.Expiry.Time().Sub(now.Now()) != time.Minute || !claims.IssuedAt.Time().Equal(now.Now()) || claims.ID == "" || seen[claims.ID] ||
				further.ClientID != p.ClientID() || further.AuthTime != now.Now().Unix() {
				t.Errorf("%s, %s: %+v %+v", algorithm, name, claims, further)
			}
			seen[claims.ID] = true
			scope := "openid email orders:read"
			if raw == again {
				scope = ""
			}
			if further.Scope != scope {
				t.Errorf("%s, %s: scope %q", algorithm, name, further.Scope)
			}
			if status := userinfo(t, p, raw).status; status != http.StatusOK {
				t.Errorf("%s, %s: userinfo answers %d", algorithm, name, status)
			}
		}
		now.move(time.Minute)
		if status := userinfo(t, p, direct).status; status != http.StatusUnauthorized {
			t.Errorf("%s: userinfo of an expired token answers %d", algorithm, status)
		}
	}
}

func TestAccessTokens_Lies(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{APIAudience: api})
	issue := func() (header, claims map[string]any) {
		raw, err := p.AccessToken("grace", "orders:read")
		if err != nil {
			t.Fatal(err)
		}
		return payload(t, raw)
	}
	p.TamperAccessClaims(func(claims map[string]any) { claims["aud"] = "another"; delete(claims, "exp") })
	if _, claims := issue(); claims["aud"] != "another" || claims["exp"] != nil || claims["sub"] != "grace" {
		t.Errorf("claims %v", claims)
	}
	_, id := payload(t, signIn(t, p, goodRequest()).text(t, "id_token"))
	if id["aud"] != p.ClientID() || id["exp"] == nil {
		t.Errorf("the ID token has the lie of the access token: %v", id)
	}
	p.Sign(ginauthtest.None)
	if header, _ := issue(); header["alg"] != "none" || header["typ"] != "at+jwt" {
		t.Errorf("header %v", header)
	}
	p.Reset()
	if header, claims := issue(); header["alg"] != "RS256" || claims["aud"] != api || claims["exp"] == nil {
		t.Errorf("after Reset: %v %v", header, claims)
	}
}

func TestAccessToken_Errors(t *testing.T) {
	t.Parallel()
	if _, err := start(t, ginauthtest.Config{}).AccessToken("ada"); err == nil || !strings.Contains(err.Error(), "Config.APIAudience") {
		t.Errorf("opaque: %v", err)
	}
	p := start(t, ginauthtest.Config{APIAudience: api})
	if _, err := p.AccessToken("nobody"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("nobody: %v", err)
	}
	opaque := signIn(t, start(t, ginauthtest.Config{}), goodRequest()).text(t, "access_token")
	if opaque == "" || strings.Contains(opaque, ".") {
		t.Errorf("without APIAudience an access token is %q", opaque)
	}
}
