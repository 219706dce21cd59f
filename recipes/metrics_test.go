package recipes_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/libtnb/sqlite"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/redis/go-redis/v9"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"gorm.io/gorm"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/gormadapter"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/recipes"
	"github.com/ginauth/ginauth/redisstore"
)

// A site is an application made as docs/metrics.md has it.
type site struct {
	t    *testing.T
	auth *ginauth.Auth
	idp  *ginauthtest.Provider
	reg  *prometheus.Registry
	url  string
	user string // the ID of who asked for /renew

	mu      sync.Mutex
	secrets []string // what must be neither in a metric nor in a span
}

const (
	password = "difference engine 1842"
	secret   = "0123456789abcdef0123456789abcdef"
)

// A stand-in for an OTLP collector: it takes what the protocol's own definition says.
type otlp struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*spans.Span
	raw   []string
}

func newOTLP(t *testing.T) *otlp {
	o := &otlp{}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		raw, err := io.ReadAll(body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(raw, &sent) != nil {
			t.Errorf("%s of %d bytes as %s: %v", r.URL, len(raw), r.Header.Get("Content-Type"), err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.raw = append(o.raw, prototext.Format(&sent))
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				o.spans = append(o.spans, scope.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(o.Close)
	return o
}

// newSite runs the application. flush sends all spans.
func newSite(t *testing.T, o *otlp) (s *site, flush func()) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", o.URL)
	gin.SetMode(gin.TestMode)
	s = &site{t: t, reg: prometheus.NewPedanticRegistry(), secrets: []string{password, secret}}
	var err error
	if s.idp, err = ginauthtest.NewProvider(ginauthtest.Config{Addr: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.idp.Close() })
	s.secret(s.idp.ClientSecret())

	tp, err := recipes.Traces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tp.Shutdown(context.WithoutCancel(t.Context())) })
	client := redis.NewClient(&redis.Options{Addr: servertest.Redis(t).Addr()})
	t.Cleanup(func() { _ = client.Close() })
	db, err := gorm.Open(sqlite.Open(t.TempDir()+"/users.db"), &gorm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := recipes.Instrument(tp, client, db); err != nil {
		t.Fatal(err)
	}
	users, err := gormadapter.New(db, gormadapter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine := gin.New()
	server := httptest.NewUnstartedServer(recipes.TraceSite(tp, engine))
	s.url = "http://" + server.Listener.Addr().String()
	s.auth, err = ginauth.Register(engine, ginauth.Options{
		Secret: secret, BaseURL: s.url, Adapter: users, Logger: slog.New(slog.DiscardHandler),
		Events:     recipes.Counters(s.reg),
		HTTPClient: &http.Client{Transport: recipes.CountTokens(s.reg, recipes.TraceProviders(tp, http.DefaultTransport))},
		Session:    ginauth.SessionOptions{Store: redisstore.New(client, redisstore.Options{}), KeepTokens: true},
		Limits:     ginauth.Limits{Guesses: ginauth.Rate{Count: 2, Per: time.Hour}},
		Providers: append(ginauth.Goth(oidc.New(oidc.Config{
			Name: "local", Issuer: s.idp.Issuer(), ClientID: s.idp.ClientID(), ClientSecret: s.idp.ClientSecret(),
		})), ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) {
				return nil, nil
			},
		}),
		Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
			s.secret(p.Account.AccessToken, p.Account.IDToken, p.Account.RefreshToken, p.Account.ProviderAccountID, p.User.Email)
			return nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.GET("/renew", s.auth.RequireSession(), func(c *gin.Context) {
		s.user = ginauth.GetSession(c).User.ID
		s.secret(s.user, ginauth.GetToken(c).ID)
		if _, err := s.auth.Client(c); err != nil {
			c.String(http.StatusBadGateway, err.Error())
		}
	})
	engine.GET("/metrics", gin.WrapH(promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{})))
	server.Start()
	t.Cleanup(server.Close)
	return s, func() {
		if err := tp.ForceFlush(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

func (s *site) secret(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		if len(value) > 5 {
			s.secrets = append(s.secrets, value)
		}
	}
}

// leaks names what a text must not hold.
func (s *site) leaks(text string) (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range s.secrets {
		if strings.Contains(text, value) || strings.Contains(text, url.QueryEscape(value)) {
			found = append(found, value)
		}
	}
	return found
}

// visitor is a client with cookies that follows no redirect.
func (s *site) visitor() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (s *site) send(c *http.Client, target string, form url.Values) (status int, location, body string) {
	s.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = s.url + target
	}
	var res *http.Response
	var err error
	if form == nil {
		res, err = c.Get(target)
	} else {
		res, err = c.PostForm(target, form)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, _ := io.ReadAll(res.Body)
	for _, cookie := range res.Cookies() {
		s.secret(cookie.Value)
	}
	return res.StatusCode, res.Header.Get("Location"), string(raw)
}

func (s *site) csrf(c *http.Client) string {
	_, _, body := s.send(c, "/api/auth/csrf", nil)
	return strings.Split(body, `"`)[3]
}

// signIn signs the provider's first person in, and returns the provider's answer.
func (s *site) signIn(c *http.Client, person int) string {
	s.t.Helper()
	_, authURL, _ := s.send(c, "/api/auth/signin/local", url.Values{"csrfToken": {s.csrf(c)}})
	callback, err := s.idp.Approve(s.t.Context(), authURL, s.idp.People()[person].Subject)
	if err != nil {
		s.t.Fatal(err)
	}
	s.secret(callback.Query().Get("code"), callback.Query().Get("state"))
	s.send(c, callback.String(), nil)
	return callback.String()
}

// metrics are the samples that a Prometheus server would scrape, read by its own parser.
func (s *site) metrics() map[string]*dto.MetricFamily {
	s.t.Helper()
	_, _, text := s.send(s.visitor(), "/metrics", nil)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	if found := s.leaks(text); found != nil {
		s.t.Errorf("the metrics hold %q:\n%s", found, text)
	}
	return families
}

// value is one counter's, by its labels in the order of their names.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		var got []string
		for _, l := range m.Label {
			got = append(got, l.GetValue())
		}
		if slices.Equal(got, labels) {
			return m.Counter.GetValue()
		}
	}
	return 0
}

// What happened to people is counted, and no label says to whom. Spans of the providers,
// of Redis and of the database belong to their request, and hold no token, code, key,
// value or address.
func TestMetricsAndTraces(t *testing.T) {
	o := newOTLP(t)
	s, flush := newSite(t, o)
	host := strings.TrimPrefix(s.idp.Issuer(), "http://")
	s.idp.TamperToken(func(answer map[string]any) { answer["expires_in"] = 1 }) // due for renewal at once
	ada := s.visitor()
	s.signIn(ada, 0)
	if status, _, body := s.send(ada, "/renew", nil); status != http.StatusOK {
		t.Fatal(status, body)
	}
	s.send(s.visitor(), "/api/auth/callback/local?state=x&code=y", nil)
	guesser := s.visitor()
	for range 4 {
		s.send(guesser, "/api/auth/callback/credentials", url.Values{"csrfToken": {s.csrf(guesser)}, "username": {"ada.lovelace"}, "password": {password}})
	}
	s.secret("ada.lovelace")
	if err := s.auth.RevokeUser(t.Context(), s.user); err != nil {
		t.Fatal(err)
	}
	grace := s.visitor()
	s.signIn(grace, 1)
	s.send(grace, "/api/auth/signout", url.Values{"csrfToken": {s.csrf(grace)}})

	families := s.metrics()
	for _, row := range []struct {
		want   float64
		name   string
		labels []string // in the order of their names
	}{
		{2, "ginauth_sign_ins_total", []string{"success", "local"}},
		{1, "ginauth_sign_ins_total", []string{"OAuthCallback", "local"}},
		{2, "ginauth_sign_ins_total", []string{"CredentialsSignin", "credentials"}},
		{2, "ginauth_sign_ins_total", []string{"RateLimited", "credentials"}},
		{2, "ginauth_rate_limited_total", []string{"credentials"}},
		{1, "ginauth_revocations_total", []string{"user"}},
		{1, "ginauth_sign_outs_total", nil},
		{2, "ginauth_token_requests_total", []string{"authorization_code", host, "200"}},
		{1, "ginauth_token_requests_total", []string{"refresh_token", host, "200"}},
	} {
		if got := value(families, row.name, row.labels...); got != row.want {
			t.Errorf("%s%q is %v, want %v", row.name, row.labels, got, row.want)
		}
	}
	problems, err := testutil.GatherAndLint(s.reg)
	if err != nil || len(problems) != 0 {
		t.Errorf("Prometheus' linter finds %v, %v", problems, err)
	}

	flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	traces := map[string]string{} // of each span
	for _, span := range o.spans {
		traces[string(span.SpanId)] = string(span.TraceId)
	}
	all, within := map[string]int{}, map[string]int{} // those within the trace of a request
	for _, span := range o.spans {
		kind := kindOf(span)
		all[kind]++
		if traces[string(span.ParentSpanId)] == string(span.TraceId) {
			within[kind]++
		}
	}
	// Discovery, the keys and a connection to Redis serve more than the request that waits
	// for them first; three token requests, a userinfo request each sign-in, commands and
	// statements do not.
	for kind, least := range map[string]int{"provider": 5, "redis": 10, "database": 10} {
		if within[kind] < least {
			t.Errorf("of %v spans these are part of a request: %v", all, within)
		}
	}
	if all["site"] < 10 {
		t.Errorf("the spans are %v", all)
	}
	if text := strings.Join(o.raw, "\n"); s.leaks(text) != nil {
		t.Errorf("the spans hold %q", s.leaks(text))
	}
}

// kindOf is what a span is about, by the attributes that OpenTelemetry's conventions
// give it.
func kindOf(span *spans.Span) string {
	kind := "other"
	for _, a := range span.Attributes {
		switch {
		case a.Key == "url.path":
			return "site"
		case a.Key == "url.full":
			return "provider"
		case a.Key == "db.system" && a.Value.GetStringValue() == "redis":
			return "redis"
		case strings.HasPrefix(a.Key, "db."):
			kind = "database"
		}
	}
	return kind
}

// A service that takes its token in the URL gets it, and the span does not.
func TestTraceProviders_KeepsTheQueryOut(t *testing.T) {
	o := newOTLP(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", o.URL)
	tp, err := recipes.Traces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.String() }))
	defer service.Close()
	client := &http.Client{Transport: recipes.TraceProviders(tp, http.DefaultTransport)}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, service.URL+"/me?access_token=ya29.secret", nil)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if sent := <-got; sent != "/me?access_token=ya29.secret" || req.URL.RawQuery == "" {
		t.Errorf("the service got %s, and the request now has %s", sent, req.URL)
	}
	if err := tp.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := strings.Join(o.raw, "\n")
	if len(o.spans) != 1 || !strings.Contains(all, "/me") || strings.Contains(all, "ya29") {
		t.Errorf("the span is %s", all)
	}
}

// The document is made of this package's code.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, name := range []string{"metrics.go", "traces.go", "metrics_test.go"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, raw...)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) < 4 {
		t.Fatalf("%d blocks of Go", len(blocks))
	}
	for _, block := range blocks {
		if !bytes.Contains(bytes.ReplaceAll(source, []byte("\t"), nil), bytes.ReplaceAll(block[1], []byte("\t"), nil)) {
			t.Errorf("not in the code: %s", block[1])
		}
	}
	for _, family := range regexp.MustCompile("`(ginauth_[a-z_]+)`").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(source), fmt.Sprintf("%q", family[1])) {
			t.Errorf("no metric is called %s", family[1])
		}
	}
}
