package origin_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

func request(remote, host string, header map[string][]string) *http.Request {
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.RemoteAddr, req.Host = remote, host
	for name, values := range header {
		req.Header[name] = values
	}
	return req
}

func TestBase(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	hosts := []string{"app.example.com", "*.wild.example", "port.example:8443", "[2001:db8::1]:8080"}
	named := origin.Config{Path: "/auth", TrustedHosts: hosts, TrustedProxies: proxies}
	fixed := origin.Config{Path: "/auth", BaseURL: "https://Fixed.Example:443/auth", TrustedProxies: proxies}
	loopback := origin.Config{Path: "/auth", TrustLoopback: true}
	any := origin.Config{Path: "/auth", TrustAnyHost: true}
	const proxy, stranger = "10.1.2.3:1000", "203.0.113.9:1000"
	forwarded := func(host, proto string) map[string][]string {
		return map[string][]string{"X-Forwarded-Host": {host}, "X-Forwarded-Proto": {proto}}
	}
	tests := []struct {
		name         string
		config       origin.Config
		remote, host string
		header       map[string][]string
		want         string // the origin; empty: refused
	}{
		{"fixed", fixed, proxy, "evil.example", forwarded("evil.example", "http"), "https://fixed.example"},
		{"exact", named, stranger, "app.example.com", nil, "http://app.example.com"},
		{"exact, upper case", named, stranger, "APP.example.com", nil, "http://app.example.com"},
		{"exact, the scheme's port", named, stranger, "app.example.com:80", nil, "http://app.example.com"},
		{"exact, another port", named, stranger, "app.example.com:81", nil, ""},
		{"below an exact one", named, stranger, "x.app.example.com", nil, ""},
		{"wild", named, stranger, "a.b.wild.example", nil, "http://a.b.wild.example"},
		{"wild itself", named, stranger, "wild.example", nil, ""},
		{"ends like wild", named, stranger, "evilwild.example", nil, ""},
		{"wild as a prefix", named, stranger, "a.wild.example.evil.com", nil, ""},
		{"named port", named, stranger, "port.example:8443", nil, "http://port.example:8443"},
		{"named port left out", named, stranger, "port.example", nil, ""},
		{"IPv6", named, stranger, "[2001:db8::1]:8080", nil, "http://[2001:db8::1]:8080"},
		{"user", named, stranger, "app.example.com@evil.example", nil, ""},
		{"path", named, stranger, "app.example.com/evil", nil, ""},
		{"space", named, stranger, "app.example.com evil", nil, ""},
		{"empty", named, stranger, "", nil, ""},
		{"trailing colon", named, stranger, "app.example.com:", nil, ""},
		{"trailing dot", named, stranger, "app.example.com.", nil, ""},
		{"forwarded by a stranger", named, stranger, "app.example.com", forwarded("a.wild.example", "https"), "http://app.example.com"},
		{"forwarded by a proxy", named, proxy, "inside", forwarded("a.wild.example", "https"), "https://a.wild.example"},
		{"forwarded, plain http", named, proxy, "inside", forwarded("app.example.com", "http"), "http://app.example.com"},
		{"forwarded, a list of schemes", named, proxy, "inside", forwarded("app.example.com", "http,https"), "https://app.example.com"},
		{"forwarded, a list of hosts", named, proxy, "inside", forwarded("evil.example, app.example.com", "http"), "http://app.example.com"},
		{"forwarded twice", named, proxy, "inside", map[string][]string{"X-Forwarded-Host": {"app.example.com", "evil.example"}}, ""},
		{"forwarded to a foreign host", named, proxy, "inside", forwarded("evil.example", "https"), ""},
		{"localhost", loopback, stranger, "localhost:8080", nil, "http://localhost:8080"},
		{"loopback address", loopback, stranger, "127.8.9.1", nil, "http://127.8.9.1"},
		{"loopback IPv6", loopback, stranger, "[::1]:9", nil, "http://[::1]:9"},
		{"below localhost", loopback, stranger, "a.localhost", nil, "http://a.localhost"},
		{"looks like localhost", loopback, stranger, "localhost.evil.example", nil, ""},
		{"any", any, stranger, "whatever.example", nil, "http://whatever.example"},
		{"any, malformed", any, stranger, "what ever", nil, ""},
	}
	for _, tt := range tests {
		r, err := origin.New(tt.config)
		if err != nil {
			t.Fatal(err)
		}
		base, err := r.Base(request(tt.remote, tt.host, tt.header))
		if tt.want == "" {
			if !errors.Is(err, origin.ErrHost) {
				t.Errorf("%s: %+v, %v", tt.name, base, err)
			}
			continue
		}
		if err != nil || base.Origin != tt.want || base.URL != tt.want+"/auth" || base.Secure != strings.HasPrefix(tt.want, "https:") {
			t.Errorf("%s: %+v, %v", tt.name, base, err)
		}
	}
	r, err := origin.New(named)
	if err != nil {
		t.Fatal(err)
	}
	req := request(stranger, "app.example.com", nil)
	req.TLS = &tls.ConnectionState{}
	if base, err := r.Base(req); err != nil || base.Origin != "https://app.example.com" || base.Host() != "app.example.com" {
		t.Errorf("TLS: %+v, %v", base, err)
	}
}

