package tests

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// docs/internals/faults.md has what the tests named TestFault show.

// A wayward transport leads the requests to one endpoint to where no provider is,
// while it is on.
type wayward struct {
	right, wrong http.RoundTripper
	path         string // how the endpoint's URL ends
	on           atomic.Bool
	requests     atomic.Int32 // that went wrong
}

func (w *wayward) RoundTrip(req *http.Request) (*http.Response, error) {
	if !w.on.Load() || !strings.HasSuffix(req.URL.Path, w.path) {
		return w.right.RoundTrip(req)
	}
	w.requests.Add(1)
	return w.wrong.RoundTrip(req)
}

// absences are the ways in which a provider is not there, and what the log says of
// each.
var absences = []struct {
	name, logged string
	dial         func(t testing.TB) func(ctx context.Context, network, addr string) (net.Conn, error)
}{
	{"refuses connections", refusedText(), refusingDial},
	{"has no address", "no such host", namelessDial},
	{"hangs up", "EOF", hangingUpDial},
}

// refusingDial connects to a port on which nobody listens.
func refusingDial(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}

// refusedText is how the system says that nobody listens.
func refusedText() string {
	if runtime.GOOS == "windows" {
		return syscall.Errno(10061).Error() // WSAECONNREFUSED: syscall.ECONNREFUSED is Go's own number there
	}
	return syscall.ECONNREFUSED.Error()
}

// namelessDial looks a name up at a server that knows none (RCODE 3, RFC 1035
// §4.1.1).
func namelessDial(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		message := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(message)
			if err != nil {
				return
			}
			message[2] |= 0x80 // an answer
			message[3] = 3
			_, _ = server.WriteTo(message[:n], from)
		}
	}()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Resolver: resolver}).DialContext(ctx, network, "login.example.com:443")
	}
}

// hangingUpDial connects to a server that closes each connection when it is asked
// something.
func hangingUpDial(t testing.TB) func(context.Context, string, string) (net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 64<<10))
			_ = conn.Close()
		}
	}()
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
	}
}

func newWayward(t testing.TB, opts *ginauth.Options, path string, dial func(testing.TB) func(context.Context, string, string) (net.Conn, error)) *wayward {
	t.Helper()
	right := http.DefaultTransport
	if opts.HTTPClient != nil {
		right = opts.HTTPClient.Transport
	}
	w := &wayward{right: right, path: path, wrong: &http.Transport{DialContext: dial(t), DisableKeepAlives: true}}
	opts.HTTPClient = &http.Client{Transport: w}
	return w
}

// told are the words in which the sign-in page says what went wrong, by the code.
var told = map[string]string{
	"OAuthSignin":        "The sign-in service could not be reached. Please try again in a moment.",
	"OAuthCallback":      "The sign-in service did not confirm who you are. Please try again.",
	"OAuthCreateAccount": "Your account could not be created. Try another way to sign in.",
	"Callback":           "Signing in was interrupted. Please try again.",
}

// alert is what a page says has gone wrong, empty for nothing.
func (a answer) alert() string {
	_, rest, _ := strings.Cut(a.body, `role="alert">`)
	text, _, _ := strings.Cut(rest, "<")
	return text
}

// A provider that is not there ends a sign-in at once, in a page that says so; it
// changes nothing for who is signed in, and the next sign-in after it works.
func TestFault_ProviderUnreachable(t *testing.T) {
	t.Parallel()
	const begin, callback = "OAuthSignin", "OAuthCallback"
	for _, row := range []struct {
		e          engine
		path, code string
	}{
		{viaOIDC, string(ginauthtest.Discovery), begin},
		{viaOIDC, "/token", callback}, {viaOIDC, "/jwks", callback}, {viaOIDC, "/userinfo", callback},
		{viaGitHub, "/access_token", callback}, {viaGitHub, "/user", callback},
		{viaDiscord, "/token", callback}, {viaDiscord, "/users/@me", callback},
		{viaOpenIDConnect, "/token", callback}, {viaOpenIDConnect, "/jwks", callback}, {viaOpenIDConnect, "/userinfo", callback},
	} {
		for _, how := range absences {
			t.Run(row.e.name+row.path+" "+how.name, func(t *testing.T) {
				t.Parallel()
				idp := newIDP(t, ginauthtest.Config{People: people(1)})
				opts := row.e.options(t, idp)
				opts.Providers = append(opts.Providers, members())
				w := newWayward(t, &opts, row.path, how.dial)
				a := newApp(t, opts)
				b := a.browser(t)
				b.signInAs("ada")
				w.on.Store(true)
				var res answer
				if row.code == begin {
					res = b.post("/api/auth/signin/"+row.e.name, url.Values{"csrfToken": {b.csrf()}})
				} else {
					res = b.signIn(idp, row.e.name)
				}
				res.refused(t, row.code)
				page := b.follow(res)
				if page.StatusCode != http.StatusOK || page.alert() != told[row.code] {
					t.Errorf("the page: %d %q", page.StatusCode, page.alert())
				}
				if w.requests.Load() == 0 {
					t.Error("nothing went wrong: the test proves nothing")
				}
				b.refusalLogged()
				if log := a.log.String(); !strings.Contains(log, "provider="+row.e.name) || !strings.Contains(log, how.logged) {
					t.Errorf("the log: %s", log)
				}
				b.is("ada")
				w.on.Store(false)
				if !b.signIn(idp, row.e.name).signedIn() {
					t.Errorf("the next sign-in failed: %s", a.log)
				}
			})
		}
	}
}

