package openid_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ginauth/ginauth/internal/openid"
	"github.com/ginauth/ginauth/internal/redact"
)

// A log line that says what was expected and what came: the two differ in the text.
func TestExplained_ExpectedAndGot(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, row := range map[string]struct {
		change map[string]any
		want   []string // {issuer} is the issuer's URL
	}{
		"a slash more":           {map[string]any{"iss": "{issuer}/"}, []string{"iss is {issuer}/, expected {issuer}"}},
		"another realm":          {map[string]any{"iss": "{issuer}/realms/b"}, []string{"iss is {issuer}/realms/b, expected {issuer}"}},
		"another case":           {map[string]any{"iss": "HTTP://id.example/A"}, []string{"iss is HTTP://id.example/A, expected {issuer}"}},
		"another client":         {map[string]any{"aud": "other"}, []string{"[other]", clientID}},
		"other clients":          {map[string]any{"aud": []string{"a", "b", "c", "d", "e", "f"}}, []string{"[a b c d e]", clientID}},
		"another party":          {map[string]any{"azp": "other"}, []string{"azp is another client: it is other, expected " + clientID}},
		"expired":                {map[string]any{"exp": at(-time.Hour)}, []string{"its exp is ", "and it is ", "clock"}},
		"without exp":            {map[string]any{"exp": nil}, []string{"its exp is missing"}},
		"issued in the future":   {map[string]any{"iat": at(time.Hour)}, []string{"iat lies in the future: it is ", "clock"}},
		"not valid yet":          {map[string]any{"nbf": at(time.Hour)}, []string{"its nbf is ", "clock"}},
		"an issuer with a token": {map[string]any{"iss": "{issuer}?t=" + accessToken}, []string{"iss is {issuer}, expected"}},
		"an audience of secrets": {map[string]any{"aud": []string{accessToken, nonce}}, []string{"[[redacted] [redacted]]"}},
		"a line break":           {map[string]any{"aud": "a\nlevel=ERROR"}, []string{`["a\nlevel=ERROR"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			for claim, value := range row.change {
				if text, ok := value.(string); ok {
					row.change[claim] = strings.ReplaceAll(text, "{issuer}", i.URL)
				}
			}
			claims := i.claims(row.change)
			for claim, value := range row.change {
				if value == nil {
					delete(claims, claim)
				}
			}
			_, err := i.client().Verify(t.Context(), i.sign(t, claims), nonce, accessToken)
			if err == nil {
				t.Fatal("accepted")
			}
			line := redact.Error(err).Error()
			for _, want := range row.want {
				if want = strings.ReplaceAll(want, "{issuer}", i.URL); !strings.Contains(line, want) {
					t.Errorf("the log says %q, want %q", line, want)
				}
			}
			if strings.Contains(line, accessToken) || strings.Contains(line, nonce) || strings.Contains(line, "\n") {
				t.Errorf("the log says %q", line)
			}
		})
	}
}

func TestExplained_Algorithm(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	raw := sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, i.claims(nil))
	_, err := i.client().Verify(t.Context(), raw, nonce, accessToken)
	if err == nil || !strings.Contains(redact.Error(err).Error(), "signed with HS256, expected one of ") {
		t.Errorf("the log says %v", redact.Error(err))
	}
}

// Where an endpoint is not, its address is told; of one that answers anything else not.
func TestExplained_NotFound(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		path string
		ask  func(t *testing.T, c *openid.Client, i *issuer) error
		want string
	}{
		"discovery": {"/.well-known/openid-configuration", func(t *testing.T, c *openid.Client, _ *issuer) error {
			_, err := c.Discover(t.Context())
			return err
		}, "{issuer}/.well-known/openid-configuration, answered 404"},
		"keys": {"/keys", func(t *testing.T, c *openid.Client, i *issuer) error {
			_, err := c.Verify(t.Context(), i.sign(t, i.claims(nil)), nonce, accessToken)
			return err
		}, "key set at {issuer}/keys did not come"},
		"userinfo": {"/userinfo", func(t *testing.T, c *openid.Client, _ *issuer) error {
			_, err := c.UserInfo(t.Context(), accessToken, "alice")
			return err
		}, "the userinfo endpoint {issuer}/userinfo answered status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.handle(row.path, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, "no such realm, "+accessToken)
			})
			err := row.ask(t, i.client(), i)
			if err == nil {
				t.Fatal("accepted")
			}
			line := redact.Error(err, accessToken).Error()
			if !strings.Contains(line, strings.ReplaceAll(row.want, "{issuer}", i.URL)) || strings.Contains(line, accessToken) {
				t.Errorf("the log says %q, want %q", line, row.want)
			}
		})
	}
}

// FuzzExplained: whatever a token says of itself, its line stays one line and short.
func FuzzExplained(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.")
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.eyJhdWQiOlsxXSwibmJmIjoxZTMwMH0.x")
	f.Fuzz(func(t *testing.T, raw string) {
		line := redact.Error(openid.Explain(raw, errors.New("refused"))).Error()
		if strings.ContainsAny(line, "\n\r") || len(line) > 3000 {
			t.Errorf("%q: %q", raw, line)
		}
	})
}
