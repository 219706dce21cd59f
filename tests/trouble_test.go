package tests

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

var update = flag.Bool("update", false, "write the table in docs/troubleshooting.md anew")

// A trouble is a site that is set up wrongly, what an operator then reads, and the fix
// that this leads to.
type trouble struct {
	wrong string           // what was set, for the document
	set   func(s *setup)   // sets it
	says  []string         // what Register's error, or the log, has in it
	page  string           // words on the page that the person is left with
	names string           // what the error, the log or the page must name: what the fix changes
	fix   string           // for the document
	mend  func(s *setup)   // does that
	calls func(v *visitor) // what is done in place of a sign-in, where that shows nothing
}

// A setup is a site with everything that its operator can set.
type setup struct {
	env      map[string]string
	release  bool // gin's mode
	opts     ginauth.Options
	idp      *ginauthtest.Provider
	oidc     oidc.Config                                  // of the provider, where opts has none
	group    string                                       // of the router
	second   *ginauth.Options                             // another process behind the same address, which gets every other request
	beside   *ginauth.Options                             // a second Auth on the same engine
	proxy    *httputil.ReverseProxy                       // in front of the site, which ends TLS; nil: none
	page     func(a *ginauth.Auth, c *gin.Context) string // a sign-in page of the application's own, at /login
	headers  map[string]string                            // of that page
	open     string                                       // the origin that the browser opens
	routes   string                                       // path of the auth routes, as browsers see them; empty: /api/auth
	port     string                                       // that the process listens on
	listener net.Listener                                 // on that port
	browser  func(v *visitor)                             // how the browser differs
	deliver  func(answer *url.URL)                        // what becomes of the provider's answer
}

// running is a setup that runs.
type running struct {
	*setup
	log           *logBuffer
	server, front *httptest.Server
}

// start runs a setup. The error is Register's.
func (s *setup) start(t *testing.T) (*running, error) {
	clean(t)
	for name, value := range s.env {
		t.Setenv(name, s.fill(value))
	}
	gin.SetMode(gin.TestMode)
	if s.release {
		release(t)
	}
	r := &running{setup: s, log: &logBuffer{}}
	handlers := []http.Handler{}
	for _, opts := range []*ginauth.Options{&s.opts, s.second} {
		if opts == nil {
			continue
		}
		engine := gin.New()
		complete := *opts
		complete.BaseURL = s.fill(opts.BaseURL)
		complete.Logger = r.log.logger()
		if complete.Providers == nil {
			complete.Providers = ginauth.Goth(oidc.New(s.oidc))
		}
		auth, err := ginauth.Register(engine.Group(s.group), complete)
		if err != nil {
			return r, err
		}
		if s.beside != nil {
			if _, err := ginauth.Register(engine.Group("/admin"), *s.beside); err != nil {
				return r, err
			}
		}
		for _, path := range []string{"/me", "/shop/me"} { // the latter where a proxy keeps the prefix
			engine.Any(path, auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c)) })
		}
		engine.GET("/login", func(c *gin.Context) {
			for name, value := range s.headers {
				c.Header(name, value)
			}
			c.Data(http.StatusOK, "text/html", []byte(s.page(auth, c)))
		})
		handlers = append(handlers, engine)
	}
	turn := 0
	r.server = &httptest.Server{Listener: s.listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		turn++ // the visitor sends one request after the other
		handlers[turn%len(handlers)].ServeHTTP(w, req)
	})}}
	r.server.Start()
	t.Cleanup(r.server.Close)
	if s.proxy != nil {
		r.front = httptest.NewTLSServer(s.proxy)
		t.Cleanup(r.front.Close)
	}
	return r, nil
}

// fill puts the port, which the kernel chose, into a text.
func (s *setup) fill(text string) string { return strings.ReplaceAll(text, "{port}", s.port) }

// proxied is a proxy that ends TLS in front of a process on this port. Like nginx by
// default, it sends the upstream's name as Host, and tells nothing of the browser.
func (s *setup) proxied(change func(r *httputil.ProxyRequest)) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + s.port})
		if change != nil {
			change(r)
		}
	}}
}

// read is all that an operator sees: the error of Register, or the log and the page.
func (r *running) read(err error, v *visitor) (says, page string) {
	if err != nil {
		return err.Error(), ""
	}
	if len(v.bodies) > 0 {
		page = v.bodies[len(v.bodies)-1]
	}
	return r.log.String(), page
}

