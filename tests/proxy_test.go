package tests

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/net/websocket"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/servertest"
)

// proxiedSite is what browsers see of every site behind a proxy here.
const proxiedSite = "https://app.example.com"

// A setting is a proxy's file and the application behind it.
type setting struct {
	file    string
	opts    ginauth.Options
	group   string // of the application's routes
	prefix  string // of its pages, as browsers see them
	home    string // where a sign-in leads that names no page
	socket  bool   // the proxy reaches it by a Unix socket
	further string // directives for nginx's server
	without string // a directive that is taken out
}

func settings() []setting {
	hosts := []string{"app.example.com"}
	below := ginauth.Options{BaseURL: proxiedSite + "/shop/api/auth", BasePath: "/api/auth", TrustedProxies: loopbackProxies}
	kept := ginauth.Options{BaseURL: proxiedSite + "/shop/api/auth", TrustedProxies: loopbackProxies}
	said := ginauth.Options{BaseURL: proxiedSite, TrustedProxies: loopbackProxies, Pages: ginauth.Pages{TrustForwardedPrefix: true}}
	saidOfHosts := ginauth.Options{TrustedHosts: hosts, TrustedProxies: loopbackProxies, Pages: ginauth.Pages{TrustForwardedPrefix: true}}
	root := ginauth.Options{BaseURL: proxiedSite, TrustedProxies: loopbackProxies}
	hosted := ginauth.Options{TrustedHosts: hosts, TrustedProxies: loopbackProxies, Pages: ginauth.Pages{TrustForwardedPrefix: true}}
	socket := ginauth.Options{TrustedHosts: hosts, TrustedProxies: []netip.Prefix{ginauth.UnixSocket()}}
	return []setting{
		{file: "nginx.conf", opts: root, home: proxiedSite},
		{file: "nginx.conf", opts: hosted, home: proxiedSite},
		{file: "nginx-kept.conf", opts: kept, group: "/shop", prefix: "/shop", home: proxiedSite},
		{file: "nginx-stripped.conf", opts: below, prefix: "/shop", home: proxiedSite + "/shop/"},
		{file: "nginx-prefix.conf", opts: said, prefix: "/shop", home: proxiedSite + "/shop/"},
		{file: "nginx-prefix.conf", opts: saidOfHosts, prefix: "/shop", home: proxiedSite + "/shop/"},
		{file: "nginx-socket.conf", opts: socket, home: proxiedSite, socket: true},
		{file: "haproxy.cfg", opts: root, home: proxiedSite},
		{file: "haproxy.cfg", opts: hosted, home: proxiedSite},
		{file: "haproxy.cfg", opts: kept, group: "/shop", prefix: "/shop", home: proxiedSite},
		{file: "haproxy-stripped.cfg", opts: below, prefix: "/shop", home: proxiedSite + "/shop/"},
		{file: "haproxy-prefix.cfg", opts: said, prefix: "/shop", home: proxiedSite + "/shop/"},
		{file: "haproxy-socket.cfg", opts: socket, home: proxiedSite, socket: true},
	}
}

// A proxied application runs behind a real proxy, with TLS ended there.
type proxied struct {
	t     *testing.T
	proxy *servertest.Server
	tls   *tls.Config
	auth  *ginauth.Auth
	idp   *ginauthtest.Provider
	log   *logBuffer
}

// behind starts an application and its proxy. The files are those of docs/deployment.md,
// of which only addresses and paths are replaced.
func behind(t *testing.T, s setting) *proxied {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "proxy", s.file))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxied{t: t, log: &logBuffer{}}
	p.idp = newIDP(t, ginauthtest.Config{RedirectURIs: []string{proxiedSite + s.prefix + "/api/auth/callback/local"}})
	engine := gin.New()
	s.opts.Secret, s.opts.Logger, s.opts.Providers = testSecret, p.log.logger(), ginauth.Goth(local(p.idp, "local"))
	group := engine.Group(s.group)
	if p.auth, err = ginauth.Register(group, s.opts); err != nil {
		t.Fatal(err)
	}
	serveProxied(group, p.auth)
	app := httptest.NewUnstartedServer(engine)
	address := app.Listener.Addr().String()
	if s.socket {
		_ = app.Listener.Close()
		dir, err := os.MkdirTemp("", "s") // t.TempDir's path is too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
		if app.Listener, err = net.Listen("unix", address); err != nil {
			t.Fatal(err)
		}
	}
	app.Start()
	t.Cleanup(app.Close)
	certificate := servertest.Certify(t, "app.example.com")
	p.tls = &tls.Config{RootCAs: certificate.Authority, ServerName: "app.example.com"}
	config := func(listen string) string {
		return exactly(t, s.file, strings.Replace(strings.ReplaceAll(string(text), s.without+"\n", "\n"), "    server_name ", s.further+"    server_name ", 1), map[string]string{
			"listen 443 ": "listen " + listen + " ", "bind :443 ": "bind " + listen + " ",
			"/etc/ssl/app.example.com.pem": certificate.CertFile, "/etc/ssl/app.example.com.key": certificate.KeyFile,
			"/etc/ssl/app.example.com.both.pem": certificate.BothFile,
			"127.0.0.1:8080":                    address, "/run/app/app.sock": address,
		})
	}
	start := servertest.Nginx
	if strings.HasPrefix(s.file, "haproxy") {
		start = servertest.HAProxy
	}
	p.proxy = start(t, config)
	return p
}

