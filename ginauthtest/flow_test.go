package ginauthtest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/ginauthtest"
)

func TestFlowByHand(t *testing.T) {
	t.Parallel()
	clock := newClock()
	p := start(t, ginauthtest.Config{Now: clock.Now, TokenLifetime: 10 * time.Minute})
	doc := get(t, p.Issuer()+string(ginauthtest.Discovery)).json(t)
	for name, want := range map[string]any{
		"issuer":                 p.Issuer(),
		"authorization_endpoint": p.Issuer() + "/authorize",
		"token_endpoint":         p.Issuer() + "/token",
		"userinfo_endpoint":      p.Issuer() + "/userinfo",
		"jwks_uri":               p.Issuer() + "/jwks",
		"end_session_endpoint":   p.Issuer() + "/logout",
		"authorization_response_iss_parameter_supported": true,
		"request_uri_parameter_supported":                false,
		"code_challenge_methods_supported":               []any{"S256"},
	} {
		if fmt.Sprint(doc[name]) != fmt.Sprint(want) {
			t.Errorf("discovery: %s is %v, want %v", name, doc[name], want)
		}
	}

	callback := approve(t, p, goodRequest())
	if callback.Get("state") != "the state" || callback.Get("iss") != p.Issuer() || callback.Get("code") == "" {
		t.Fatalf("callback: %v", callback)
	}
	signedInAt := clock.Now()
	clock.move(30 * time.Second)
	tokens := token(t, p, codeForm(callback.Get("code")))
	body := tokens.json(t)
	if body["token_type"] != "Bearer" || body["expires_in"] != 600.0 || body["scope"] != "openid profile email" {
		t.Errorf("token answer: %s", tokens.body)
	}
	if tokens.header.Get("Cache-Control") != "no-store" {
		t.Error("the token answer may be cached (RFC 6749 §5.1)")
	}

	claims := verified(t, p, tokens.text(t, "id_token"))
	sum := sha256.Sum256([]byte(tokens.text(t, "access_token")))
	for name, want := range map[string]any{
		"iss": p.Issuer(), "aud": "ginauth", "sub": "ada", "nonce": "the nonce",
		"iat": clock.Now().Unix(), "exp": clock.Now().Unix() + 600, "auth_time": signedInAt.Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		"name":    "Ada Lovelace", "email": "ada@example.com", "email_verified": true,
	} {
		if fmt.Sprint(claims[name]) != fmt.Sprint(want) {
			t.Errorf("id_token: %s is %v, want %v", name, claims[name], want)
		}
	}

	person := userinfo(t, p, tokens.text(t, "access_token")).json(t)
	if person["sub"] != "ada" || person["email"] != "ada@example.com" || person["iss"] != nil {
		t.Errorf("userinfo: %v", person)
	}
}

// verified checks the signature against the published key named by the kid.
func verified(t *testing.T, p *ginauthtest.Provider, jwt string) map[string]any {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(get(t, p.Issuer()+string(ginauthtest.JWKS)).body, &set); err != nil {
		t.Fatal(err)
	}
	for _, key := range set.Keys {
		if !key.IsPublic() {
			t.Fatal("a private key is published")
		}
	}
	signed, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	named := set.Key(signed.Signatures[0].Header.KeyID)
	if len(named) != 1 {
		t.Fatalf("kid %q names %d keys", signed.Signatures[0].Header.KeyID, len(named))
	}
	if _, err := signed.Verify(named[0]); err != nil {
		t.Fatal(err)
	}
	_, claims := payload(t, jwt)
	return claims
}

func TestFlowByLibraries(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{ClientSecret: "plus+ percent% colon: ü"})
	provider, err := oidc.NewProvider(t.Context(), p.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleAutoDetect, oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		config := client(p, provider)
		config.Endpoint.AuthStyle = style
		tokens := exchange(t, p, config, "grace")
		idToken, err := provider.VerifierContext(t.Context(), &oidc.Config{ClientID: p.ClientID()}).
			Verify(t.Context(), tokens.Extra("id_token").(string))
		if err != nil {
			t.Fatal(err)
		}
		if idToken.Subject != "grace" || idToken.Nonce != "n" {
			t.Errorf("subject %q, nonce %q", idToken.Subject, idToken.Nonce)
		}
		if err := idToken.VerifyAccessToken(tokens.AccessToken); err != nil {
			t.Error(err)
		}
		user, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tokens))
		if err != nil {
			t.Fatal(err)
		}
		if user.Email != "grace@example.com" || !user.EmailVerified {
			t.Errorf("userinfo: %+v", user)
		}
	}
}

