package tests

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-jose/go-jose/v4"
	"github.com/markbates/goth/providers/github"
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

const testSecret = "0123456789abcdef0123456789abcdef"

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	if os.Getenv(defaultLogVariable) != "" {
		guessInto(slog.Default())
		return
	}
	slog.SetDefault(slog.New(slog.DiscardHandler)) // a real provider in the tests logs each request
	redis.SetLogger(silence{})
	switch {
	case os.Getenv(workerVariable) != "":
		work()
		return
	case os.Getenv(siteVariable) != "":
		serveSite()
		return
	}
	m.Run()
}

// silence is for go-redis, which logs each connection that a stopped server
// refuses.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// logBuffer collects what a logger writes, for tests that read it.
type logBuffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	empty string // the last line that names no step, or no error
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(p, []byte(` step=""`)) || bytes.Contains(p, []byte(` error=""`)) {
		l.empty = string(p)
	}
	return l.b.Write(p)
}

// speaks fails the test if a line lacked the words by which an operator finds a fault.
func (l *logBuffer) speaks(t testing.TB) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.empty != "" {
		t.Errorf("the log does not say what failed: %s", l.empty)
	}
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// forget drops what was logged so far.
func (l *logBuffer) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// newIDP starts a local OpenID provider for one test.
func newIDP(t testing.TB, config ginauthtest.Config) *ginauthtest.Provider {
	t.Helper()
	idp, err := ginauthtest.NewProvider(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	return idp
}

// local is the provider as an application configures it.
func local(idp *ginauthtest.Provider, name string) *oidc.Provider {
	return oidc.New(oidc.Config{Name: name, Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret()})
}

// app is a Gin application with ginauth under test.
type app struct {
	*httptest.Server
	engine *gin.Engine
	auth   *ginauth.Auth
	log    *logBuffer
}

// newApp registers ginauth on a fresh engine that runs on a loopback address,
// with a guarded route /me for every method, which answers the session. front
// runs as middleware of the engine, the auth routes included.
func newApp(t testing.TB, opts ginauth.Options, front ...func(a *app, c *gin.Context)) *app {
	t.Helper()
	a := &app{engine: gin.New(), log: &logBuffer{}}
	for _, f := range front {
		a.engine.Use(func(c *gin.Context) { f(a, c) })
	}
	if opts.Secret == "" {
		opts.Secret = testSecret
	}
	if opts.Logger == nil {
		opts.Logger = a.log.logger()
	}
	var err error
	a.auth, err = ginauth.Register(a.engine, opts)
	if err != nil {
		t.Fatal(err)
	}
	a.log.forget() // what is said at the start
	a.engine.Any("/me", a.auth.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})
	a.Server = httptest.NewServer(a.engine)
	t.Cleanup(func() {
		a.Close()
		a.log.speaks(t)
	})
	return a
}

// browser is a client with cookies that follows no redirect by itself.
type browser struct {
	t   testing.TB
	app *app
	*http.Client
}

func (a *app) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	// Connections of its own: each server of httptest that closes takes those of
	// http.DefaultTransport from all tests.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{t, a, &http.Client{
		Transport:     transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(req *http.Request) answer {
	b.t.Helper()
	res, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := answer{res, string(body)}
	a.wellFormed(b.t)
	return a
}

// wellFormed holds each answer to the statuses that browsers and next-auth's clients know:
// a redirect is 302 or 303, and what leads on in JSON says by its status why.
func (a answer) wellFormed(t testing.TB) {
	t.Helper()
	leads := strings.HasPrefix(a.body, `{"url":`) && strings.Contains(a.Request.URL.Path, "/auth/")
	known := []int{
		http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	switch {
	case a.Header.Get("Location") != "" && strings.Contains(a.Request.URL.Path, "/auth/") && a.StatusCode != http.StatusFound && a.StatusCode != http.StatusSeeOther,
		leads && !slices.Contains(known, a.StatusCode):
		t.Errorf("%s answered %d %s", a.Request.URL.Path, a.StatusCode, a.body)
	}
}

// request makes a request to a path of the app, or to an absolute URL.
func (b *browser) request(method, target string, form url.Values) *http.Request {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.app.URL + target
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, target, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

func (b *browser) get(target string) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, target, nil))
}

func (b *browser) post(target string, form url.Values) answer {
	b.t.Helper()
	return b.do(b.request(http.MethodPost, target, form))
}

// csrf is the token that forms of this browser carry.
func (b *browser) csrf() string {
	b.t.Helper()
	var out struct{ CSRFToken string }
	decode(b.t, b.get("/api/auth/csrf").body, &out)
	return out.CSRFToken
}

// begin starts a sign-in and returns the provider's authorization URL.
func (b *browser) begin(provider, callbackURL string) string {
	b.t.Helper()
	res := b.post("/api/auth/signin/"+provider, url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {callbackURL}})
	if res.StatusCode != http.StatusFound {
		b.t.Fatalf("signin answered %d %s", res.StatusCode, res.body)
	}
	return res.Header.Get("Location")
}