// exactly replaces what a test must have of its own: of nginx's file four places, of
// HAProxy's three.
func exactly(t *testing.T, file, text string, places map[string]string) string {
	t.Helper()
	want := 4
	if strings.HasPrefix(file, "haproxy") {
		want = 3
	}
	for from, to := range places {
		if n := strings.Count(text, from); n > 1 {
			t.Fatalf("%s has %s %d times", file, from, n)
		} else if n == 1 {
			want--
		}
		text = strings.ReplaceAll(text, from, to)
	}
	if want != 0 {
		t.Fatalf("%s has another number of places to replace, by %d", file, want)
	}
	return text
}

// serveProxied are the application's pages. It knows nothing of what a proxy takes off.
func serveProxied(r *gin.RouterGroup, auth *ginauth.Auth) {
	r.GET("/", auth.LoadSession(), func(c *gin.Context) {
		if s := ginauth.GetSession(c); s != nil {
			c.String(http.StatusOK, "home of "+s.User.Email)
			return
		}
		c.Data(http.StatusOK, "text/html", []byte("home of nobody "+auth.SignInForm(c, "local", "/me?x=1")))
	})
	guarded := r.Group("/", auth.RequireSession())
	guarded.GET("/me", func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.Email) })
	guarded.GET("/events", func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		c.Header("Content-Type", "text/event-stream")
		c.Header("X-Accel-Buffering", "no")
		_, _ = io.WriteString(c.Writer, "data: begin\n\n")
		c.Writer.Flush()
		<-ctx.Done()
	})
	echo := websocket.Server{Handler: func(ws *websocket.Conn) { _, _ = io.Copy(ws, ws) }, Handshake: func(*websocket.Config, *http.Request) error { return nil }}
	guarded.GET("/ws", func(c *gin.Context) { echo.ServeHTTP(c.Writer, c.Request) })
}

// visitor is a browser whose name server knows app.example.com alone.
func (p *proxied) visitor(http2 bool) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: p.tls.Clone(), ForceAttemptHTTP2: http2, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.proxy.Addr())
	}}
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *proxied) get(b *http.Client, target string, header ...string) answer {
	p.t.Helper()
	return p.send(b, http.MethodGet, target, nil, header...)
}

