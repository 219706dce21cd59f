package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oidc"
)

func TestAuthCodeURL(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	l.change(l.metadata, map[string]any{"authorization_endpoint": l.URL + "/auth?tenant=1"})
	p := oidc.New(l.config())
	// Room behind the options: append must not write into the caller's array.
	opts := make([]oauth2.AuthCodeOption, 0, 16)
	opts = append(opts,
		oauth2.S256ChallengeOption("verifier"),
		oauth2.SetAuthURLParam("login_hint", "alice@example.com"),
		oauth2.SetAuthURLParam("client_id", "evil"),
		oauth2.SetAuthURLParam("redirect_uri", "https://evil.example"),
		oauth2.SetAuthURLParam("response_type", "token"),
		oauth2.SetAuthURLParam("state", "evil"),
		oauth2.SetAuthURLParam("nonce", "evil"),
	)
	authURL, err := p.AuthCodeURL(t.Context(), redirectURL, "the-state", nonce, opts...)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(authURL)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"tenant": {"1"}, "response_type": {"code"}, "client_id": {"client"}, "redirect_uri": {redirectURL},
		"scope": {"openid profile email"}, "state": {"the-state"}, "nonce": {nonce}, "login_hint": {"alice@example.com"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier("verifier")}, "code_challenge_method": {"S256"},
	}
	if u.Query().Encode() != want.Encode() || u.Scheme+"://"+u.Host+u.Path != l.URL+"/auth" {
		t.Fatalf("got %s, want %s", authURL, want.Encode())
	}
	if opts[:cap(opts)][len(opts)] != nil {
		t.Fatal("the caller's options were written to")
	}
}

func TestMissingArguments(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p := oidc.New(l.config())
	for _, args := range [][3]string{{"", "x", "x"}, {"x", "", "x"}, {"x", "x", ""}} {
		if _, err := p.AuthCodeURL(t.Context(), args[0], args[1], args[2]); err == nil {
			t.Errorf("AuthCodeURL(%q) was no error", args)
		}
		if _, _, err := p.ExchangeCode(t.Context(), args[0], args[1], args[2]); err == nil {
			t.Errorf("ExchangeCode(%q) was no error", args)
		}
	}
	if _, err := p.RefreshTokenContext(t.Context(), ""); err == nil {
		t.Error("RefreshTokenContext of nothing was no error")
	}
	if l.discoveries.Load()+l.tokenRequests.Load() != 0 {
		t.Error("a call that cannot succeed reached the network")
	}
}

