package oidc_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth/oidc"
)

// appleKey makes a key as Apple gives it out.
func appleKey(t testing.TB) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, p8(t, key)
}

func p8(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func appleConfig(key any) oidc.AppleConfig {
	return oidc.AppleConfig{ClientID: "com.example.web", TeamID: "TEAM123456", KeyID: "KEY1234567", PrivateKey: key}
}

// appleServer answers discovery, and refuses every code after it kept the client
// secret that came with it.
type appleServer struct {
	mu      sync.Mutex
	secrets []string
}

func (s *appleServer) RoundTrip(req *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, `{"issuer":"https://appleid.apple.com","authorization_endpoint":"https://appleid.apple.com/auth/authorize",`+
		`"token_endpoint":"https://appleid.apple.com/auth/token","jwks_uri":"https://appleid.apple.com/auth/keys"}`
	if req.Method == http.MethodPost {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(raw))
		if err != nil || req.Header.Get("Authorization") != "" || form.Get("client_id") != "com.example.web" {
			return nil, fmt.Errorf("token request %q with %q", raw, req.Header.Get("Authorization"))
		}
		s.mu.Lock()
		s.secrets = append(s.secrets, form.Get("client_secret"))
		s.mu.Unlock()
		status, body = http.StatusBadRequest, `{"error":"invalid_grant"}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

// last is the client secret of the last token request, its claims, and its count.
func (s *appleServer) last(t *testing.T, key crypto.PublicKey) (secret string, claims map[string]any) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	secret = s.secrets[len(s.secrets)-1]
	signed, err := jose.ParseSignedCompact(secret, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(key)
	if err != nil {
		t.Fatal(err)
	}
	if signed.Signatures[0].Header.KeyID != "KEY1234567" {
		t.Errorf("the kid is %q", signed.Signatures[0].Header.KeyID)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return secret, claims
}

// The client secret is signed by the key, kept, and made anew before it ends.
func TestAppleSecret(t *testing.T) {
	t.Parallel()
	key, text := appleKey(t)
	for name, form := range map[string]any{"text": text, "bytes": []byte(text), "signer": crypto.Signer(key)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &appleServer{}
			ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: server})
			start := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
			now := start
			config := appleConfig(form)
			config.Now = func() time.Time { return now }
			p := oidc.Apple(config)
			if err := p.Validate(); err != nil {
				t.Fatal(err)
			}
			ask := func() string {
				t.Helper()
				if _, _, err := p.ExchangeCode(ctx, redirectURL, "code", nonce); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
					t.Fatal(err)
				}
				secret, claims := server.last(t, key.Public())
				exp, _ := claims["exp"].(float64)
				if claims["iss"] != "TEAM123456" || claims["sub"] != "com.example.web" || claims["aud"] != "https://appleid.apple.com" ||
					int64(exp) < now.Add(5*time.Minute).Unix() || int64(exp) > now.Add(180*24*time.Hour).Unix() {
					t.Errorf("at %v the claims are %v", now, claims)
				}
				return secret
			}
			first := ask()
			now = start.Add(30 * time.Minute)
			if ask() != first {
				t.Error("it was made anew after half an hour")
			}
			now = start.Add(55 * time.Minute)
			second := ask()
			if second == first {
				t.Error("it was used until its end")
			}
			now = start.Add(time.Minute) // the clock was set right
			if ask() == second {
				t.Error("one from the future was used")
			}
			if _, err := p.RefreshTokenContext(ctx, "token"); err == nil {
				t.Error("no error")
			}
			if len(server.secrets) != 5 {
				t.Errorf("%d token requests", len(server.secrets))
			}
		})
	}
}

// Many sign-ins share one secret.
func TestAppleSecretIsShared(t *testing.T) {
	t.Parallel()
	key, _ := appleKey(t)
	server := &appleServer{}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: server})
	p := oidc.Apple(appleConfig(key))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _, _, _ = p.ExchangeCode(ctx, redirectURL, "code", nonce) })
	}
	all.Wait()
	slices.Sort(server.secrets)
	if n := len(slices.Compact(server.secrets)); n != 1 {
		t.Errorf("%d secrets were made", n)
	}
}

// badSigner has a P-256 key in a box that answers nonsense.
type badSigner struct {
	public crypto.PublicKey
	answer []byte
	err    error
}

func (s badSigner) Public() crypto.PublicKey { return s.public }
func (s badSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return s.answer, s.err
}

func TestAppleSignerFails(t *testing.T) {
	t.Parallel()
	key, _ := appleKey(t)
	server := &appleServer{}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: server})
	for name, signer := range map[string]badSigner{
		"error":     {key.Public(), nil, errors.New("the box is shut")},
		"not DER":   {key.Public(), []byte("x"), nil},
		"zero":      {key.Public(), []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, nil},
		"negative":  {key.Public(), []byte{0x30, 6, 2, 1, 0xff, 2, 1, 1}, nil},
		"more":      {key.Public(), []byte{0x30, 6, 2, 1, 1, 2, 1, 1, 0}, nil},
		"too large": {key.Public(), append([]byte{0x30, 38, 2, 33, 1}, append(bytes.Repeat([]byte{1}, 32), 2, 1, 1)...), nil},
	} {
		p := oidc.Apple(appleConfig(signer))
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := p.ExchangeCode(ctx, redirectURL, "code", nonce); err == nil || !strings.Contains(err.Error(), "client secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(server.secrets) != 0 {
		t.Error("a token request was sent without a secret")
	}
}

func TestAppleFaults(t *testing.T) {
	t.Parallel()
	key, text := appleKey(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(*oidc.AppleConfig)
		want   string
	}{
		{"good", func(*oidc.AppleConfig) {}, ""},
		{"no client id", func(c *oidc.AppleConfig) { c.ClientID = "" }, "ClientID is empty"},
		{"team", func(c *oidc.AppleConfig) { c.TeamID = "team" }, `TeamID is "team"`},
		{"key id", func(c *oidc.AppleConfig) { c.KeyID = "" }, `KeyID is ""`},
		{"no key", func(c *oidc.AppleConfig) { c.PrivateKey = nil }, "PrivateKey is empty"},
		{"a path", func(c *oidc.AppleConfig) { c.PrivateKey = "/etc/AuthKey_KEY1234567.p8" }, "PrivateKey is not PEM"},
		{"a number", func(c *oidc.AppleConfig) { c.PrivateKey = 1 }, "PrivateKey has type int"},
		{"cut", func(c *oidc.AppleConfig) {
			c.PrivateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
		}, "not a PKCS #8 key"},
		{"P-384", func(c *oidc.AppleConfig) { c.PrivateKey = p384 }, "not a P-256 key"},
		{"RSA", func(c *oidc.AppleConfig) { c.PrivateKey = p8(t, rsaKey) }, "not a P-256 key"},
		{"scope", func(c *oidc.AppleConfig) { c.Scopes = []string{"profile"} }, `the Scopes have "profile"`},
	}
	for _, tt := range tests {
		config := appleConfig(key)
		tt.change(&config)
		err := oidc.Apple(config).Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	config := appleConfig(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if printed := fmt.Sprintf(verb, config) + fmt.Sprintf(verb, oidc.Apple(config)); strings.Contains(printed, "PRIVATE") {
			t.Errorf("%s prints the key", verb)
		}
	}
	if encoded, err := json.Marshal(config); err != nil || strings.Contains(string(encoded), "PRIVATE") {
		t.Errorf("JSON is %s, %v", encoded, err)
	}
}

func TestAppleScopes(t *testing.T) {
	t.Parallel()
	key, _ := appleKey(t)
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: &appleServer{}})
	for _, tt := range []struct {
		scopes []string
		want   string
		post   bool
	}{
		{nil, "openid name email", true},
		{[]string{"email"}, "openid email", true},
		{[]string{"openid", "name"}, "openid name", true},
		{[]string{}, "openid", false},
		{[]string{"openid"}, "openid", false},
	} {
		config := appleConfig(key)
		config.Scopes = tt.scopes
		p := oidc.Apple(config)
		// An option cannot take the response mode away.
		authURL, err := p.AuthCodeURL(ctx, redirectURL, "s", nonce, oauth2.SetAuthURLParam("response_mode", "fragment"))
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(authURL)
		if err != nil {
			t.Fatal(err)
		}
		if u.Query().Get("scope") != tt.want || p.FormPost() != tt.post || (u.Query().Get("response_mode") == "form_post") != tt.post {
			t.Errorf("%v: %s, FormPost %v", tt.scopes, authURL, p.FormPost())
		}
	}
}

func TestPostedName(t *testing.T) {
	t.Parallel()
	key, _ := appleKey(t)
	p := oidc.Apple(appleConfig(key))
	tests := []struct {
		name, user    string
		given, family string
	}{
		{"both", `{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x@example.com"}`, "Ada", "Lovelace"},
		{"one", `{"name":{"firstName":"Ada"}}`, "Ada", ""},
		{"none", `{"email":"x@example.com"}`, "", ""},
		{"spaces", `{"name":{"firstName":"  Ada ","lastName":"\t"}}`, "Ada", ""},
		{"controls", `{"name":{"firstName":"A\u0000d\u202ea\n","lastName":"L\u200bo"}}`, "Ada", "Lo"},
		{"long", `{"name":{"firstName":"` + strings.Repeat("ä", 500) + `"}}`, strings.Repeat("ä", 100), ""},
		{"too long", `{"name":{"firstName":"` + strings.Repeat("a", 5000) + `"}}`, "", ""},
		{"other types", `{"name":{"firstName":{},"lastName":1}}`, "", ""},
		{"name is text", `{"name":"Ada"}`, "", ""},
		{"no JSON", `Ada`, "", ""},
		{"nothing", ``, "", ""},
	}
	for _, tt := range tests {
		if given, family := p.PostedName(url.Values{"user": {tt.user}}); given != tt.given || family != tt.family {
			t.Errorf("%s: got %q %q", tt.name, given, family)
		}
	}
	good := `{"name":{"firstName":"Ada"}}`
	if given, _ := p.PostedName(url.Values{"user": {good, good}}); given != "" {
		t.Error("a field that stands twice was read")
	}
	if given, _ := oidc.Google("id", "secret").PostedName(url.Values{"user": {good}}); given != "" {
		t.Error("a provider that does not answer by POST has a posted name")
	}
}

// Whatever the browser posts, a name is short and plain text.
func FuzzPostedName(f *testing.F) {
	key, _ := appleKey(f)
	p := oidc.Apple(appleConfig(key))
	f.Add(`{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x@example.com"}`)
	f.Add(`{"name":{"firstName":"\ud800\u202e","lastName":"\n"}}`)
	f.Add("{\"name\":{\"firstName\":\"\xff\"}}")
	f.Fuzz(func(t *testing.T, user string) {
		given, family := p.PostedName(url.Values{"user": {user}})
		for _, name := range []string{given, family} {
			if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 100 || strings.TrimSpace(name) != name ||
				strings.ContainsFunc(name, unicode.IsControl) {
				t.Errorf("%q gives %q", user, name)
			}
		}
	})
}