// approve lets the first person of the provider agree, and returns the URL that
// the provider sends the browser back to.
func approve(t testing.TB, idp *ginauthtest.Provider, authURL string) *url.URL {
	t.Helper()
	callback, err := idp.Approve(context.Background(), authURL, idp.People()[0].Subject)
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

// signIn signs the provider's first person in, all the way.
func (b *browser) signIn(idp *ginauthtest.Provider, provider string) answer {
	b.t.Helper()
	return b.get(approve(b.t, idp, b.begin(provider, "/")).String())
}

// user is the e-mail address of who is signed in, as GET session tells it.
func (b *browser) user() string {
	b.t.Helper()
	var out struct{ User struct{ Email string } }
	decode(b.t, b.get("/api/auth/session").body, &out)
	return out.User.Email
}

func decode(t testing.TB, body string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), into); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
}

// signedIn reports whether an answer starts a session.
func (a answer) signedIn() bool {
	for _, c := range a.Cookies() {
		if (c.Name == sessionCookie || c.Name == sessionCookie+".0") && c.Value != "" { // a long one comes in chunks
			return true
		}
	}
	return false
}

// refused fails the test unless an answer leads to the error page with this
// code, and starts no session.
func (a answer) refused(t testing.TB, code string) {
	t.Helper()
	if got := a.Header.Get("Location"); !strings.HasSuffix(got, "/api/auth/error?error="+code) {
		t.Errorf("answered %d and leads to %q, want error=%s", a.StatusCode, got, code)
	}
	if a.signedIn() {
		t.Error("started a session")
	}
}

// The names of the cookies of a site on http.
const (
	sessionCookie     = "next-auth.session-token"
	csrfCookie        = "next-auth.csrf-token"
	transactionCookie = "next-auth.transaction"
)

// cookies are what the browser sends to the app, in order.
func (b *browser) cookies() []*http.Cookie {
	b.t.Helper()
	u, err := url.Parse(b.app.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.Jar.Cookies(u)
}

// cookie is the value of one of them, percent-decoded, empty if there is none.
func (b *browser) cookie(name string) string {
	b.t.Helper()
	for _, c := range b.cookies() {
		if c.Name == name {
			value, err := url.PathUnescape(c.Value)
			if err != nil {
				b.t.Fatal(err)
			}
			return value
		}
	}
	return ""
}

// plant puts a cookie into the browser, as an attacker on a sister host might.
func (b *browser) plant(name, value string) {
	b.t.Helper()
	u, err := url.Parse(b.app.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: url.PathEscape(value), Path: "/"}})
}

// transactions are the browser's sign-ins under way.
func (b *browser) transactions() []*http.Cookie {
	b.t.Helper()
	var found []*http.Cookie
	for _, c := range b.cookies() {
		if strings.HasPrefix(c.Name, transactionCookie+".") {
			found = append(found, c)
		}
	}
	return found
}

// Purposes of what testSecret seals, see opened.
const (
	forSession     = ""
	forTransaction = "ginauth.transaction"
)

// opened are the claims of what an app with testSecret sealed for a purpose.
func opened(t testing.TB, purpose, sealed string) map[string]any {
	t.Helper()
	payload := unsealed(t, purpose, sealed)
	if payload == "" {
		t.Fatalf("sealed for another purpose, or not at all: %q", sealed)
	}
	var claims map[string]any
	decode(t, payload, &claims)
	return claims
}

// unsealed is what a value holds for a purpose, empty if nothing. It is read by
// other code than the product's.
func unsealed(t testing.TB, purpose, sealed string) string {
	t.Helper()
	info := "NextAuth.js Generated Encryption Key"
	if purpose != "" {
		info += " (" + purpose + ")"
	}
	key, err := hkdf.Key(sha256.New, []byte(testSecret), []byte(purpose), info, 32)
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return ""
	}
	payload, err := jwe.Decrypt(key)
	if err != nil {
		return ""
	}
	return string(payload)
}

// accepted counts the token requests that a provider answered with tokens.
func accepted(idp *ginauthtest.Provider) (n int) {
	for _, req := range idp.TokenRequests() {
		if req.Accepted {
			n++
		}
	}
	return n
}

// somebody is a provider for tests in which nobody signs in.
func somebody() []ginauth.Provider { return ginauth.Goth(github.New("id", "secret", "")) }

// clean takes away the environment of the person who runs the tests.
func clean(t *testing.T) {
	t.Helper()
	for _, name := range []string{"NEXTAUTH_SECRET", "AUTH_SECRET", "NEXTAUTH_URL", "AUTH_URL", "AUTH_TRUST_HOST"} {
		t.Setenv(name, "")
	}
}

// release runs a test in gin's release mode, which is the whole process's.
func release(t *testing.T) {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	t.Cleanup(func() { gin.SetMode(gin.TestMode) })
}