func TestExchangeCode(t *testing.T) {
	t.Parallel()
	another := newLiar(t)
	foreign, err := another.sign(map[string]any{
		"iss": another.URL, "sub": "alice", "aud": "client", "nonce": nonce,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	})
	if err != nil {
		t.Fatal(err)
	}
	hour := time.Now().Add(time.Hour).Unix()
	tests := []struct {
		name                     string
		idToken, token, userinfo map[string]any
		refused                  string // part of the error, "" when accepted
	}{
		{"honest", nil, nil, nil, ""},
		{"other issuer", map[string]any{"iss": "https://evil.example"}, nil, nil, "different provider"},
		{"other audience", map[string]any{"aud": "other"}, nil, nil, "audience"},
		{"other azp", map[string]any{"azp": "other"}, nil, nil, "azp"},
		{"expired", map[string]any{"exp": 1}, nil, nil, "expired"},
		{"no exp", map[string]any{"exp": nil}, nil, nil, "expired"},
		{"issued in the future", map[string]any{"iat": hour}, nil, nil, "iat"},
		{"no nonce", map[string]any{"nonce": nil}, nil, nil, "nonce"},
		{"another nonce", map[string]any{"nonce": "another"}, nil, nil, "nonce"},
		{"wrong at_hash", map[string]any{"at_hash": "AAAA"}, nil, nil, "access token hash"},
		{"empty sub", map[string]any{"sub": ""}, nil, map[string]any{"sub": ""}, "no sub"},
		{"no id_token", nil, map[string]any{"id_token": nil}, nil, "no id_token"},
		{"empty id_token", nil, map[string]any{"id_token": ""}, nil, "no id_token"},
		{"id_token is a number", nil, map[string]any{"id_token": 1}, nil, "no id_token"},
		{"id_token is an object", nil, map[string]any{"id_token": map[string]any{"sub": "alice"}}, nil, "no id_token"},
		{"unsigned id_token", nil, map[string]any{"id_token": "eyJhbGciOiJub25lIn0.e30."}, nil, "id_token"},
		{"another issuer's id_token", nil, map[string]any{"id_token": foreign}, nil, "signature"},
		{"no access token", nil, map[string]any{"access_token": nil}, nil, "access_token"},
		{"error with status 200", nil, map[string]any{"error": "invalid_grant"}, nil, "invalid_grant"},
		{"userinfo of another user", nil, nil, map[string]any{"sub": "mallory"}, "sub is not"},
		{"userinfo without sub", nil, nil, map[string]any{"sub": nil}, "sub is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			l.change(l.idToken, tt.idToken)
			l.change(l.token, tt.token)
			l.change(l.userinfo, tt.userinfo)
			user, token, err := oidc.New(l.config()).ExchangeCode(t.Context(), redirectURL, "code", nonce, oauth2.VerifierOption("v"))
			if got := l.tokenRequests.Load(); got != 1 {
				t.Errorf("%d token requests, want 1", got)
			}
			if tt.refused == "" {
				if err != nil || user.UserID != "alice" || token.AccessToken != "at" {
					t.Fatalf("got %+v, %v", user, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got error %v, want one with %q", err, tt.refused)
			}
			if user.UserID != "" || user.AccessToken != "" || token != nil {
				t.Fatal("a refused sign-in returned a user or a token")
			}
		})
	}
}

// How the secret travels, and that it does so once even when refused.
func TestTokenRequest(t *testing.T) {
	t.Parallel()
	post := []string{"client_secret_post"}
	tests := []struct {
		name    string
		methods []string
		change  func(*oidc.Config)
		basic   string
		form    string // client_secret in the form
	}{
		{"not advertised", nil, func(*oidc.Config) {}, "client:secret", ""},
		{"post advertised", post, func(*oidc.Config) {}, "", "secret"},
		{"post advertised, Basic configured", post, func(c *oidc.Config) { c.AuthStyle = oauth2.AuthStyleInHeader }, "client:secret", ""},
		{"post configured", nil, func(c *oidc.Config) { c.AuthStyle = oauth2.AuthStyleInParams }, "", "secret"},
		{"public client", nil, func(c *oidc.Config) { c.ClientSecret = "" }, "", ""},
		{"public client, Basic configured", nil, func(c *oidc.Config) { c.ClientSecret, c.AuthStyle = "", oauth2.AuthStyleInHeader }, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			if tt.methods != nil {
				l.change(l.metadata, map[string]any{"token_endpoint_auth_methods_supported": tt.methods})
			}
			l.change(l.token, map[string]any{"error": "invalid_client", "error_description": "the-code-1"})
			config := l.config()
			tt.change(&config)
			_, _, err := oidc.New(config).ExchangeCode(t.Context(), redirectURL, "the-code-1", nonce, oauth2.VerifierOption("the-verifier"))
			var refused *oauth2.RetrieveError
			if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || strings.Contains(err.Error(), "the-code-1") {
				t.Fatalf("got %v", err)
			}
			form, user := l.lastTokenRequest()
			if got := l.tokenRequests.Load(); got != 1 {
				t.Errorf("%d token requests, want 1", got)
			}
			if user.String() != tt.basic && (user != nil || tt.basic != "") {
				t.Errorf("got Basic %v, want %q", user, tt.basic)
			}
			if form.Get("client_secret") != tt.form || (form.Get("client_id") == "client") != (tt.basic == "") {
				t.Errorf("got form %v", form)
			}
			if form.Get("code_verifier") != "the-verifier" || form.Get("redirect_uri") != redirectURL ||
				form.Get("code") != "the-code-1" || form.Get("grant_type") != "authorization_code" {
				t.Errorf("got form %v", form)
			}
		})
	}
}