func TestNewFaults(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "*", "*.", "https://a.example", "a.example/x", "a b", "*.127.0.0.1", "a.*.example"} {
		if _, err := origin.New(origin.Config{TrustedHosts: []string{host}}); err == nil {
			t.Errorf("%q is taken", host)
		}
	}
	for _, o := range []string{"", "null", "a.example", "https://a.example/x", "https://*.example", "ftp://a.example", "https://u@a.example", "https://a.example?x"} {
		if set, faults := origin.NewSet([]string{o}); len(faults) != 1 || len(set) != 0 {
			t.Errorf("%q: %v, %v", o, set, faults)
		}
	}
	set, faults := origin.NewSet([]string{"HTTPS://A.Example:443/", "http://b.example:8080"})
	if faults != nil || !set.Has("https://a.example") || !set.Has("http://b.example:8080") || set.Has("http://a.example") || set.Has("null") {
		t.Errorf("%v, %v", set, faults)
	}
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	r, err := origin.New(origin.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		remote string
		hops   []string
		want   string
	}{
		{"203.0.113.9:1", nil, "203.0.113.9"},
		{"203.0.113.9:1", []string{"198.51.100.1"}, "203.0.113.9"}, // a stranger says so
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"6.6.6.6", "198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:1", []string{"198.51.100.1, nonsense"}, "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"[::1]:1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"nonsense", nil, "invalid IP"},
	} {
		got := r.ClientAddr(request(tt.remote, "a.example", map[string][]string{"X-Forwarded-For": tt.hops}))
		if got.String() != tt.want {
			t.Errorf("%s %v: %s, want %s", tt.remote, tt.hops, got, tt.want)
		}
	}
}

func TestAbsolute(t *testing.T) {
	t.Parallel()
	base := origin.Base{Origin: "https://app.example.com"}
	allowed, _ := origin.NewSet([]string{"https://www.example.com", "http://localhost:3000"})
	for target, want := range map[string]string{
		"/":                                base.Origin + "/",
		"/a?x=1#h":                         base.Origin + "/a?x=1#h",
		"//evil.example/a":                 base.Origin + "//evil.example/a",
		`/\evil.example`:                   base.Origin + `/\evil.example`,
		"/\t/evil.example":                 base.Origin + "/\t/evil.example",
		"https://app.example.com/x":        "https://app.example.com/x",
		"HTTPS://APP.EXAMPLE.COM/x":        "HTTPS://APP.EXAMPLE.COM/x",
		"https://app.example.com:443/":     "https://app.example.com:443/",
		"https://www.example.com/y":        "https://www.example.com/y",
		"http://localhost:3000/":           "http://localhost:3000/",
		"":                                 base.Origin,
		"dashboard":                        base.Origin,
		"http://app.example.com/":          base.Origin,
		"https://app.example.com:8443/":    base.Origin,
		"https://evil.example/":            base.Origin,
		"https://app.example.com.evil.com": base.Origin,
		"https://app.example.com@evil.com": base.Origin,
		"https://u@app.example.com/":       base.Origin,
		`https:\\app.example.com`:          base.Origin,
		`https://app.example.com\.evil.co`: base.Origin,
		"https:app.example.com":            base.Origin,
		"https:/app.example.com":           base.Origin,
		"https:///app.example.com":         base.Origin,
		"javascript:alert(1)":              base.Origin,
		"data:text/html,x":                 base.Origin,
		" https://app.example.com/":        base.Origin,
		"ht\ntps://app.example.com/":       base.Origin,
		"https://app.example.com\t/":       base.Origin,
		"https://аpp.example.com/":         base.Origin, // a Cyrillic а
		"null":                             base.Origin,
	} {
		if got := base.Absolute(target, allowed); got != want {
			t.Errorf("%q leads to %q, want %q", target, got, want)
		}
	}
}

func TestLocation(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"https://a.example/x?y=1#z": "https://a.example/x?y=1#z",
		"/a\r\nX: 1":                "/a%0D%0AX:%201",
		"/日":                        "/%E6%97%A5",
		`/"<>` + "`\x00\x7f":        "/%22%3C%3E%60%00%7F",
		"/%41":                      "/%41",
	} {
		if got := origin.Location(target); got != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}

// FuzzAbsolute: wherever a callback URL leads, it is ours or allowed.
func FuzzAbsolute(f *testing.F) {
	for _, seed := range []string{"/a", "//e.com", `\\e.com`, "https://app.example.com@e.com", "https://app.example.com/", "https://www.example.com:443"} {
		f.Add(seed)
	}
	base := origin.Base{Origin: "https://app.example.com"}
	allowed, _ := origin.NewSet([]string{"https://www.example.com"})
	f.Fuzz(func(t *testing.T, target string) {
		got := base.Absolute(target, allowed)
		if rest, ok := strings.CutPrefix(got, base.Origin); ok && (rest == "" || rest[0] == '/') {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.User != nil || origin.Of(u) != base.Origin && origin.Of(u) != "https://www.example.com" {
			t.Errorf("%q leads to %q", target, got)
		}
		if location := origin.Location(got); strings.ContainsAny(location, "\r\n\x00 ") {
			t.Errorf("%q in a header", location)
		}
	})
}

// FuzzHost: whatever a request calls itself, the base is a plain origin.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{"a.example", "a.example:80", "[::1]:8080", "a@b", "a/b", "a:b:c", ""} {
		f.Add(seed)
	}
	r, err := origin.New(origin.Config{TrustAnyHost: true, Path: "/auth"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, host string) {
		base, err := r.Base(request("192.0.2.1:1", host, nil))
		if err != nil {
			return
		}
		u, err := url.Parse(base.URL)
		if err != nil || u.User != nil || u.Path != "/auth" || u.RawQuery != "" || origin.Of(u) != base.Origin || strings.ContainsAny(base.URL, "\r\n\\<>\" ") {
			t.Errorf("%q gives %+v", host, base)
		}
	})
}
