package probe_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/probe"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/oidc"
)

// service answers on loopback as it is told.
type service struct {
	authorize int
	token     int
	answer    string
	issuer    string // in its discovery document; empty: its own address
}

func (s service) serve(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(s.authorize) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(s.token)
		_, _ = w.Write([]byte(s.answer))
	})
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		issuer := s.issuer
		if issuer == "" {
			issuer = server.URL
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"issuer": issuer, "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/keys",
		})
	})
	return server
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const refused = `{"error":"invalid_grant"}`
	tests := []struct {
		name    string
		service service
		openID  bool
		fault   string
	}{
		{"as it should be", service{200, 400, refused, ""}, false, ""},
		{"a redirect to its sign-in page", service{302, 401, `{"error":"invalid_client"}`, ""}, false, ""},
		{"an error with 200", service{200, 200, `{"errcode":40029}`, ""}, false, ""},
		{"the page is gone", service{410, 400, refused, ""}, false, "authorization endpoint: it answered 410"},
		{"the page is not there", service{404, 400, refused, ""}, false, "authorization endpoint: it answered 404"},
		{"the token endpoint is not there", service{200, 404, `<html>`, ""}, false, "token endpoint: it answered 404 without an OAuth error"},
		{"both", service{404, 500, ``, ""}, false, "token endpoint"},
		{"an OpenID provider", service{200, 400, refused, ""}, true, ""},
		{"another issuer", service{200, 400, refused, "https://other.example"}, true, "discovery"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := tt.service.serve(t)
			var p probe.Provider = oauth.New(oauth.Config{
				Name: "forge", ClientID: "probe", ClientSecret: "probe", AuthURL: server.URL + "/authorize", TokenURL: server.URL + "/token",
				UserInfoURL: server.URL + "/user", Fields: oauth.Fields{ID: "id"},
			})
			if tt.openID {
				p = oidc.New(oidc.Config{Name: "forge", Issuer: server.URL, ClientID: "probe", ClientSecret: "probe"})
			}
			err := probe.Check(t.Context(), p, &http.Client{Timeout: 5 * time.Second, Transport: server.Client().Transport})
			if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
				t.Errorf("got %v, want %q", err, tt.fault)
			}
		})
	}
}
