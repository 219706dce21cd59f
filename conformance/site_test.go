package conformance

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

const (
	siteSecret = "0123456789abcdef0123456789abcdef"
	providerID = "op"
	// The secret has what Basic must encode (RFC 6749 §2.3.1).
	clientID, clientSecret = "client-1", "s3cret+/:%&="
)

// setup is what one module changes of the usual site and provider.
type setup struct {
	posted  bool // the answer comes by form post
	op      ginauthtest.Config
	config  func(*oidc.Config)
	oauth   func(*ginauth.OAuth)
	options func(*ginauth.Options)
}

// site is a relying party on https with ginauth, and its provider on https, with
// certificates of the test's own authority.
type site struct {
	t      *testing.T
	server *httptest.Server
	auth   *ginauth.Auth
	op     *ginauthtest.Provider
	log    *logBuffer
	sent   *wire
	ahead  atomic.Int64 // nanoseconds by which both clocks are ahead

	mu   sync.Mutex
	last *ginauth.SignInParams
}

func newSite(t *testing.T, s setup) *site {
	t.Helper()
	ca := authority(t)
	engine := gin.New()
	v := &site{t: t, log: &logBuffer{}, server: httptest.NewUnstartedServer(engine)}
	v.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	v.server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.server}}
	v.server.StartTLS()
	t.Cleanup(v.server.Close)

	now := func() time.Time { return time.Now().Add(time.Duration(v.ahead.Load())) }
	s.op.ClientID, s.op.ClientSecret, s.op.Now = clientID, clientSecret, now
	s.op.Addr = "localhost:0" // another site than 127.0.0.1, for the browser
	s.op.RedirectURIs = []string{v.url() + "/api/auth/callback/" + providerID}
	s.op.TLS = &tls.Config{Certificates: []tls.Certificate{ca.server}, RootCAs: ca.roots}
	op, err := ginauthtest.NewProvider(s.op)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	v.op = op

	v.sent = &wire{issuer: op.Issuer(), base: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.roots}}}
	t.Cleanup(v.sent.base.CloseIdleConnections)
	config := oidc.Config{Name: providerID, Issuer: op.Issuer(), ClientID: clientID, ClientSecret: clientSecret, Now: now}
	if s.posted {
		config.ResponseMode = "form_post"
	}
	if s.config != nil {
		s.config(&config)
	}
	provider := ginauth.OAuth{Provider: oidc.New(config)}
	if s.oauth != nil {
		s.oauth(&provider)
	}
	opts := ginauth.Options{
		Secret: siteSecret, BaseURL: v.url(), Logger: v.log.logger(), Now: now,
		HTTPClient: &http.Client{Transport: v.sent}, Providers: []ginauth.Provider{provider},
	}
	opts.Callbacks.SignIn = func(_ *gin.Context, p ginauth.SignInParams) error {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.last = &p
		return nil
	}
	if s.options != nil {
		s.options(&opts)
	}
	if v.auth, err = ginauth.Register(engine, opts); err != nil {
		t.Fatal(err)
	}
	engine.GET("/userinfo", v.auth.RequireSession(), v.callUserinfo)
	engine.GET("/bye", func(c *gin.Context) { c.String(http.StatusOK, "Goodbye.") })
	return v
}

func (v *site) url() string { return v.server.URL }

// withStore keeps sessions, and the provider's tokens, in memory.
func withStore(opts *ginauth.Options) {
	opts.Session.Store = ginauth.GinStore(memstore.NewStore([]byte(siteSecret)))
	opts.Session.KeepTokens = true
}

// callUserinfo asks the provider's userinfo as the person who is signed in, as an
// application does.
func (v *site) callUserinfo(c *gin.Context) {
	client, err := v.auth.Client(c)
	if err != nil {
		c.String(http.StatusBadGateway, "%v", err)
		return
	}
	res, err := client.Get(v.op.Issuer() + string(ginauthtest.Userinfo))
	if err != nil {
		c.String(http.StatusTeapot, "%v", err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.String(http.StatusTeapot, "%v", err)
		return
	}
	c.String(res.StatusCode, "%s", body)
}

// signedIn is what the application was told of the last sign-in.
func (v *site) signedIn() *ginauth.SignInParams {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		v.t.Fatalf("nobody signed in: %s", v.log)
	}
	return v.last
}

// A sentRequest is one that the relying party sent to the provider.
type sentRequest struct {
	method, path  string
	query         url.Values
	authorization []string
	body          string
}

// wire notes what the relying party sends, and lets it through.
type wire struct {
	issuer string
	base   *http.Transport

	mu   sync.Mutex
	sent []sentRequest
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	noted := sentRequest{method: r.Method, path: r.URL.Path, query: r.URL.Query(), authorization: slices.Clone(r.Header.Values("Authorization"))}
	if at := r.URL.Scheme + "://" + r.URL.Host; at != w.issuer {
		return nil, fmt.Errorf("a request went to %s, which is not the provider", at)
	}
	if r.Body != nil {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		noted.body = string(raw)
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(raw))
	}
	w.mu.Lock()
	w.sent = append(w.sent, noted)
	w.mu.Unlock()
	return w.base.RoundTrip(r)
}

// to are the requests to an endpoint, oldest first.
func (w *wire) to(e ginauthtest.Endpoint) (found []sentRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.sent {
		if r.path == string(e) {
			found = append(found, r)
		}
	}
	return found
}

// logBuffer is the site's log.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