func (p *proxied) send(b *http.Client, method, target string, form url.Values, header ...string) answer {
	p.t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", proxiedSite)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := b.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{res, string(body)}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formField  = regexp.MustCompile(`<input[^>]* name="(csrfToken|callbackUrl)"[^>]* value="([^"]*)"`)
)

// press sends the first form of a page.
func (p *proxied) press(b *http.Client, page answer) answer {
	p.t.Helper()
	action := formAction.FindStringSubmatch(page.body)
	if action == nil {
		p.t.Fatalf("%d, no form in %.2000s", page.StatusCode, page.body)
	}
	form := url.Values{}
	for _, field := range formField.FindAllStringSubmatch(page.body, -1) {
		form.Set(field[1], unhtml.Replace(field[2]))
	}
	target, err := page.Request.URL.Parse(unhtml.Replace(action[1]))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.send(b, http.MethodPost, target.String(), form)
}

var unhtml = strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'")

// approved is what the provider answers to a sign-in that has begun.
func (p *proxied) approved(begun answer) string {
	p.t.Helper()
	return approve(p.t, p.idp, begun.Header.Get("Location")).String()
}

func (p *proxied) leads(a answer, to string) string {
	p.t.Helper()
	if got := a.Header.Get("Location"); got != to {
		p.t.Fatalf("%s answered %d and leads to %q, want %s\n%.500s", a.Request.URL, a.StatusCode, got, to, a.body)
	}
	return to
}

// A person opens a guarded page, signs in, comes back to it, and signs out, behind each
// proxy; what the application sends out leads through it.
func TestProxy_SignIn(t *testing.T) {
	t.Parallel()
	for i, s := range settings() {
		t.Run(fmt.Sprintf("%d %s", i, s.file), func(t *testing.T) {
			t.Parallel()
			p := behind(t, s)
			site, auth := proxiedSite+s.prefix, proxiedSite+s.prefix+"/api/auth"
			b := p.visitor(true)
			signIn := p.leads(p.get(b, site+"/me?x=1"), auth+"/signin?callbackUrl="+url.QueryEscape(s.prefix+"/me?x=1"))
			page := p.get(b, signIn)
			if page.ProtoMajor != 2 {
				t.Errorf("the browser speaks %s", page.Proto)
			}
			begun := p.press(b, page)
			if u, err := url.Parse(begun.Header.Get("Location")); err != nil || u.Query().Get("redirect_uri") != auth+"/callback/local" {
				t.Fatalf("%d, the provider is asked at %s", begun.StatusCode, begun.Header.Get("Location"))
			}
			back := p.get(b, p.approved(begun))
			for _, c := range back.Cookies() {
				if !c.Secure || c.Path != "/" {
					t.Errorf("the cookie %s has Secure %v and Path %s", c.Name, c.Secure, c.Path)
				}
			}
			if me := p.get(b, p.leads(back, site+"/me?x=1")); me.StatusCode != http.StatusOK || !strings.Contains(me.body, "@") {
				t.Fatalf("signed in: %d %s", me.StatusCode, me.body)
			}
			if home := p.get(b, site+"/"); !strings.HasPrefix(home.body, "home of ") || strings.Contains(home.body, "nobody") {
				t.Errorf("the home page: %d %s", home.StatusCode, home.body)
			}
			p.leads(p.press(b, p.get(b, auth+"/signout")), site+"/me?x=1") // as the last sign-in, which its cookie keeps
			if gone := p.get(b, site+"/me"); gone.StatusCode != http.StatusFound {
				t.Errorf("signed out: %d", gone.StatusCode)
			}
			// A form of the application's own, whose paths are its own.
			fresh := p.visitor(true)
			begun = p.press(fresh, p.get(fresh, site+"/"))
			want := site + "/me?x=1"
			if s.group != "" { // without anything taken off, paths are the browser's
				want = proxiedSite + "/me?x=1"
			}
			p.leads(p.get(fresh, p.approved(begun)), want)
			// htmx, and who asks for a page that the sign-in named none.
			hx := p.get(p.visitor(true), site+"/me", "HX-Request", "true", "HX-Current-URL", site+"/list")
			if got := hx.Header.Get("HX-Redirect"); got != auth+"/signin?callbackUrl="+url.QueryEscape(s.prefix+"/list") {
				t.Errorf("HX-Redirect: %s", got)
			}
			bare := p.visitor(true)
			p.leads(p.get(bare, p.approved(p.press(bare, p.get(bare, auth+"/signin")))), s.home)
			// Nothing that the browser itself writes gets through.
			own := p.get(p.visitor(true), auth+"/providers", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "http")
			if !strings.Contains(own.body, `"callbackUrl":"`+auth+`/callback/local"`) {
				t.Errorf("%d %s", own.StatusCode, own.body)
			}
			if log := p.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// nginx's own limits, as it has them by default, are the measure for what the log says of
// long sessions: a session without a line passes, as an answer and in requests; one with
// a line passes where the advice is followed.
func TestProxy_LongSessions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name             string
		further          string // for nginx's file
		claims           []int  // bytes
		logged           string
		signIn, requests bool // pass
	}{
		{"without a line", "", []int{0, 1000, 1500, 1650}, "", true, true},
		{"too long for an answer", "", []int{2500, 4000}, "unless proxy_buffer_size there is more than its default", false, true},
		{"with longer answers", "proxy_buffer_size 16k; proxy_buffers 8 16k;", []int{2500, 4000, 4850}, "unless proxy_buffer_size there is more than its default", true, true},
		{"with other cookies perhaps too long", "proxy_buffer_size 16k; proxy_buffers 8 16k;", []int{5000, 5150}, "a proxy may refuse each request with it", true, true},
		{"too long for a request", "proxy_buffer_size 16k; proxy_buffers 8 16k;", []int{5900, 8000}, "a proxy may refuse each request with it", true, false},
		{"with longer requests", "proxy_buffer_size 16k; proxy_buffers 8 16k; large_client_header_buffers 4 16k;", []int{5900, 8000, 10_800}, "a proxy may refuse each request with it", true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var claim atomic.Int64
			p := behind(t, setting{file: "nginx.conf", further: row.further, opts: ginauth.Options{
				BaseURL: proxiedSite, TrustedProxies: loopbackProxies,
				Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
					p.Token.Claims["pad"] = strings.Repeat("p", int(claim.Load()))
					return nil
				}},
			}})
			p.log.forget()
			for i, bytes := range row.claims {
				claim.Store(int64(bytes))
				b := p.visitor(false) // HTTP/2 has each cookie in a line of its own
				back := p.get(b, p.approved(p.press(b, p.get(b, proxiedSite+"/api/auth/signin?callbackUrl=/me"))))
				if passes := back.StatusCode == http.StatusFound; passes != row.signIn {
					t.Errorf("%d bytes: the sign-in's answer is %d", bytes, back.StatusCode)
				}
				if me := p.get(b, proxiedSite+"/me"); row.signIn && (me.StatusCode == http.StatusOK) != row.requests {
					t.Errorf("%d bytes: /me is %d", bytes, me.StatusCode)
				}
				log := p.log.String()
				if row.logged == "" && log != "" || row.logged != "" && (strings.Count(log, "largest_claim=pad look_at=Callbacks.JWT") != 1 || !strings.Contains(log, row.logged)) {
					t.Errorf("%d bytes, as number %d: the log says\n%s", bytes, i, log)
				}
			}
		})
	}
}

// An nginx that does not set X-Forwarded-Prefix passes the browser's own on. With the
// option that is believed, as its comment says, if it is a plain path and nothing else.
func TestProxy_PassesThePrefixOn(t *testing.T) {
	t.Parallel()
	p := behind(t, setting{file: "nginx.conf", without: `proxy_set_header X-Forwarded-Prefix "";`, opts: ginauth.Options{
		BaseURL: proxiedSite, TrustedProxies: loopbackProxies, Pages: ginauth.Pages{TrustForwardedPrefix: true},
	}})
	for sent, want := range map[string]string{
		"/shop": "/shop", "/shop/": "/shop", "": "",
		"//evil.example": "", "https://evil.example": "", `/\evil.example`: "", "/../x": "", "/a/./b": "", "/%2e%2e/x": "",
		"/a?b=c": "", "/a#b": "", `/"><script>`: "", "/a b": "", "shop": "", "/" + strings.Repeat("a", 300): "",
	} {
		res := p.get(p.visitor(true), proxiedSite+"/api/auth/providers", "X-Forwarded-Prefix", sent)
		if !strings.Contains(res.body, `"callbackUrl":"`+proxiedSite+want+`/api/auth/callback/local"`) {
			t.Errorf("%.40q: %d %s", sent, res.StatusCode, res.body)
		}
	}
}

// Streams and WebSockets pass, end with the session, and no other site opens one.
func TestProxy_Streams(t *testing.T) {
	t.Parallel()
	for i, s := range settings() {
		if i%2 == 1 { // of each file one is enough
			continue
		}
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			p := behind(t, s)
			site, auth := proxiedSite+s.prefix, proxiedSite+s.prefix+"/api/auth"
			b := p.visitor(true)
			p.get(b, p.approved(p.press(b, p.get(b, auth+"/signin"))))
			res, err := b.Get(site + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewReader(res.Body)
			if line, err := lines.ReadString('\n'); err != nil || line != "data: begin\n" {
				t.Fatalf("%d, the stream begins with %q, %v", res.StatusCode, line, err)
			}
			socket := func(origin string) (*websocket.Conn, error) {
				config, err := websocket.NewConfig("wss://app.example.com"+s.prefix+"/ws", origin)
				if err != nil {
					t.Fatal(err)
				}
				u, _ := url.Parse(proxiedSite)
				for _, c := range b.Jar.Cookies(u) {
					config.Header.Add("Cookie", c.Name+"="+c.Value)
				}
				only1 := p.tls.Clone()
				only1.NextProtos = []string{"http/1.1"}
				conn, err := tls.Dial("tcp", p.proxy.Addr(), only1)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
				return websocket.NewClient(config, conn)
			}
			ws, err := socket(proxiedSite)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 5)
			if _, err := ws.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(ws, got); err != nil || string(got) != "hello" {
				t.Errorf("the WebSocket echoes %q, %v", got, err)
			}
			if _, err := socket("https://evil.example"); err == nil {
				t.Error("another site opened a WebSocket")
			}
			p.press(b, p.get(b, auth+"/signout"))
			done := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, lines); done <- err }()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Error("the stream goes on after the sign-out")
			}
		})
	}
}
