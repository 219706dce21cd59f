package openid_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/redact"
)

func TestDiscover(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	i.metadata["end_session_endpoint"] = i.URL + "/logout"
	i.metadata["authorization_response_iss_parameter_supported"] = true
	c := i.client()
	m, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := oauth2.Endpoint{AuthURL: i.URL + "/auth", TokenURL: i.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader}
	if m.Issuer != i.URL || m.Endpoint != want || m.UserInfoEndpoint != i.URL+"/userinfo" ||
		m.EndSessionEndpoint != i.URL+"/logout" || !m.ResponseIssuer || m.Provider == nil {
		t.Fatalf("got %+v", m)
	}
	if !slices.Equal(m.Algorithms, []string{"RS256", "ES256"}) {
		t.Fatalf("got algorithms %v", m.Algorithms)
	}
	again, err := c.Discover(t.Context())
	if err != nil || again != m || i.discoveries.Load() != 1 {
		t.Fatalf("second call: %v, same %v, %d requests", err, again == m, i.discoveries.Load())
	}
}

func TestDiscoverDocument(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field string
		value       any
		refused     string // part of the error, "" when accepted
	}{
		{"other issuer", "issuer", "https://evil.example", "did not match"},
		{"no token endpoint", "token_endpoint", nil, "token_endpoint is missing"},
		{"no authorization endpoint", "authorization_endpoint", nil, "authorization_endpoint is missing"},
		{"no keys", "jwks_uri", nil, "jwks_uri is missing"},
		{"script for a browser", "authorization_endpoint", "javascript:alert(1)", "not an absolute http(s) URL"},
		{"script for a browser at logout", "end_session_endpoint", "javascript:alert(1)", "not an absolute http(s) URL"},
		{"file for keys", "jwks_uri", "file:///etc/passwd", "not an absolute http(s) URL"},
		{"relative", "token_endpoint", "/token", "not an absolute http(s) URL"},
		{"unparsable", "token_endpoint", "http://a b/", "not a URL"},
		{"credentials", "token_endpoint", "https://u:p@host/token", "credentials"},
		{"fragment", "authorization_endpoint", "https://host/auth#x", "fragment"},
		{"another host", "token_endpoint", "https://oauth2.example/token", ""},
		{"no userinfo", "userinfo_endpoint", nil, ""},
		{"secrets only as signature", "id_token_signing_alg_values_supported", []string{"HS256", "none"}, "HS256"},
		{"no signatures advertised", "id_token_signing_alg_values_supported", nil, ""},
		{"wrong type", "token_endpoint_auth_methods_supported", "client_secret_basic", "unmarshal"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.metadata[tt.field] = tt.value
			if tt.value == nil {
				delete(i.metadata, tt.field)
			}
			_, err := i.client().Discover(t.Context())
			if tt.refused == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Fatalf("got error %v, want one with %q", err, tt.refused)
			}
			if step := "openid: discovery of " + i.URL + ": "; tt.field != "issuer" && !strings.HasPrefix(err.Error(), step) {
				t.Errorf("%v does not say what failed", err)
			}
		})
	}
}

func TestDiscoverIssuerMismatchType(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := &openid.Client{Issuer: i.URL + "/", ClientID: clientID}
	_, err := c.Discover(t.Context())
	var mismatch *oidc.IssuerMismatchError
	if !errors.As(err, &mismatch) || mismatch.Discovered != i.URL {
		t.Fatalf("got %v, want the mismatch of a trailing slash", err)
	}
}

func TestDiscoverLeavingHTTPS(t *testing.T) {
	t.Parallel()
	document := `{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a",
		"token_endpoint":"http://id.example/t","jwks_uri":"https://id.example/k"}`
	ctx := answering(t.Context(), http.StatusOK, document)
	c := &openid.Client{Issuer: "https://id.example", ClientID: clientID}
	if _, err := c.Discover(ctx); err == nil || !strings.Contains(err.Error(), "token_endpoint leaves https") {
		t.Fatalf("got %v", err)
	}
}

func TestDiscoverAuthStyle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		methods []string
		want    oauth2.AuthStyle
	}{
		{"not advertised", nil, oauth2.AuthStyleInHeader},
		{"both", []string{"client_secret_post", "client_secret_basic"}, oauth2.AuthStyleInHeader},
		{"post only", []string{"private_key_jwt", "client_secret_post"}, oauth2.AuthStyleInParams},
		{"neither", []string{"private_key_jwt"}, oauth2.AuthStyleInHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			if tt.methods != nil {
				i.metadata["token_endpoint_auth_methods_supported"] = tt.methods
			}
			m, err := i.client().Discover(t.Context())
			if err != nil || m.Endpoint.AuthStyle != tt.want {
				t.Fatalf("got %+v, %v, want style %d", m, err, tt.want)
			}
		})
	}
}

func TestDiscoverOnceForMany(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	start := make(chan struct{})
	errs := make(chan error, 50)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			<-start
			_, err := c.Discover(t.Context())
			errs <- err
		})
	}
	close(start)
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := i.discoveries.Load(); got != 1 {
		t.Fatalf("%d discovery requests, want 1", got)
	}
}

func TestDiscoverAgainAfterFailure(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	i.handle("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "down", http.StatusBadGateway)
	})
	if _, err := c.Discover(t.Context()); err == nil || !strings.Contains(err.Error(), "502") {
		t.Fatalf("got %v from a dead issuer", err)
	}
	i.handle("/.well-known/openid-configuration", nil)
	if _, err := c.Discover(t.Context()); err != nil {
		t.Fatalf("alive again: %v", err)
	}
}