func TestUserinfoLeftAlone(t *testing.T) {
	t.Parallel()
	exchange := func(l *liar, config oidc.Config) error {
		_, _, err := oidc.New(config).ExchangeCode(t.Context(), redirectURL, "code", nonce)
		return err
	}
	skip := newLiar(t)
	skip.change(skip.userinfo, map[string]any{"sub": "mallory"})
	config := skip.config()
	config.SkipUserinfo = true
	if err := exchange(skip, config); err != nil || skip.userinfoRequests.Load() != 0 {
		t.Errorf("SkipUserinfo: %v, %d requests", err, skip.userinfoRequests.Load())
	}
	none := newLiar(t)
	none.change(none.metadata, map[string]any{"userinfo_endpoint": nil})
	if err := exchange(none, none.config()); err != nil || none.userinfoRequests.Load() != 0 {
		t.Errorf("no endpoint: %v, %d requests", err, none.userinfoRequests.Load())
	}
	down := newLiar(t)
	down.handle("/userinfo", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) })
	if err := exchange(down, down.config()); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("userinfo down: %v", err)
	}
}

func TestSilentEndpoints(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/.well-known/openid-configuration", "/token", "/keys", "/userinfo"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			l.silence(t, path)
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			defer cancel()
			_, _, err := oidc.New(l.config()).ExchangeCode(ctx, redirectURL, "code", nonce)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want the deadline", err)
			}
		})
	}
}

func TestTokenEndpointRedirectsAway(t *testing.T) {
	t.Parallel()
	l, thief := newLiar(t), newLiar(t)
	l.handle("/token", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+"/token", http.StatusTemporaryRedirect)
	})
	_, _, err := oidc.New(l.config()).ExchangeCode(t.Context(), redirectURL, "code", nonce)
	if err == nil || thief.tokenRequests.Load() != 0 {
		t.Fatalf("got %v, %d requests at the thief", err, thief.tokenRequests.Load())
	}
}

func TestIssuerDeadThenAlive(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p := oidc.New(l.config())
	l.handle("/.well-known/openid-configuration", http.NotFound)
	if _, err := p.AuthCodeURL(t.Context(), redirectURL, "s", nonce); err == nil {
		t.Fatal("no error from a dead issuer")
	}
	l.handle("/.well-known/openid-configuration", nil)
	if _, err := p.AuthCodeURL(t.Context(), redirectURL, "s", nonce); err != nil {
		t.Fatal(err)
	}
}

func TestFirstSignInsShareDiscovery(t *testing.T) {
	t.Parallel()
	l := newLiar(t)
	p := oidc.New(l.config())
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			<-start
			if _, _, err := p.ExchangeCode(t.Context(), redirectURL, "code", nonce); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	if got := l.discoveries.Load(); got != 1 {
		t.Fatalf("%d discovery requests, want 1", got)
	}
}

func TestRefreshToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		idToken, token map[string]any
		refused        string
	}{
		{"new id_token without nonce", map[string]any{"nonce": nil}, nil, ""},
		{"no id_token", nil, map[string]any{"id_token": nil}, ""},
		{"other issuer", map[string]any{"iss": "https://evil.example"}, nil, "different provider"},
		{"other audience", map[string]any{"aud": "other"}, nil, "audience"},
		{"expired", map[string]any{"exp": 1}, nil, "expired"},
		{"wrong at_hash", map[string]any{"at_hash": "AAAA"}, nil, "access token hash"},
		{"unsigned", nil, map[string]any{"id_token": "eyJhbGciOiJub25lIn0.e30."}, "id_token"},
		{"not a string", nil, map[string]any{"id_token": 1}, "not a string"},
		{"refused", nil, map[string]any{"error": "invalid_grant"}, "invalid_grant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLiar(t)
			l.change(l.idToken, tt.idToken)
			l.change(l.token, tt.token)
			token, err := oidc.New(l.config()).RefreshTokenContext(t.Context(), "the-refresh-token")
			if tt.refused == "" {
				if err != nil || token.AccessToken != "at" || token.RefreshToken != "the-refresh-token" {
					t.Fatalf("got %+v, %v", token, err)
				}
				return
			}
			if err == nil || token != nil || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got %v, %v, want an error with %q", token, err, tt.refused)
			}
		})
	}
}
