package origin_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
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
	international := origin.Config{Path: "/auth", TrustedHosts: []string{"München.example", "*.straße.example:8443"}}
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
		{"forwarded, no scheme", named, proxy, "inside", map[string][]string{"X-Forwarded-Host": {"app.example.com"}}, "http://app.example.com"},
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
		{"localhost where hosts are listed", named, stranger, "localhost", nil, ""},
		{"loopback where hosts are listed", named, stranger, "127.0.0.1:8080", nil, ""},
		{"loopback forwarded where hosts are listed", named, proxy, "inside", forwarded("localhost:3000", "http"), ""},
		{"loopback with BaseURL", fixed, stranger, "localhost", nil, "https://fixed.example"},
		{"loopback in hexadecimal", loopback, stranger, "0x7F.1", nil, "http://127.0.0.1"},
		{"IDN", international, stranger, "xn--mnchen-3ya.example", nil, "http://xn--mnchen-3ya.example"},
		{"IDN, upper case", international, stranger, "XN--MNCHEN-3YA.example", nil, "http://xn--mnchen-3ya.example"},
		{"IDN, without its dots", international, stranger, "munchen.example", nil, ""},
		{"below an IDN", international, stranger, "xn--bcher-kva.xn--strae-oqa.example:8443", nil, "http://xn--bcher-kva.xn--strae-oqa.example:8443"},
		{"below ss", international, stranger, "a.strasse.example:8443", nil, ""},
		{"not in ASCII", international, stranger, "münchen.example", nil, ""},
		{"broken punycode", any, stranger, "xn--a.example", nil, ""},
		{"percent-encoded", named, stranger, "app%2eexample.com", nil, ""},
		{"compose file", any, stranger, "my_app", nil, "http://my_app"},
		{"three hyphens", any, stranger, "r3---sn-x.example", nil, "http://r3---sn-x.example"},
		{"port with a zero", any, stranger, "a.example:080", nil, "http://a.example"},
		{"no IPv4 address", any, stranger, "1.2.3.256", nil, ""},
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
	for _, host := range []string{"", "*", "*.", "https://a.example", "a.example/x", "a b", "*.127.0.0.1", "a.*.example", "*.[::1]", "*.0x7f.1", "a.example:", "a.example:99999", "a.example:+80", "1.2.3.256", "\u00ad", "[fe80::1%25eth0]"} {
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
		"HTTPS://APP.EXAMPLE.COM/x":        "https://app.example.com/x",
		"https://app.example.com:443/":     "https://app.example.com/",
		"https://app.example.com:0443/?a":  "https://app.example.com/?a",
		"https://app.example.com?a#b":      "https://app.example.com?a#b",
		`https://app.example.com/%zz?\#\`:  `https://app.example.com/%zz?\#\`,
		"https://%61pp.Example%2ecom/":     "https://app.example.com/",
		"https://app。example．com/":         "https://app.example.com/",
		"https://ａpp.example.com/":         "https://app.example.com/",
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
		"https://app.example.com/\t/x":     base.Origin,
		"https://app.example.com/x ":       base.Origin,
		`https://app.example.com/\evil.co`: base.Origin,
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
		"HTTPS://A.Example:443/x":   "HTTPS://A.Example:443/x", // nothing in it needs to change
		"HTTPS://A.Example:443/ü":   "https://a.example/%C3%BC",
		"/a\r\nX: 1":                "/a%0D%0AX:%201",
		"/日":                        "/%E6%97%A5",
		`/"<>` + "\x00\x7f":         "/%22%3C%3E%00%7F",
		"/%41":                      "/%41",
		"/?`'\\^{|}":                "/?`'\\^{|}",
		"https://münchen.example/ü": "https://xn--mnchen-3ya.example/%C3%BC",
	} {
		if got := origin.Location(target); got != want {
			t.Errorf("%q: %q, want %q", target, got, want)
		}
	}
}

// onOrigin reports whether every parser takes a URL for one of an origin: that
// stands in front, and what follows ends the host or there is nothing.
func onOrigin(target, o string) bool {
	rest, ok := strings.CutPrefix(target, o)
	return ok && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
}

// FuzzAbsolute: wherever a callback URL leads, one of our origins stands in front,
// letter for letter.
func FuzzAbsolute(f *testing.F) {
	for _, seed := range []string{
		"/a", "//e.com", `\\e.com`, "https://app.example.com@e.com", "https://app.example.com/", "https://www.example.com:443", "https://app.example.com?a", "https://app.example.com#a",
		"https://kapp.example.com\u3002/", "https://app.ex\u0130mple.com", "https://%77ww.example.com/%zz", "https://app\u00ad.example.com", "HTTPS://\u212a.example",
	} {
		f.Add(seed)
	}
	base := origin.Base{Origin: "https://app.example.com"}
	allowed, _ := origin.NewSet([]string{"https://www.example.com"})
	f.Fuzz(func(t *testing.T, target string) {
		got := base.Absolute(target, allowed)
		if !onOrigin(got, base.Origin) && !onOrigin(got, "https://www.example.com") {
			t.Errorf("%q leads to %q", target, got)
		}
		location := origin.Location(got)
		if !onOrigin(location, base.Origin) && !onOrigin(location, "https://www.example.com") {
			t.Errorf("%q in a header leads to %q", target, location)
		}
		for _, c := range []byte(location) {
			if c <= ' ' || c >= 0x7f {
				t.Errorf("%q in a header", location)
			}
		}
		if again := base.Absolute(got, allowed); again != got && !strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
			t.Errorf("%q leads to %q, and that to %q", target, got, again)
		}
	})
}

// written is an origin in its one spelling.
var written = regexp.MustCompile(`^https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4}|:0)?$`)

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
		again, err := r.Base(request("192.0.2.1:1", strings.TrimPrefix(base.Origin, "http://"), nil))
		if !written.MatchString(base.Origin) || base.URL != base.Origin+"/auth" || err != nil || again != base {
			t.Errorf("%q gives %+v, and that %+v, %v", host, base, again, err)
		}
	})
}