// The first caller gives up; the one who joined its request still gets it.
func TestDiscoverOwnContext(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := i.client()
	asked, release := make(chan struct{}), make(chan struct{})
	i.handle("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		i.handle(r.URL.Path, nil)
		close(asked)
		<-release
		i.serve(w, r)
	})
	first, leave := context.WithCancel(t.Context())
	result := make(chan error, 2)
	discover := func(ctx context.Context) {
		_, err := c.Discover(ctx)
		result <- err
	}
	go discover(first)
	<-asked
	leave()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatalf("first caller: got %v, want canceled", err)
	}
	go discover(t.Context())
	close(release)
	if err := <-result; err != nil {
		t.Fatalf("second caller: %v", err)
	}
	// Two calls of serve for one request that was held back and let go.
	if m, err := c.Discover(t.Context()); err != nil || m == nil || i.discoveries.Load() != 2 {
		t.Fatalf("got %v, %v after %d passes", m, err, i.discoveries.Load())
	}
}

func TestFault(t *testing.T) {
	t.Parallel()
	refused := &oauth2.RetrieveError{
		Response:  &http.Response{StatusCode: 400},
		Body:      []byte("code=secret-code"),
		ErrorCode: "invalid_grant", ErrorDescription: "secret-code",
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		err  error
		want string
	}{
		{"plain", t.Context(), errors.New("broken"), "step: broken"},
		{"control characters", t.Context(), errors.New("a\r\nb\x1b[0m"), "step: a  b [0m"},
		{"long", t.Context(), errors.New(strings.Repeat("é", 1000)), "step: " + strings.Repeat("é", 150) + "…"},
		{"cut inside a rune", t.Context(), errors.New("x" + strings.Repeat("é", 1000)), "step: x" + strings.Repeat("é", 149) + "…"},
		{"refused token request", t.Context(), refused, `step: status 400, error "invalid_grant"`},
		{"refused without a code", t.Context(), &oauth2.RetrieveError{Response: &http.Response{StatusCode: 403}, Body: []byte("secret-code")}, "step: status 403"},
		{"refused without an answer", t.Context(), &oauth2.RetrieveError{Body: []byte("secret-code")}, "step: no status"},
		{"a long code", t.Context(), &oauth2.RetrieveError{ErrorCode: strings.Repeat("x", 65)}, `step: no status, error "` + strings.Repeat("x", 64) + `"`},
		{"as long as may be", t.Context(), errors.New(strings.Repeat("x", 300)), "step: " + strings.Repeat("x", 300)},
		{"a byte longer", t.Context(), errors.New(strings.Repeat("x", 301)), "step: " + strings.Repeat("x", 300) + "…"},
		{"which says the step itself", t.Context(), fmt.Errorf("hidden: %w", redact.Told(nil, "openid: told")), "openid: told"},
		{"of the context itself", ended, fmt.Errorf("broken: %w", context.Canceled), "step: broken: context canceled"},
		{"context ended", ended, errors.New("broken"), "step: broken"},
	}
	for _, tt := range tests {
		err := openid.Fault(tt.ctx, "step", tt.err)
		if err.Error() != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, err, tt.want)
		}
		if !errors.Is(err, tt.err) || errors.Is(err, context.Canceled) != (tt.ctx == ended) {
			t.Errorf("%s: wraps the wrong errors", tt.name)
		}
		// "It is invalid for an Unwrap method to return an []error containing a nil error value."
		if several := err.(interface{ Unwrap() []error }).Unwrap(); slices.Contains(several, nil) {
			t.Errorf("%s: wraps no error", tt.name)
		}
	}
}

// FuzzDiscover serves any document. What is accepted must be safe to use.
func FuzzDiscover(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://id.example","authorization_endpoint":"https://id.example/a",
		"token_endpoint":"https://id.example/t","jwks_uri":"https://id.example/k","end_session_endpoint":"https://id.example/e"}`))
	f.Add([]byte(`{"issuer":"https://id.example","id_token_signing_alg_values_supported":["none"]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, document []byte) {
		ctx := answering(context.Background(), http.StatusOK, string(document))
		m, err := (&openid.Client{Issuer: "https://id.example", ClientID: clientID}).Discover(ctx)
		if err != nil {
			if len(err.Error()) > 400 {
				t.Fatalf("error of %d bytes", len(err.Error()))
			}
			return
		}
		for _, endpoint := range []string{m.Endpoint.AuthURL, m.Endpoint.TokenURL, m.UserInfoEndpoint, m.EndSessionEndpoint} {
			u, err := url.Parse(endpoint)
			if endpoint != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
				t.Fatalf("accepted endpoint %q", endpoint)
			}
		}
		if m.Endpoint.AuthURL == "" || m.Endpoint.TokenURL == "" || len(m.Algorithms) == 0 || m.Endpoint.AuthStyle == oauth2.AuthStyleAutoDetect {
			t.Fatalf("accepted %+v", m)
		}
		for _, alg := range m.Algorithms {
			if alg == "none" || strings.HasPrefix(alg, "HS") {
				t.Fatalf("accepted algorithm %s", alg)
			}
		}
	})
}

// answering returns ctx with a client that gets the same answer from anywhere:
// https issuers without certificates, bodies of any size.
func answering(ctx context.Context, status int, body string) context.Context {
	return oidc.ClientContext(ctx, &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(bytes.NewReader([]byte(body))), Request: req,
		}, nil
	})})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