// refusalLogged fails the test unless the app's log is one line, of a sign-in that
// was refused, and at most one in front that says which option to look at.
func (b *browser) refusalLogged() {
	b.t.Helper()
	log := b.app.log.String()
	first, rest, _ := strings.Cut(log, "\n")
	if !strings.Contains(first, " look_at=") {
		rest = log
	}
	if strings.Count(rest, "\n") != 1 || !strings.Contains(rest, `level=WARN msg="ginauth: sign-in refused"`) {
		b.t.Errorf("the log: %s", log)
	}
}

// follow goes where an answer leads, until that is a page.
func (b *browser) follow(res answer) answer {
	b.t.Helper()
	for range 5 {
		target := res.Header.Get("Location")
		if target == "" {
			return res
		}
		res = b.get(target)
	}
	b.t.Fatal("it leads on and on")
	return res
}

// A provider that takes its time holds up its own sign-in alone: others are
// answered, and then it succeeds.
func TestFault_ProviderSlow(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{People: people(1)})
			opts := e.options(t, idp)
			opts.Providers = append(opts.Providers, members())
			a := newApp(t, opts)
			b, other := a.browser(t), a.browser(t)
			target := approve(t, idp, b.begin(e.name, "/")).String()
			arrived, answered := make(chan struct{}), make(chan struct{})
			idp.TamperToken(func(map[string]any) { close(arrived); <-answered })
			go func() {
				defer close(answered)
				<-arrived
				other.signInAs("grace")
				other.is("grace")
			}()
			if !b.get(target).signedIn() || a.log.String() != "" {
				t.Errorf("the log: %s", a.log)
			}
		})
	}
}

// A provider that goes away and comes back on its address, with other keys, needs
// no restart of the application. Who is signed in does not need it.
func TestFault_ProviderRestarts(t *testing.T) {
	t.Parallel()
	for _, e := range []engine{viaOIDC, viaOpenIDConnect} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			config := ginauthtest.Config{People: people(1), ClientSecret: "the secret of this client"}
			idp := newIDP(t, config)
			a := e.app(t, idp)
			b, late := a.browser(t), a.browser(t)
			b.signIn(idp, e.name)
			callback := approve(t, idp, late.begin(e.name, "/")).String()
			if err := idp.Close(); err != nil {
				t.Fatal(err)
			}
			late.get(callback).refused(t, "OAuthCallback")
			if got := b.user(); got != "person1001@example.com" {
				t.Errorf("signed in is %q", got)
			}
			config.Addr = strings.TrimPrefix(idp.Issuer(), "http://")
			idp = newIDP(t, config)
			if !late.signIn(idp, e.name).signedIn() {
				t.Errorf("the next sign-in failed: %s", a.log)
			}
		})
	}
}

// After the sign-in a provider is needed to renew tokens and, in a process that has
// not asked it yet, for where its sign-out is. Without it neither ends a session
// that should stay, nor keeps one that should end.
func TestFault_ProviderUnreachableLater(t *testing.T) {
	t.Parallel()
	for _, how := range absences {
		t.Run("refresh "+how.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			opts := ginauth.Options{Session: keptTokens(memoryStore())}
			w := newWayward(t, &opts, "/token", how.dial)
			c := newCaller(t, idp, opts)
			b := c.browser(t)
			b.signIn(idp, "local")
			first := b.access()
			c.expire()
			w.on.Store(true)
			for range 2 { // nothing is remembered of a failure
				if res := b.get("/api"); res.StatusCode != http.StatusBadGateway || !strings.Contains(res.body, how.logged) {
					t.Errorf("Client: %d %s", res.StatusCode, res.body)
				}
			}
			if res := b.get("/me"); res.StatusCode != http.StatusOK || strings.Contains(res.body, "RefreshTokenError") {
				t.Errorf("the session: %d %s", res.StatusCode, res.body)
			}
			w.on.Store(false)
			if got := b.access(); got == first {
				t.Error("nothing was renewed")
			}
			if n := w.requests.Load(); n != 2 {
				t.Errorf("%d requests went wrong", n)
			}
		})
		t.Run("sign-out "+how.name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t, ginauthtest.Config{})
			store := memoryStore()
			options := func() ginauth.Options {
				return ginauth.Options{Providers: leaving(idp), Session: ginauth.SessionOptions{Store: store}}
			}
			b := newApp(t, options()).browser(t)
			b.signIn(idp, "local")
			opts := options()
			newWayward(t, &opts, string(ginauthtest.Discovery), how.dial).on.Store(true)
			b.app = newApp(t, opts)
			res := b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}, "callbackUrl": {"/bye"}})
			if res.StatusCode != http.StatusFound || res.Header.Get("Location") != b.app.URL+"/bye" || b.user() != "" {
				t.Errorf("%d, leads to %q, still signed in is %q", res.StatusCode, res.Header.Get("Location"), b.user())
			}
			if log := b.app.log.String(); !strings.Contains(log, "signed out here, but not at the provider") || !strings.Contains(log, how.logged) {
				t.Errorf("the log: %s", log)
			}
		})
	}
}
