package oidc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oidc"
)

const (
	webRedirect    = "http://localhost:9999/auth/callback"
	nativeRedirect = "http://localhost/auth/callback"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the provider logs each request
	os.Exit(m.Run())
}

// newZitadel starts zitadel's example provider and returns its issuer.
func newZitadel(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	clients := map[string]*storage.Client{
		"web":    storage.WebClient("web", "s3cret:/&%", webRedirect),
		"native": storage.NativeClient("native", nativeRedirect),
	}
	store := storage.NewStorageWithClients(storage.NewUserStore(issuer), clients)
	server.Config.Handler = exampleop.SetupServer(issuer, store, nil, false)
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}

func web(issuer string) *oidc.Provider {
	return oidc.New(oidc.Config{
		Name: "zitadel", Issuer: issuer, ClientID: "web", ClientSecret: "s3cret:/&%",
		Scopes: []string{"profile", "email", "offline_access"},
	})
}

var hiddenID = regexp.MustCompile(`name="id" value="([^"]+)"`)

// login drives the provider's login form as a browser would, and returns the
// query of the redirect back to redirectURL.
func login(t *testing.T, issuer, authURL, redirectURL string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var back url.Values
	browser := &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), redirectURL+"?") {
			back = req.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page := get(t, browser, authURL)
	id := hiddenID.FindStringSubmatch(page)
	if id == nil {
		t.Fatalf("no login form in %s", page)
	}
	resp, err := browser.PostForm(issuer+"/login/username", url.Values{
		"id": {id[1]}, "username": {"test-user2"}, "password": {"verysecure"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if back.Get("code") == "" {
		t.Fatalf("no code came back: %v", back)
	}
	return back
}

func get(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// begin signs in at the provider up to the code.
func begin(t *testing.T, p *oidc.Provider, issuer, redirectURL, nonce, verifier string) string {
	t.Helper()
	authURL, err := p.AuthCodeURL(t.Context(), redirectURL, "the-state", nonce, oauth2.S256ChallengeOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	back := login(t, issuer, authURL, redirectURL)
	if back.Get("state") != "the-state" {
		t.Fatalf("state came back as %q", back.Get("state"))
	}
	return back.Get("code")
}

func TestZitadelSignIn(t *testing.T) {
	t.Parallel()
	issuer := newZitadel(t)
	native := oidc.New(oidc.Config{Name: "zitadel", Issuer: issuer, ClientID: "native"})
	post := oidc.New(oidc.Config{
		Name: "zitadel", Issuer: issuer, ClientID: "web", ClientSecret: "s3cret:/&%", AuthStyle: oauth2.AuthStyleInParams,
	})
	tests := []struct {
		name, redirectURL string
		p                 *oidc.Provider
	}{
		{"secret by Basic", webRedirect, web(issuer)},
		{"secret by post", webRedirect, post},
		{"public client", nativeRedirect, native},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			verifier, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
			code := begin(t, tt.p, issuer, tt.redirectURL, nonce, verifier)
			user, token, err := tt.p.ExchangeCode(t.Context(), tt.redirectURL, code, nonce, oauth2.VerifierOption(verifier))
			if err != nil {
				t.Fatal(err)
			}
			if user.UserID != "id2" || user.Name != "Test User2" || user.FirstName != "Test" || user.LastName != "User2" ||
				user.NickName != "test-user2" || user.Email != "test-user2@zitadel.ch" || user.Provider != "zitadel" {
				t.Errorf("got user %+v", user)
			}
			if user.RawData["email_verified"] != true || user.RawData["iss"] != issuer || user.RawData["nonce"] != nonce {
				t.Errorf("got raw claims %v", user.RawData)
			}
			if user.AccessToken == "" || user.AccessToken != token.AccessToken || user.IDToken == "" ||
				user.IDToken != token.Extra("id_token") || user.ExpiresAt.IsZero() {
				t.Errorf("got tokens %+v of user %+v", token, user)
			}
			if _, _, err := tt.p.ExchangeCode(t.Context(), tt.redirectURL, code, nonce, oauth2.VerifierOption(verifier)); err == nil {
				t.Error("the code was accepted twice")
			}
		})
	}
}

func TestZitadelRefuses(t *testing.T) {
	t.Parallel()
	issuer := newZitadel(t)
	p := web(issuer)
	wrongSecret := oidc.New(oidc.Config{Name: "zitadel", Issuer: issuer, ClientID: "web", ClientSecret: "wrong"})
	verifier := oauth2.GenerateVerifier()
	tests := []struct {
		name, redirectURL, nonce string
		p                        *oidc.Provider
		opts                     []oauth2.AuthCodeOption
		refused                  string
	}{
		{"another verifier", webRedirect, "n", p, []oauth2.AuthCodeOption{oauth2.VerifierOption(oauth2.GenerateVerifier())}, "invalid_grant"},
		{"no verifier", webRedirect, "n", p, nil, "invalid_request"},
		{"another redirect", webRedirect + "2", "n", p, []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier)}, "invalid_grant"},
		{"another nonce", webRedirect, "m", p, []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier)}, "nonce"},
		{"wrong secret", webRedirect, "n", wrongSecret, []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier)}, "invalid_client"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code := begin(t, p, issuer, webRedirect, "n", verifier)
			user, token, err := tt.p.ExchangeCode(t.Context(), tt.redirectURL, code, tt.nonce, tt.opts...)
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got error %v, want %q", err, tt.refused)
			}
			if strings.Contains(err.Error(), code) {
				t.Error("the error repeats the code")
			}
			if user.UserID != "" || token != nil {
				t.Error("a refused sign-in returned a user")
			}
		})
	}
}

