package probe_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ginauth/ginauth/internal/probe"
	"github.com/ginauth/ginauth/oauth"
	"github.com/ginauth/ginauth/oidc"
)

// Each name under which services tell an error is one, and a form too.
func TestCheck_Errors(t *testing.T) {
	t.Parallel()
	for answer, known := range map[string]bool{
		`{"error":"invalid_grant"}`: true, `{"errcode":1}`: true, `{"code":1}`: true, `{"errors":[{}]}`: true, `{"error_code":1}`: true, `{"status":400}`: true,
		`error=invalid_grant&x=y`: true, `{}`: false, `{"error":null}`: false, `{"message":"no"}`: false, ``: false, `[]`: false,
	} {
		server := service{200, 400, answer, ""}.serve(t)
		err := probe.Check(t.Context(), forge(server.URL), server.Client())
		if (err == nil) != known {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func forge(at string) probe.Provider {
	return oauth.New(oauth.Config{
		Name: "forge", ClientID: "probe", ClientSecret: "probe", AuthURL: at + "/authorize", TokenURL: at + "/token",
		UserInfoURL: at + "/user", Fields: oauth.Fields{ID: "id"},
	})
}

// failing answers a path by an error, or by an answer that breaks off.
type failing struct {
	path string
	body io.Reader // nil: no answer
}

func (f failing) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Path != f.path {
		return http.DefaultTransport.RoundTrip(req)
	}
	if f.body == nil {
		return nil, errors.New("connection was cut")
	}
	return &http.Response{StatusCode: 400, Body: io.NopCloser(f.body), Request: req, Header: http.Header{"Content-Type": {"application/json"}}}, nil
}

// A service that does not answer is a fault of that endpoint alone.
func TestCheck_NoAnswer(t *testing.T) {
	t.Parallel()
	broken := func() io.Reader {
		return io.MultiReader(strings.NewReader(`{"error":"x"`), iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	for _, row := range []struct {
		transport failing
		want      string
	}{
		{failing{"/authorize", nil}, "authorization endpoint: "},
		{failing{"/token", nil}, "token endpoint: it did not answer"},
		{failing{"/token", broken()}, "token endpoint: it did not answer"},
		{failing{"/nowhere", nil}, ""},
	} {
		server := service{200, 400, `{"error":"invalid_grant"}`, ""}.serve(t)
		err := probe.Check(t.Context(), forge(server.URL), &http.Client{Transport: row.transport})
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.HasPrefix(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", row.transport.path, err, row.want)
		}
	}
	// A redirect of the authorization endpoint is followed by nobody.
	server := service{302, 400, `{"error":"invalid_grant"}`, ""}.serve(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/authorize" {
			http.Redirect(w, req, "/login", http.StatusFound)
			return
		}
		if req.URL.Path == "/login" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, req, server.URL+req.URL.Path, http.StatusTemporaryRedirect)
	})
	redirecting := httptest.NewServer(mux)
	t.Cleanup(redirecting.Close)
	_ = probe.Check(t.Context(), forge(redirecting.URL), &http.Client{})
	if err := probe.Check(t.Context(), forge("http://a b"), &http.Client{}); err == nil {
		t.Error("an authorization URL that is none")
	}
}

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
