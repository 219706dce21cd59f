package origin_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		sent, own string
		want      origin.Difference
	}{
		{"https://a.example", "https://a.example", origin.NoOther},
		{"https://a.example:443", "https://a.example", origin.NoOther},
		{"http://a.example", "https://a.example", origin.OtherScheme},
		{"http://a.example:8080", "https://a.example", origin.OtherScheme},
		{"https://a.example:8443", "https://a.example", origin.OtherPort},
		{"https://www.a.example", "https://a.example", origin.OtherWWW},
		{"https://a.example", "https://www.a.example", origin.OtherWWW},
		{"http://127.0.0.1:80", "http://localhost", origin.OtherName},
		{"http://[::1]:8080", "http://localhost:8080", origin.OtherName},
		{"https://b.example", "https://a.example", origin.OtherSite},
		{"https://a.example/x", "https://a.example", origin.OtherSite},
		{"http://evil.example", "http://localhost", origin.OtherSite},
		{"http://localhost", "http://a.example", origin.OtherSite},
		{"https://www.", "null", origin.OtherSite},
		{"null", "https://a.example", origin.OtherSite},
		{"", "", origin.OtherSite},
	} {
		if got := origin.Compare(row.sent, row.own); got != row.want {
			t.Errorf("%q at %q: %q, want %q", row.sent, row.own, got, row.want)
		}
	}
}

func TestBase_TakesCookieFor(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		host, domain string
		want         bool
	}{
		{"https://a.b.example.com", "example.com", true},
		{"https://a.b.example.com", "b.example.com", true},
		{"https://a.b.example.com:8443", "a.b.example.com", true},
		{"https://a.b.example.com", "com", false},
		{"https://a.b.example.com", "c.example.com", false},
		{"https://a.b.example.com", "ample.com", false},
		{"https://shop.co.uk", "co.uk", false},
		{"http://localhost:3000", "localhost", true},
		{"http://localhost:3000", "example.com", false},
		{"http://192.0.2.1", "192.0.2.1", true},
		{"http://192.0.2.1", "0.2.1", false},
		{"http://[2001:db8::1]:80", "[2001:db8::1]", true},
		{"https://example.com:x", "", false},
		{"https://example.com:x", "example.com", false},
	} {
		if got := (origin.Base{Origin: row.host}).TakesCookieFor(row.domain); got != row.want {
			t.Errorf("%s for %s: %v", row.host, row.domain, got)
		}
	}
}

func TestBase_OpenedByHTTP(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		base   string
		host   string
		port   string // that the process listens on
		tls    bool
		header http.Header
		want   bool
	}{
		"the process's own port":           {"https://localhost:8080", "localhost:8080", "8080", false, nil, true},
		"with TLS":                         {"https://localhost:8080", "localhost:8080", "8080", true, nil, false},
		"a site on http":                   {"http://localhost:8080", "localhost:8080", "8080", false, nil, false},
		"another port, of a proxy":         {"https://localhost:8443", "localhost:8443", "8080", false, nil, false},
		"another host":                     {"https://localhost:8080", "127.0.0.1:8080", "8080", false, nil, false},
		"no port":                          {"https://a.example", "a.example", "80", false, nil, false},
		"the end of a port":                {"https://localhost:80", "localhost:80", "8080", false, nil, false},
		"a proxy says http":                {"https://a.example", "a.example", "80", false, http.Header{"X-Forwarded-Proto": {"http"}}, true},
		"the nearest proxy says http":      {"https://a.example", "a.example", "80", false, http.Header{"X-Forwarded-Proto": {"https, http"}}, true},
		"a proxy says https":               {"https://localhost:8080", "localhost:8080", "8080", false, http.Header{"X-Forwarded-Proto": {"https"}}, false},
		"a proxy says http, a browser not": {"https://a.example", "a.example", "80", false, http.Header{"X-Forwarded-Proto": {"http"}, "Sec-Fetch-Mode": {"navigate"}}, false},
		"no server":                        {"https://localhost:8080", "localhost:8080", "", false, nil, false},
	} {
		ctx := context.Background()
		if row.port != "" {
			addr, err := net.ResolveTCPAddr("tcp", "127.0.0.1:"+row.port)
			if err != nil {
				t.Fatal(err)
			}
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(addr))
		}
		req := (&http.Request{Host: row.host, Header: row.header}).WithContext(ctx)
		if row.tls {
			req.TLS = &tls.ConnectionState{}
		}
		base := origin.Base{Origin: row.base, Secure: row.base[:5] == "https"}
		if got := base.OpenedByHTTP(req); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