func TestZitadelRefreshAndEndSession(t *testing.T) {
	t.Parallel()
	issuer := newZitadel(t)
	p := web(issuer)
	verifier := oauth2.GenerateVerifier()
	code := begin(t, p, issuer, webRedirect, "n", verifier)
	user, _, err := p.ExchangeCode(t.Context(), webRedirect, code, "n", oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if user.RefreshToken == "" {
		t.Fatal("no refresh token")
	}
	token, err := p.RefreshTokenContext(t.Context(), user.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if token.AccessToken == user.AccessToken || token.RefreshToken == "" || token.RefreshToken == user.RefreshToken || token.Extra("id_token") == nil {
		t.Fatalf("got %+v", token)
	}
	if _, err := p.RefreshTokenContext(t.Context(), user.RefreshToken); err == nil {
		t.Fatal("a spent refresh token was accepted")
	}
	token, err = p.RefreshToken(token.RefreshToken) // goth's own signature
	if err != nil {
		t.Fatal(err)
	}
	endURL, err := p.EndSessionURL(t.Context(), user.IDToken, "", "state-without-a-way-back")
	if err != nil {
		t.Fatal(err)
	}
	if page := get(t, http.DefaultClient, endURL); page != "signed out successfully" {
		t.Fatalf("signing out answered %q", page)
	}
	if _, err := p.RefreshTokenContext(t.Context(), token.RefreshToken); err == nil {
		t.Fatal("the refresh token outlived the session")
	}
}

// One Provider serves all sign-ins, and each gets its own nonce and verifier back.
func TestZitadelManyAtOnce(t *testing.T) {
	t.Parallel()
	issuer := newZitadel(t)
	p := web(issuer)
	for n := range 12 {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			verifier, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
			code := begin(t, p, issuer, webRedirect, nonce, verifier)
			p.SetName("zitadel")
			user, _, err := p.ExchangeCode(t.Context(), webRedirect, code, nonce, oauth2.VerifierOption(verifier))
			if err != nil || user.RawData["nonce"] != nonce || user.Provider != "zitadel" {
				t.Fatalf("got %+v, %v", user, err)
			}
		})
	}
}

func TestZitadelAuthorizationIssuer(t *testing.T) {
	t.Parallel()
	issuer := newZitadel(t)
	got, required, err := web(issuer).AuthorizationIssuer(t.Context())
	if err != nil || got != issuer || required {
		t.Fatalf("got %q, %v, %v", got, required, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := web(issuer).AuthorizationIssuer(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want canceled", err)
	}
}

// A native application signs in at zitadel by itself, as a client of its own, and hands
// the id_token over to the site, which is another client.
func TestZitadelHandedToken(t *testing.T) {
	t.Parallel()
	issuer := newZitadel(t)
	app := oidc.New(oidc.Config{Name: "zitadel", Issuer: issuer, ClientID: "native"})
	verifier, nonce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	code := begin(t, app, issuer, nativeRedirect, nonce, verifier)
	_, token, err := app.ExchangeCode(t.Context(), nativeRedirect, code, nonce, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	idToken, _ := token.Extra("id_token").(string)
	for _, row := range []struct {
		name, nonce, accessToken string
		audiences                []string
		refused                  string
	}{
		{"an audience of ours", nonce, "", []string{"native"}, ""},
		{"with its access token", nonce, token.AccessToken, []string{"native"}, ""},
		{"with another access token", nonce, token.AccessToken + "x", []string{"native"}, "access token hash"},
		{"nobody's", nonce, "", nil, "for another client: its aud is [native], expected audience web"},
		{"another application's", nonce, "", []string{"another"}, "for another client"},
		{"another nonce", "another", "", []string{"native"}, "nonce"},
		{"no nonce", "", "", []string{"native"}, "nonce"},
	} {
		user, err := web(issuer).VerifyIDToken(t.Context(), idToken, row.nonce, row.accessToken, row.audiences, nil)
		switch {
		case row.refused == "" && (err != nil || user.UserID != "id2" || user.IDToken != idToken || user.AccessToken != row.accessToken):
			t.Errorf("%s: %+v, %v", row.name, user, err)
		case row.refused != "" && (err == nil || !strings.Contains(err.Error(), row.refused) || user.UserID != ""):
			t.Errorf("%s: %+v, %v, want %q", row.name, user, err, row.refused)
		}
	}
	if _, err := web(issuer).VerifyIDToken(t.Context(), token.AccessToken, nonce, "", []string{"native"}, nil); err == nil {
		t.Error("an access token passes for an id_token")
	}
	if _, err := oidc.New(oidc.Config{}).VerifyIDToken(t.Context(), idToken, nonce, "", []string{"native"}, nil); err == nil {
		t.Error("an unusable provider verifies a token")
	}
}