func client(p *ginauthtest.Provider, provider *oidc.Provider) oauth2.Config {
	return oauth2.Config{
		ClientID: p.ClientID(), ClientSecret: p.ClientSecret(), RedirectURL: callbackURL,
		Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email"},
	}
}

func exchange(t testing.TB, p *ginauthtest.Provider, config oauth2.Config, subject string) *oauth2.Token {
	t.Helper()
	callback, err := p.Approve(t.Context(), config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier), oidc.Nonce("n")), subject)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := config.Exchange(t.Context(), callback.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	clock := newClock()
	p := start(t, ginauthtest.Config{Now: clock.Now})
	first := signIn(t, p, goodRequest())
	authTime := clock.Now().Unix()
	clock.move(90 * time.Minute)
	if got := userinfo(t, p, first.text(t, "access_token")); got.status != http.StatusUnauthorized {
		t.Fatalf("an expired access token: %d", got.status)
	}

	second := token(t, p, refreshForm(first.text(t, "refresh_token")))
	if got := userinfo(t, p, second.text(t, "access_token")); got.status != http.StatusOK {
		t.Fatalf("a refreshed access token: %d", got.status)
	}
	_, claims := payload(t, second.text(t, "id_token"))
	if _, ok := claims["nonce"]; ok || fmt.Sprint(claims["auth_time"]) != fmt.Sprint(authTime) || claims["sub"] != "ada" {
		t.Errorf("refreshed claims: %v", claims)
	}

	wider := refreshForm(second.text(t, "refresh_token"))
	wider.Set("scope", "openid admin")
	if got := token(t, p, wider); got.text(t, "error") != "invalid_scope" {
		t.Errorf("wider scope: %s", got.body)
	}
	narrower := refreshForm(second.text(t, "refresh_token"))
	narrower.Set("scope", "openid")
	third := token(t, p, narrower)
	if got := userinfo(t, p, third.text(t, "access_token")).json(t); got["email"] != nil || third.text(t, "scope") != "openid" {
		t.Errorf("narrower scope: %s, userinfo %v", third.body, got)
	}

	// A refresh token in two hands ends the whole grant.
	if got := token(t, p, refreshForm(first.text(t, "refresh_token"))); got.text(t, "error") != "invalid_grant" {
		t.Errorf("reuse: %s", got.body)
	}
	if got := token(t, p, refreshForm(third.text(t, "refresh_token"))); got.text(t, "error") != "invalid_grant" {
		t.Errorf("after reuse: %s", got.body)
	}
	if got := userinfo(t, p, third.text(t, "access_token")); got.status != http.StatusUnauthorized {
		t.Errorf("access token after reuse: %d", got.status)
	}
}

func TestConcurrentSignIns(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for _, subject := range []string{"ada", "grace"} {
				callback, err := p.Approve(t.Context(), authorizationURL(p, goodRequest()), subject)
				if err != nil {
					t.Error(err)
					return
				}
				p.TamperUserinfo(nil)
				tokens := token(t, p, codeForm(callback.Query().Get("code")))
				if got := userinfo(t, p, tokens.text(t, "access_token")).text(t, "sub"); got != subject {
					t.Errorf("%s got %s", subject, got)
				}
			}
		})
	}
	group.Wait()
	if got := len(p.TokenRequests()); got != 40 {
		t.Errorf("%d token requests", got)
	}
}

