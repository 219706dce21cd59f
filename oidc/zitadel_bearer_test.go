package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/oidc"
)

const ordersAPI = "https://orders.example.com"

// jwtStorage has zitadel's example provider make JWTs of its access tokens, as an operator
// chooses for a client there, for an audience of the test's. The tokens themselves, with
// their header, claims and signature, are zitadel's.
type jwtStorage struct {
	*storage.Storage
	audience []string
}

type jwtClient struct{ op.Client }

func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func (s jwtStorage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return jwtClient{client}, nil
}

// aimed is a sign-in whose access token is for an API.
type aimed struct {
	op.AuthRequest
	audience []string
}

func (a aimed) GetAudience() []string { return a.audience }

func (s jwtStorage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	req, err := s.Storage.AuthRequestByCode(ctx, code)
	if err != nil {
		return nil, err
	}
	return aimed{req, s.audience}, nil
}

// GetPrivateClaimsFromScopes are the claims that an operator's own code adds.
func (s jwtStorage) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

// newJWTZitadel starts the provider and returns its issuer.
func newJWTZitadel(t *testing.T, audience ...string) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String()
	store := storage.NewStorageWithClients(storage.NewUserStore(issuer), map[string]*storage.Client{
		"web": storage.WebClient("web", "s3cret:/&%", webRedirect),
	})
	server.Config.Handler = exampleop.SetupServer(issuer, jwtStorage{store, audience}, nil, false)
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}

// zitadelTokens are what a person's sign-in brings.
func zitadelTokens(t *testing.T, issuer string) (access, id string) {
	t.Helper()
	p := oidc.New(oidc.Config{
		Name: "zitadel", Issuer: issuer, ClientID: "web", ClientSecret: "s3cret:/&%", Scopes: []string{"profile", storage.CustomScope},
	})
	verifier := oauth2.GenerateVerifier()
	code := begin(t, p, issuer, webRedirect, "n", verifier)
	// The exchange is x/oauth2's own: an id_token for an API alone is none for the client.
	config := oauth2.Config{
		ClientID: "web", ClientSecret: "s3cret:/&%", RedirectURL: webRedirect,
		Endpoint: oauth2.Endpoint{TokenURL: issuer + "/oauth/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
	token, err := config.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	id, _ = token.Extra("id_token").(string)
	return token.AccessToken, id
}

// bearerOf asks a guarded route with a token, and returns the status and the session.
func bearerOf(t *testing.T, config oidc.BearerConfig, token string) (status int, s ginauth.Session) {
	t.Helper()
	verify, err := oidc.NewBearer(config)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := ginauth.New(ginauth.Options{Secret: "a secret of this test, 32 bytes long"})
	if err != nil {
		t.Fatal(err)
	}
	r := gin.New()
	r.GET("/orders", auth.AcceptBearer(verify), auth.RequireSession(), func(c *gin.Context) { s = *ginauth.GetSession(c) })
	req := httptest.NewRequest(http.MethodGet, "/orders", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code, s
}

// Access tokens that another program made, zitadel's OpenID provider, are taken for what
// they say, and for nothing else.
func TestZitadelBearer(t *testing.T) {
	t.Parallel()
	issuer := newJWTZitadel(t, ordersAPI)
	access, id := zitadelTokens(t, issuer)
	if strings.Count(access, ".") != 2 {
		t.Fatalf("the access token is no JWT: %s", access)
	}
	good := oidc.BearerConfig{Issuer: issuer, Audience: ordersAPI, AllowJWTType: true}
	status, s := bearerOf(t, good, access)
	if status != http.StatusOK || s.User.ID != issuer+" id2" || !slices.Contains(s.Scopes, storage.CustomScope) || s.Expires.IsZero() {
		t.Fatalf("%d %+v", status, s)
	}
	other := newJWTZitadel(t, ordersAPI)
	strangers, _ := zitadelTokens(t, other)
	self := newJWTZitadel(t) // which names the client as the audience, as zitadel does by itself
	ofClient, _ := zitadelTokens(t, self)
	for _, row := range []struct {
		name   string
		config oidc.BearerConfig
		token  string
	}{
		{"typ JWT, where RFC 9068 is asked for", oidc.BearerConfig{Issuer: issuer, Audience: ordersAPI}, access},
		{"another API", oidc.BearerConfig{Issuer: issuer, Audience: "https://bills.example.com", AllowJWTType: true}, access},
		{"another issuer of the same software", good, strangers},
		{"the id_token of the same sign-in", good, id},
		{"the id_token, at an API that has the client's id", oidc.BearerConfig{Issuer: issuer, Audience: "web", AllowJWTType: true}, id},
		{"a token for the client itself", oidc.BearerConfig{Issuer: self, Audience: "web", AllowJWTType: true}, ofClient},
		{"changed in one letter", good, flipped(access)},
	} {
		if status, s := bearerOf(t, row.config, row.token); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %+v", row.name, status, s)
		}
	}
}

// flipped changes a letter of a token's claims.
func flipped(token string) string {
	at := strings.Index(token, ".") + 20
	letter := byte('A')
	if token[at] == letter {
		letter = 'B'
	}
	return token[:at] + string(letter) + token[at+1:]
}
