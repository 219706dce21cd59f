package origin_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

var clientProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// A peer is known by its address, however net/http, an adapter or a middleware writes
// it; what is no address is nobody's.
func TestClientAddr_Peer(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ peer, forwarded, want string }{ // want "": none
		{"203.0.113.7:4711", "", "203.0.113.7"},
		{"203.0.113.7", "", "203.0.113.7"},
		{" 203.0.113.7 ", "", "203.0.113.7"},
		{"::ffff:203.0.113.7", "", "203.0.113.7"},
		{"[2001:db8::1]:443", "", "2001:db8::1"},
		{"[2001:db8::1]", "", "2001:db8::1"},
		{"2001:db8::1", "", "2001:db8::1"},
		{"::1", "", "::1"},
		{"[::1]", "", "::1"},
		{"fe80::1%eth0", "", "fe80::1"},
		{"[fe80::1%eth0]:80", "", "fe80::1"},
		{"[fe80::1%25eth0]", "", "fe80::1"},
		{"10.0.0.1", "203.0.113.7", "203.0.113.7"},
		{"fd00::1", "2001:db8::1, fd00::2", "2001:db8::1"},
		{"203.0.113.7", "198.51.100.1", "203.0.113.7"},

		{"@", "", ""}, {"", "", ""}, {"/run/app.sock", "", ""}, {"@abstract", "198.51.100.1", ""},
		{"localhost:80", "", ""}, {"unknown", "", ""}, {"_hidden", "", ""}, {"for=203.0.113.7", "", ""}, {"203.0.113.7:", "", ""},
		{"1.2.3", "", ""}, {"010.0.0.1", "", ""}, {"::", "", ""}, {"0.0.0.0:80", "", ""}, {"[::", "", ""}, {"2001:db8::1]:443", "", ""},
		{"@", "198.51.100.1", ""}, {"::", "198.51.100.1", ""},

		// RFC 7239 §6.2 and §6.3; what a stranger writes is not looked at.
		{"10.0.0.1", "unknown", ""}, {"10.0.0.1", "203.0.113.7, unknown", ""}, {"10.0.0.1", "unknown, 10.0.0.2", ""},
		{"10.0.0.1", "_hidden", ""}, {"10.0.0.1", "unknown, 203.0.113.7", "203.0.113.7"}, {"203.0.113.7", "unknown", "203.0.113.7"},
	} {
		r, err := origin.New(origin.Config{TrustAnyHost: true, Path: "/auth", TrustedProxies: clientProxies})
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodGet, "http://app.example/", nil)
		req.RemoteAddr = row.peer
		if row.forwarded != "" {
			req.Header.Set("X-Forwarded-For", row.forwarded)
		}
		got := ""
		if addr := r.ClientAddr(req); addr.IsValid() {
			got = addr.String()
		}
		if got != row.want {
			t.Errorf("%q for %q is %q, want %q", row.peer, row.forwarded, got, row.want)
		}
	}
}

// A Unix socket's peers are trusted where that is said, and nobody else passes for one.
func TestClientAddr_UnixSocket(t *testing.T) {
	t.Parallel()
	tcp := context.WithValue(context.Background(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{}))
	unix := context.WithValue(context.Background(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Net: "unix"}))
	for _, row := range []struct {
		name    string
		ctx     context.Context
		peer    string
		listed  bool
		trusted bool
	}{
		{"listed", unix, "@", true, true},
		{"listed, a peer without a name", unix, "", true, true},
		{"listed, a peer with a path", unix, "/run/nginx.sock", true, true},
		{"listed, no server says how it came", context.Background(), "@", true, true},
		{"not listed", unix, "@", false, false},
		{"a header that a middleware copied", tcp, "@", true, false},
		{"an address of nobody", tcp, "[::]:80", true, false},
		{"an address of nobody, bare", unix, "::", true, false},
		{"a name", unix, "localhost:80", true, false},
		{"an address", unix, "203.0.113.7:80", true, false},
	} {
		proxies := clientProxies
		if row.listed {
			proxies = append(proxies[:len(proxies):len(proxies)], origin.UnixSocket())
		}
		r, err := origin.New(origin.Config{TrustAnyHost: true, Path: "/auth", TrustedProxies: proxies})
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodGet, "http://app.example/", nil).WithContext(row.ctx)
		req.RemoteAddr = row.peer
		req.Header.Set("X-Forwarded-For", "198.51.100.1")
		req.Header.Set("X-Forwarded-Proto", "https")
		base, err := r.Base(req)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.ClientAddr(req).String() == "198.51.100.1"; got != row.trusted {
			t.Errorf("%s: the client's address is believed: %v", row.name, got)
		}
		if base.Secure != row.trusted || r.Unlisted(req) == row.trusted {
			t.Errorf("%s: the scheme is believed: %v, unlisted: %v", row.name, base.Secure, r.Unlisted(req))
		}
	}
}

// The same on a socket of a real server.
func TestClientAddr_RealSocket(t *testing.T) {
	t.Parallel()
	r, err := origin.New(origin.Config{TrustAnyHost: true, Path: "/auth", TrustedProxies: []netip.Prefix{origin.UnixSocket()}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil && runtime.GOOS == "windows" { // before Windows 10
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = w.Write([]byte(r.ClientAddr(req).String()))
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	req, err := http.NewRequest(http.MethodGet, "http://app.example/", strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "203.0.113.7, 198.51.100.1")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body strings.Builder
	if _, err := io.Copy(&body, res.Body); err != nil || body.String() != "198.51.100.1" {
		t.Errorf("the client is %q, %v", body.String(), err)
	}
}

// What is no network is a fault, and so is an IPv4 one that is written as IPv6.
func TestCheckProxies(t *testing.T) {
	t.Parallel()
	faults := origin.CheckProxies([]netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), origin.UnixSocket(), {},
		netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 104), netip.PrefixFrom(netip.MustParseAddr("::ffff:10.0.0.0"), 8),
	})
	want := []string{"invalid Prefix; write for instance", "::ffff:10.0.0.0/104, an IPv4 network written as IPv6, in which no address is; write 10.0.0.0/8", "write 10.0.0.0/0"}
	if len(faults) != len(want) {
		t.Fatalf("%v", faults)
	}
	for i, fault := range faults {
		if !strings.Contains(fault.Error(), want[i]) {
			t.Errorf("%v, want %q", fault, want[i])
		}
	}
	if faults := origin.CheckProxies(nil); len(faults) > 0 {
		t.Errorf("%v", faults)
	}
}