func TestScopesAndClaims(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{AllowNoPKCE: true, People: []ginauthtest.Person{{
		Subject: "ada", Name: "Ada", Email: "ada@example.com", Picture: "https://example.com/a.png",
		Claims: map[string]any{"id": 42, "email": nil, "sub": "mallory", "iss": "mallory", "aud": "mallory", "nonce": "mallory"},
	}}})
	for _, row := range []struct{ scope, has, lacks string }{
		{"openid", "id", "name"},
		{"openid profile", "picture", "email_verified"},
		{"openid email", "email_verified", "name"},
		{"user:email", "name", ""},
		{"", "picture", ""},
	} {
		tokens := signIn(t, p, with(goodRequest(), "scope", row.scope, "nonce", "-")).json(t)
		access, _ := tokens["access_token"].(string)
		claims := userinfo(t, p, access).json(t)
		if _, ok := claims[row.has]; !ok {
			t.Errorf("%q: no %s in %v", row.scope, row.has, claims)
		}
		if _, ok := claims[row.lacks]; ok {
			t.Errorf("%q: %s in %v", row.scope, row.lacks, claims)
		}
		if email, ok := claims["email"]; !ok || email != nil || claims["sub"] != "ada" || claims["id"] != 42.0 {
			t.Errorf("%q: claims %v", row.scope, claims)
		}
		idToken, ok := tokens["id_token"].(string)
		if openid := len(row.scope) >= 6 && row.scope[:6] == "openid"; ok != openid {
			t.Errorf("%q: id_token %v", row.scope, ok)
		}
		if !ok {
			continue
		}
		_, signed := payload(t, idToken)
		if _, ok := signed["nonce"]; ok || signed["iss"] != p.Issuer() || signed["aud"] != "ginauth" || signed["sub"] != "ada" {
			t.Errorf("%q: a person's claims replace the protocol's: %v", row.scope, signed)
		}
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{})
	access := signIn(t, p, goodRequest()).text(t, "access_token")
	for _, row := range []struct {
		name    string
		headers []string
		query   string
		status  int
	}{
		{"header", []string{"Bearer " + access}, "", 200},
		{"lower-case scheme", []string{"bearer " + access}, "", 200},
		{"query, as old clients", nil, "?access_token=" + access, 200},
		{"nothing", nil, "", 401},
		{"other scheme", []string{"Basic " + access}, "", 401},
		{"empty", []string{"Bearer "}, "", 401},
		{"unknown", []string{"Bearer x"}, "", 401},
		{"header and query", []string{"Bearer " + access}, "?access_token=" + access, 400},
		{"two headers", []string{"Bearer " + access, "Bearer " + access}, "", 400},
		{"two in the query", nil, "?access_token=" + access + "&access_token=" + access, 400},
	} {
		for _, endpoint := range []ginauthtest.Endpoint{ginauthtest.Userinfo, ginauthtest.Emails} {
			r := request(t, http.MethodGet, p.Issuer()+string(endpoint)+row.query, nil)
			r.Header["Authorization"] = row.headers
			got := do(t, r)
			if got.status != row.status {
				t.Errorf("%s at %s: %d, want %d", row.name, endpoint, got.status, row.status)
			}
			if challenge := got.header.Get("WWW-Authenticate"); (challenge == "") != (row.status == 200) {
				t.Errorf("%s at %s: WWW-Authenticate %q", row.name, endpoint, challenge)
			}
		}
	}
}

func TestEmails(t *testing.T) {
	t.Parallel()
	p := start(t, ginauthtest.Config{People: []ginauthtest.Person{
		{Subject: "ada", Email: "ada@example.com", EmailVerified: true}, {Subject: "grace", Email: "g@example.com"}, {Subject: "none"},
	}})
	for subject, want := range map[string]string{
		"ada":   `[{"email":"ada@example.com","primary":true,"verified":true,"visibility":"private"}]`,
		"grace": `[{"email":"g@example.com","primary":true,"verified":false,"visibility":"private"}]`,
		"none":  `[]`,
	} {
		callback, err := p.Approve(t.Context(), authorizationURL(p, goodRequest()), subject)
		if err != nil {
			t.Fatal(err)
		}
		access := token(t, p, codeForm(callback.Query().Get("code"))).text(t, "access_token")
		got := get(t, p.Issuer()+string(ginauthtest.Emails)+"?"+url.Values{"access_token": {access}}.Encode())
		if string(got.body) != want {
			t.Errorf("%s: %s", subject, got.body)
		}
	}
}
