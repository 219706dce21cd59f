package origin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

// A browser takes a cookie for its host's name and those above it, and for no public
// suffix (RFC 6265 §5.3 step 5).
func TestDomains(t *testing.T) {
	t.Parallel()
	for host, want := range map[string][]string{
		"https://a.b.example.co.uk":       {"a.b.example.co.uk", "b.example.co.uk", "example.co.uk"},
		"https://a.example.com:8443":      {"a.example.com", "example.com"},
		"https://example.com":             {"example.com"},
		"https://co.uk":                   nil,
		"http://localhost:3000":           nil,
		"http://192.0.2.1":                nil,
		"http://[2001:db8::1]:8080":       nil,
		"https://example.com:not-a-port":  nil,
		"https://a.example.com:999999999": nil,
	} {
		if got := (origin.Base{Origin: host}).Domains(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"http://localhost:3000": true, "http://a.localhost": true, "http://127.0.0.1:80": true, "http://[::1]:9": true, "http://[::ffff:7f00:1]": true,
		"http://192.0.2.1": false, "http://[2001:db8::1]": false, "https://localhost.example": false, "http://localhost:x": false,
	} {
		if got := (origin.Base{Origin: host}).Loopback(); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestBase_Host(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"https://app.example.com":             "app.example.com",
		"https://app.example.com:8443":        "app.example.com:8443",
		"https://xn--mnchen-3ya.example":      "münchen.example",
		"https://a.xn--mnchen-3ya.example:81": "a.münchen.example:81",
		"https://xn--a.example":               "xn--a.example", // no punycode
		"https://xn--mnchen-3ya.example:x":    "xn--mnchen-3ya.example:x",
	} {
		if got := (origin.Base{Origin: host}).Host(); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func TestRequestURI(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://a.example": "/", "https://a.example/": "/", "https://a.example?x#y": "/?x", "https://a.example/b?x#y?z": "/b?x", "https://a.example#y": "/",
	} {
		u, err := origin.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.RequestURI(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// What only a forgiving parser takes for an http URL, or what cannot stand in a base URL.
func TestRead_Refuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"https", "https:a.example", "https://", "https:///", "https://?", "https://a.example:8a", "https://a.example:8/x\x7f", "https://a.example:;", "https://a.example:+8",
		"https://a.example:65536", "https://u@a.example", "https://@a.example", `https://a.example\`, "https://a.example/ ",
	} {
		if u, err := origin.Read(text); err == nil {
			t.Errorf("%q is %+v", text, u)
		}
	}
	// The fault says what to write. It repeats no user, query or fragment: they may
	// hold a password or a token.
	for text, shown := range map[string]string{
		"https://a.example?": "https://a.example", "https://a.example/x?secret": "https://a.example/x", "https://a.example/#secret": "https://a.example/",
		"https://u:secret@a.example/x/y": "https://a.example/x/y", "https://a@secret@a.example": "https://a.example", "nonsense": "nonsense",
	} {
		if u, err := origin.Parse(text); err == nil {
			t.Errorf("%q is %+v", text, u)
		}
		r, err := origin.New(origin.Config{BaseURL: text})
		if err == nil || r != nil || !strings.Contains(err.Error(), `"`+shown+`"`) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q as the base URL: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"https://?secret": "https://", "https://#secret": "https://", "https:///x?secret": "https:///x", "https://a.example/x@y#secret": "https://a.example/x@y",
		"https://u:secret@a.example?secret#secret": "https://a.example",
	} {
		if got := origin.WithoutSecrets(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if u, err := origin.Read("https://a.example/~\u00e9!"); err != nil || u.Rest != "/~\u00e9!" {
		t.Errorf("%+v, %v", u, err)
	}
	if got := (origin.Base{Origin: "https://a.example"}).Absolute("https://u@a.example/x", nil); got != "https://a.example" {
		t.Errorf("a user leads to %q", got)
	}
	long := strings.Repeat("a", 2040)
	if _, err := origin.Host(long + ".example"); err != nil {
		t.Errorf("a host of 2048 bytes: %v", err)
	}
	if _, err := origin.Host(long + "a.example"); err == nil {
		t.Error("a host of 2049 bytes is taken")
	}
}

// In development no host but this machine answers; and plain http is one header alone.
func TestBase_NotLoopback(t *testing.T) {
	t.Parallel()
	r, err := origin.New(origin.Config{TrustLoopback: true, Path: "/auth", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"192.0.2.1", "[2001:db8::1]", "a.example"} {
		if base, err := r.Base(request("203.0.113.9:1", host, nil)); !errors.Is(err, origin.ErrHost) {
			t.Errorf("%s: %+v, %v", host, base, err)
		}
	}
	for _, protos := range [][]string{{"http", "https"}, {"http", "http"}, {""}} {
		base, err := r.Base(request("10.0.0.1:1", "localhost", map[string][]string{"X-Forwarded-Proto": protos}))
		if err != nil || !base.Secure {
			t.Errorf("%q: %+v, %v", protos, base, err)
		}
	}
}

func TestUnlisted(t *testing.T) {
	t.Parallel()
	r, err := origin.New(origin.Config{TrustAnyHost: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	if err != nil {
		t.Fatal(err)
	}
	forwarded := map[string][]string{"X-Forwarded-For": {"198.51.100.1"}}
	for _, tt := range []struct {
		req  *http.Request
		want bool
	}{
		{request("203.0.113.9:1", "a.example", nil), false},
		{request("203.0.113.9:1", "a.example", forwarded), true},
		{request("10.0.0.1:1", "a.example", forwarded), false},
		{request("10.0.0.1:1", "a.example", nil), false},
	} {
		if got := r.Unlisted(tt.req); got != tt.want {
			t.Errorf("%s %v: %v", tt.req.RemoteAddr, tt.req.Header, got)
		}
	}
	for _, tt := range []struct {
		hops []string
		want string
	}{
		{[]string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},        // proxies all the way
		{[]string{"10.0.0.4", "10.0.0.2"}, "10.0.0.4"},      // in two fields
		{[]string{"198.51.100.1", ",10.0.0.2"}, "10.0.0.2"}, // an entry that is empty ends the walk
		{[]string{"198.51.100.1", ""}, "10.0.0.1"},
	} {
		if got := r.ClientAddr(request("10.0.0.1:1", "a.example", map[string][]string{"X-Forwarded-For": tt.hops})); got.String() != tt.want {
			t.Errorf("%q: %s, want %s", tt.hops, got, tt.want)
		}
	}
}

// A test without a server gets its answer where development does, and no client can send
// what it sends.
func TestBase_OfHTTPTest(t *testing.T) {
	t.Parallel()
	developing := origin.Config{TrustLoopback: true, Path: "/auth"}
	for _, row := range []struct {
		name   string
		config origin.Config
		change func(req *http.Request)
		want   string
	}{
		{"as it is made", developing, func(*http.Request) {}, "http://example.com"},
		{"from another peer", developing, func(req *http.Request) { req.RemoteAddr = "192.0.2.2:1234" }, ""},
		{"from another port", developing, func(req *http.Request) { req.RemoteAddr = "192.0.2.1:1235" }, ""},
		{"from nobody", developing, func(req *http.Request) { req.RemoteAddr = "" }, ""},
		{"for another host", developing, func(req *http.Request) { req.Host = "evil.example" }, ""},
		{"for a host below it", developing, func(req *http.Request) { req.Host = "www.example.com" }, ""},
		{"with another host forwarded", origin.Config{TrustLoopback: true, Path: "/auth", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}},
			func(req *http.Request) { req.Header.Set("X-Forwarded-Host", "evil.example") }, ""},
		{"where hosts are listed", origin.Config{TrustedHosts: []string{"app.example.org"}, Path: "/auth"}, func(*http.Request) {}, ""},
	} {
		r, err := origin.New(row.config)
		if err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest(http.MethodGet, "/me", nil)
		row.change(req)
		if base, err := r.Base(req); base.Origin != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, %v, want %q", row.name, base.Origin, err, row.want)
		}
	}
}
