package ginauthtest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ginauth/ginauth/ginauthtest"
)

const (
	callbackURL = "http://127.0.0.1:9/callback"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func start(t testing.TB, cfg ginauthtest.Config) *ginauthtest.Provider {
	t.Helper()
	p, err := ginauthtest.NewProvider(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return p
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// with answers values changed: "name", "value" sets, "name", "-" deletes.
func with(values url.Values, changes ...string) url.Values {
	values = maps.Clone(values)
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "-" {
			values.Del(changes[i])
		} else {
			values.Set(changes[i], changes[i+1])
		}
	}
	return values
}

func goodRequest() url.Values {
	return url.Values{
		"client_id":             {"ginauth"},
		"redirect_uri":          {callbackURL},
		"response_type":         {"code"},
		"scope":                 {"openid profile email"},
		"state":                 {"the state"},
		"nonce":                 {"the nonce"},
		"code_challenge":        {challenge()},
		"code_challenge_method": {"S256"},
	}
}

func authorizationURL(p *ginauthtest.Provider, q url.Values) string {
	return p.Issuer() + string(ginauthtest.Authorize) + "?" + q.Encode()
}

// approve answers the query that Ada's browser brings back.
func approve(t testing.TB, p *ginauthtest.Provider, q url.Values) url.Values {
	t.Helper()
	callback, err := p.Approve(t.Context(), authorizationURL(p, q), "ada")
	if err != nil {
		t.Fatal(err)
	}
	return callback.Query()
}

func codeForm(code string) url.Values {
	return url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {callbackURL},
		"code_verifier": {verifier},
	}
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// answer is an HTTP answer read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(a.body, &body); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	return body
}

func (a answer) text(t testing.TB, name string) string {
	t.Helper()
	text, ok := a.json(t)[name].(string)
	if !ok {
		t.Fatalf("no %s in %d %s", name, a.status, a.body)
	}
	return text
}

// do sends a request and follows no redirect.
func do(t testing.TB, r *http.Request) answer {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, body}
}

func request(t testing.TB, method, target string, form url.Values) *http.Request {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func get(t testing.TB, target string) answer {
	t.Helper()
	return do(t, request(t, http.MethodGet, target, nil))
}

// token sends a token request with client_secret_basic.
func token(t testing.TB, p *ginauthtest.Provider, form url.Values) answer {
	t.Helper()
	r := request(t, http.MethodPost, p.Issuer()+string(ginauthtest.Token), form)
	r.SetBasicAuth(url.QueryEscape(p.ClientID()), url.QueryEscape(p.ClientSecret()))
	return do(t, r)
}

// signIn answers the token answer of a whole sign-in of Ada's.
func signIn(t testing.TB, p *ginauthtest.Provider, q url.Values) answer {
	t.Helper()
	got := token(t, p, codeForm(approve(t, p, q).Get("code")))
	if got.status != http.StatusOK {
		t.Fatalf("token: %d %s", got.status, got.body)
	}
	return got
}

func userinfo(t testing.TB, p *ginauthtest.Provider, accessToken string) answer {
	t.Helper()
	r := request(t, http.MethodGet, p.Issuer()+string(ginauthtest.Userinfo), nil)
	r.Header.Set("Authorization", "Bearer "+accessToken)
	return do(t, r)
}

// payload opens a JWT without looking at its signature.
func payload(t testing.TB, jwt string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", jwt)
	}
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// styleHash is the source expression that admits an inline style.
func styleHash(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// isPrintable tells whether text may stand in a header or a query as it is.
func isPrintable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r > 0x7e })
}

func body(raw string) (io.ReadCloser, int64) {
	return io.NopCloser(strings.NewReader(raw)), int64(len(raw))
}
