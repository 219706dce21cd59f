package origin_test

import (
	"net/http"
	"net/netip"
	"slices"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

// Two sites meet where a browser may open one host as either. Cookies are bound to no
// port and to no scheme (RFC 6265 §8.5).
func TestMeetsHost(t *testing.T) {
	t.Parallel()
	at := func(baseURL string) origin.Config { return origin.Config{BaseURL: baseURL} }
	hosts := func(hosts ...string) origin.Config { return origin.Config{TrustedHosts: hosts} }
	anyHost, developing, nowhere := origin.Config{TrustAnyHost: true}, origin.Config{TrustLoopback: true}, origin.Config{}
	for _, row := range []struct {
		a, b origin.Config
		want bool
	}{
		{at("https://a.example"), at("https://a.example"), true},
		{at("https://a.example"), at("https://a.example:8443"), true},
		{at("https://a.example"), at("http://a.example"), true},
		{at("https://a.example"), at("https://b.example"), false},
		{at("https://a.example"), at("https://x.a.example"), false},
		{at("https://a.example:8443"), hosts("a.example"), true},
		{at("https://a.example"), hosts("b.example", "a.example:1"), true},
		{at("https://a.example"), hosts("b.example", "c.example"), false},
		{at("https://x.a.example"), hosts("*.a.example"), true},
		{at("https://y.x.a.example"), hosts("*.a.example"), true},
		{at("https://a.example"), hosts("*.a.example"), false},
		{at("https://xa.example"), hosts("*.a.example"), false},
		{at("https://example"), hosts("*.a.example"), false},
		{hosts("a.example:1"), hosts("a.example:2"), true},
		{hosts("*.a.example"), hosts("*.a.example:8443"), true},
		{hosts("*.a.example"), hosts("*.x.a.example"), true},
		{hosts("*.a.example"), hosts("*.b.example"), false},
		{hosts("*.a.example"), hosts("*.xa.example"), false},
		{hosts("*.a.example"), hosts("a.example"), false},
		{hosts("*.a.example"), hosts("b.example", "x.a.example"), true},
		{anyHost, anyHost, true},
		{anyHost, at("https://a.example"), true},
		{anyHost, hosts("*.a.example"), true},
		{anyHost, developing, true},
		{anyHost, nowhere, false},
		{nowhere, nowhere, false},
		{nowhere, at("https://a.example"), false},
		{developing, developing, true},
		{developing, at("http://localhost:3000"), true},
		{developing, at("http://shop.localhost:3000"), true},
		{developing, at("http://127.0.0.1:3000"), true},
		{developing, at("http://[::1]:3000"), true},
		{developing, at("https://a.example"), false},
		{developing, at("http://192.0.2.1"), false},
		{developing, hosts("*.localhost"), true},
		{developing, hosts("localhost:1"), true},
		{origin.Config{TrustLoopback: true, BaseURL: "https://a.example"}, at("http://localhost"), false},
		{origin.Config{TrustAnyHost: true, BaseURL: "https://a.example"}, at("https://b.example"), false},
	} {
		a, b := resolver(t, row.a), resolver(t, row.b)
		if a.MeetsHost(b) != row.want || b.MeetsHost(a) != row.want {
			t.Errorf("%+v and %+v: %v, and the other way %v, want %v", row.a, row.b, a.MeetsHost(b), b.MeetsHost(a), row.want)
		}
	}
}

func resolver(t *testing.T, config origin.Config) *origin.Resolver {
	t.Helper()
	if config.Path == "" {
		config.Path = "/api/auth"
	}
	r, err := origin.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The log says at which URLs the site is reached, and what only a request tells is in
// angle brackets.
func TestSites(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		config origin.Config
		want   []string
	}{
		{origin.Config{BaseURL: "https://App.example:443/x"}, []string{"https://app.example/api/auth"}},
		{origin.Config{BaseURL: "http://localhost:3000", TrustAnyHost: true}, []string{"http://localhost:3000/api/auth"}},
		{origin.Config{BaseURL: "https://app.example", TrustPrefix: true}, []string{"https://app.example<prefix>/api/auth"}},
		{origin.Config{TrustedHosts: []string{"a.example", "a.example:443", "a.example:80", "*.b.example:8443"}},
			[]string{"https://a.example/api/auth", "https://a.example/api/auth", "https://a.example:80/api/auth", "https://<host>.b.example:8443/api/auth"}},
		{origin.Config{TrustedHosts: []string{"localhost:3000", "127.0.0.1", "*.localhost"}},
			[]string{"http://localhost:3000/api/auth", "http://127.0.0.1/api/auth", "http://<host>.localhost/api/auth"}},
		{origin.Config{TrustedHosts: []string{"a.example"}, TrustLoopback: true}, []string{"https://a.example/api/auth", "http://localhost:<port>/api/auth"}},
		{origin.Config{TrustLoopback: true}, []string{"http://localhost:<port>/api/auth"}},
		{origin.Config{TrustAnyHost: true, TrustLoopback: true, TrustPrefix: true}, []string{"https://<host><prefix>/api/auth"}},
		{origin.Config{}, nil},
	} {
		if got := resolver(t, row.config).Sites(); !slices.Equal(got, row.want) {
			t.Errorf("%+v: %q, want %q", row.config, got, row.want)
		}
	}
}

// No network of one's own is larger than fc00::/7 (RFC 4193 §3.1).
func TestEveryonesProxies(t *testing.T) {
	t.Parallel()
	parse := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	got := origin.EveryonesProxies(parse("10.0.0.0/8", "0.0.0.0/0", "fc00::/7", "::/0", "fc00::/6", "192.0.2.1/32", "64.0.0.0/6"))
	if want := parse("0.0.0.0/0", "::/0", "fc00::/6", "64.0.0.0/6"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A prefix that a proxy names is told where the site's address has none, or another one.
func TestUnknownPrefix(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		url    string // of the auth routes
		values []string
		want   string
	}{
		{"https://h/api/auth", []string{"/shop"}, "/shop"},
		{"https://h/api/auth", []string{"/shop/"}, "/shop"},
		{"https://h/api/auth", []string{"/outer", "/inner, /shop"}, "/shop"},
		{"https://h/shopping/api/auth", []string{"/shop"}, "/shop"},
		{"https://h/shop/api/auth", []string{"/shop"}, ""},
		{"https://h/shop/api/auth", []string{"/shop/"}, ""},
		{"https://h/shop/v1/api/auth", []string{"/shop/v1"}, ""},
		{"https://h/shop/api/auth", []string{"/shop/v1"}, "/shop/v1"},
		{"https://h/api/auth", []string{"/a b"}, ""},
		{"https://h/api/auth", []string{"//evil.example"}, ""},
		{"https://h/api/auth", []string{"/"}, ""},
		{"https://h/api/auth", nil, ""},
	} {
		req := request("10.0.0.1:80", "h", map[string][]string{"X-Forwarded-Prefix": row.values})
		if got := (origin.Base{Origin: "https://h", URL: row.url}).UnknownPrefix(req); got != row.want {
			t.Errorf("%s, %q: %q, want %q", row.url, row.values, got, row.want)
		}
	}
}

// A request came by a listed proxy, or it did not, whatever its headers say.
func TestListed(t *testing.T) {
	t.Parallel()
	r := resolver(t, origin.Config{TrustAnyHost: true, TrustedProxies: append(slices.Clone(clientProxies), origin.UnixSocket())})
	for peer, want := range map[string]bool{
		"10.0.0.1:80": true, "[fd00::1]:80": true, "@": true, "/run/app.sock": true, "": true, "203.0.113.7:80": false, "[::1]:80": false, "unknown": false,
	} {
		req := request(peer, "a.example", http.Header{"X-Forwarded-For": {"10.0.0.1"}})
		if got := r.Listed(req); got != want {
			t.Errorf("%q: %v", peer, got)
		}
	}
	if resolver(t, origin.Config{TrustAnyHost: true, TrustedProxies: clientProxies}).Listed(request("@", "a.example", nil)) {
		t.Error("a Unix socket is listed that nobody listed")
	}
}
