package providers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// outside refuses what goes past the client that a sign-in is bound to.
type outside struct{}

func (outside) RoundTrip(req *http.Request) (*http.Response, error) {
	escaped.Store(req.URL.Host, true)
	return nil, errors.New("a request went through http.DefaultTransport")
}

// escaped are the hosts that such requests were for.
var escaped sync.Map

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	http.DefaultTransport = outside{}
	http.DefaultClient = &http.Client{Transport: outside{}}
	code := m.Run()
	escaped.Range(func(host, _ any) bool {
		_, _ = io.WriteString(os.Stderr, "FAIL: a request to "+host.(string)+" went through http.DefaultTransport\n")
		code = 1
		return true
	})
	os.Exit(code)
}

// logBuffer collects what a logger writes.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns what was written since the last time.
func (l *logBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// app is a Gin application that signs people in at one service.
type app struct {
	handler http.Handler
	log     logBuffer

	mu   sync.Mutex
	last ginauth.SignInParams
}

const base = "https://app.example.com"

// newApp registers the providers over a transport.
func newApp(t testing.TB, transport http.RoundTripper, ps ...ginauth.Provider) *app {
	t.Helper()
	a := &app{}
	engine := gin.New()
	_, err := ginauth.Register(engine, ginauth.Options{
		Providers:  ps,
		Secret:     "0123456789abcdef0123456789abcdef",
		BaseURL:    base,
		HTTPClient: &http.Client{Transport: transport},
		Logger:     slog.New(slog.NewTextHandler(&a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.last = p
			return nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.handler = engine
	return a
}

// signedIn is who came in last.
func (a *app) signedIn() (ginauth.User, ginauth.Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return *a.last.User, *a.last.Account
}

// browser has cookies, and follows no redirect by itself.
type browser struct {
	t   testing.TB
	jar http.CookieJar
	do  func(req *http.Request) *http.Response
}

// browser reaches the app over HTTP.
func (a *app) browser(t testing.TB) *browser {
	t.Helper()
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	return newBrowser(t, func(req *http.Request) *http.Response {
		// The site is on https behind its proxy; here it is reached directly.
		to := req.Clone(req.Context())
		to.URL.Scheme, to.URL.Host, to.RequestURI = "http", server.Listener.Addr().String(), ""
		res, err := server.Client().Transport.RoundTrip(to)
		if err != nil {
			t.Fatal(err)
		}
		return res
	})
}

// near reaches it without a network, for a test with a clock of its own.
func (a *app) near(t testing.TB) *browser {
	return newBrowser(t, func(req *http.Request) *http.Response {
		w := httptest.NewRecorder()
		a.handler.ServeHTTP(w, req)
		return w.Result()
	})
}

func newBrowser(t testing.TB, do func(*http.Request) *http.Response) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, jar, do}
}

// answer is a response whose body was read.
type answer struct {
	status   int
	location string
	body     string
	session  bool // a session was begun
}

func (b *browser) send(method, target string, form url.Values, header ...string) answer {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = base + target
	}
	req := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	for _, c := range b.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	res := b.do(req)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(req.URL, res.Cookies())
	a := answer{status: res.StatusCode, location: res.Header.Get("Location"), body: string(body)}
	for _, c := range res.Cookies() {
		a.session = a.session || strings.HasSuffix(c.Name, "session-token") && c.Value != ""
	}
	return a
}

// begin starts a sign-in and returns the authorization URL.
func (b *browser) begin(provider string) string {
	b.t.Helper()
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal([]byte(b.send(http.MethodGet, "/api/auth/csrf", nil).body), &csrf); err != nil {
		b.t.Fatal(err)
	}
	res := b.send(http.MethodPost, "/api/auth/signin/"+provider, url.Values{"csrfToken": {csrf.CSRFToken}, "callbackUrl": {"/"}})
	if res.status != http.StatusFound || strings.HasPrefix(res.location, base) {
		b.t.Fatalf("signin answered %d and leads to %q", res.status, res.location)
	}
	return res.location
}

func (b *browser) get(target string) answer {
	b.t.Helper()
	return b.send(http.MethodGet, target, nil)
}

// answer brings a service's answer to the site: in the query, or in a form of the
// same fields that the service's page posts.
func (b *browser) answer(f *fake, callback string) answer {
	b.t.Helper()
	if !f.fixture.post {
		return b.get(callback)
	}
	u, err := url.Parse(callback)
	if err != nil {
		b.t.Fatal(err)
	}
	form := u.Query()
	u.RawQuery = ""
	return b.send(http.MethodPost, u.String(), form, "Origin", f.fixture.issuer, "Sec-Fetch-Site", "cross-site")
}

// refused fails the test unless the sign-in ended in an error page with this code,
// without a session.
func (b *browser) refused(res answer, code string) {
	b.t.Helper()
	if res.session || !strings.HasSuffix(res.location, "/api/auth/error?error="+code) {
		b.t.Errorf("answered %d, session %v, and leads to %q, want error=%s", res.status, res.session, res.location, code)
	}
}