// newSetup is a site that works: on this machine, with a local OpenID provider.
func newSetup(t *testing.T) *setup {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s := &setup{env: map[string]string{"NEXTAUTH_SECRET": testSecret}, listener: listener, port: port, open: "http://localhost:{port}"}
	callbacks := []string{}
	for _, origin := range []string{
		"http://localhost:" + port, "http://127.0.0.1:" + port, "https://shop.example", "http://shop.example", "https://www.shop.example", "https://staging.example", "https://localhost:" + port,
		"http://localhost:3000", "http://192.0.2.7:" + port, "http://web:" + port, "http://shop.example:" + port, "https://shop.other.example",
		"https://shop.example/shop", "https://shop.example:8443",
	} {
		callbacks = append(callbacks, origin+"/api/auth/callback/local")
	}
	callbacks = append(callbacks, "https://shop.example/custom/auth/callback/local")
	s.idp = newIDP(t, ginauthtest.Config{RedirectURIs: callbacks})
	s.oidc = oidc.Config{Name: "local", Issuer: s.idp.Issuer(), ClientID: s.idp.ClientID(), ClientSecret: s.idp.ClientSecret()}
	return s
}

// Each way to set a site up wrongly is told: Register, the log or the page names what the
// fix changes, and with the fix a person signs in.
func TestTroubles(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range troubles() {
		if seen[row.wrong] {
			t.Errorf("%s stands twice", row.wrong)
		}
		seen[row.wrong] = true
		t.Run(row.wrong, func(t *testing.T) {
			wrong := newSetup(t)
			row.set(wrong)
			r, err := wrong.start(t)
			var v *visitor
			if err == nil {
				v = r.visitor(t)
				if row.calls != nil {
					row.calls(v)
				} else if v.signIn("/") {
					t.Log("the person is signed in all the same")
				}
			}
			says, page := r.read(err, v)
			for _, want := range row.says {
				if want = wrong.fill(want); !strings.Contains(unquoted(says), want) {
					t.Errorf("it says\n%s\nwant %q", unquoted(says), want)
				}
			}
			if !strings.Contains(page, row.page) {
				t.Errorf("the page says\n%s\nwant %q", shownBody(page), row.page)
			}
			if !strings.Contains(says+page, row.names) {
				t.Errorf("nothing names %s:\n%s\n%s", row.names, says, shownBody(page))
			}
			if strings.Contains(says, testSecret) || strings.Contains(says, wrong.idp.ClientSecret()) {
				t.Errorf("a secret is told: %s", says)
			}

			right := newSetup(t)
			row.set(right)
			row.mend(right)
			r, err = right.start(t)
			if err != nil {
				t.Fatalf("with the fix: %v", err)
			}
			if v = r.visitor(t); !v.signIn("/") {
				t.Errorf("with the fix nobody is signed in: %s\n%s", r.log, shownBody(v.bodies[len(v.bodies)-1]))
			}
			if row.calls != nil {
				row.calls(v)
			}
			for _, want := range row.says {
				if strings.Contains(unquoted(r.log.String()), right.fill(want)) {
					t.Errorf("with the fix the log still says %q", want)
				}
			}
		})
	}
	if len(seen) < 40 {
		t.Errorf("the table has %d rows", len(seen))
	}
	checkTroubles(t)
}

// shownBody is a page without its style.
func shownBody(page string) string { return page[max(0, strings.Index(page, "<body")):] }

// unquoted is a log as its handler was given it.
func unquoted(log string) string { return strings.ReplaceAll(log, `\"`, `"`) }

const (
	troubleDocument = "../docs/troubleshooting.md"
	troublesBegin   = "<!-- table: written by go test ./tests -run TestTroubles -update -->\n"
	troublesEnd     = "<!-- end of table -->\n"
)

// checkTroubles holds docs/troubleshooting.md to the table, or writes it.
func checkTroubles(t *testing.T) {
	if t.Failed() {
		return
	}
	text, err := os.ReadFile(troubleDocument)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), troublesBegin)
	_, after, closed := strings.Cut(rest, troublesEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table", troubleDocument)
	}
	var b strings.Builder
	for _, row := range troubles() {
		fmt.Fprintf(&b, "\n### %s\n\n", row.wrong)
		for _, line := range row.says {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(line, "{port}", "8080"))
		}
		if row.page != "" {
			fmt.Fprintf(&b, "\nThe page: “%s”\n", row.page)
		}
		fmt.Fprintf(&b, "\n**Fix:** %s\n", row.fix)
	}
	b.WriteString("\n")
	want := before + troublesBegin + b.String() + troublesEnd + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(troubleDocument, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says something else than the table; run: go test ./tests -run TestTroubles -update", troubleDocument)
	}
}
