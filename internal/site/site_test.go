package site_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/site"
)

const home = "https://app.example.com"

// made is a site that its configuration describes without a fault.
func made(t *testing.T, config site.Config) *site.Site {
	t.Helper()
	s, faults := site.New(config)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return s
}

func TestForeign(t *testing.T) {
	t.Parallel()
	s := made(t, site.Config{BaseURL: home, Option: "BaseURL", TrustedOrigins: []string{"https://admin.example.com"}})
	for _, row := range []struct {
		name, method string
		headers      []string // by name and value
		foreign, own bool
	}{
		{"page", "GET", nil, false, true},
		{"page that another site's page asks for", "GET", []string{"Origin", "https://evil.example"}, false, false},
		{"page with two origins", "GET", []string{"Origin", home, "Origin", "https://evil.example"}, false, false},
		{"what a page is, another site's asks", "HEAD", []string{"Origin", "https://evil.example"}, false, false},
		{"what another site may do", "OPTIONS", []string{"Origin", "https://evil.example"}, false, false},
		{"form of this site", "POST", []string{"Origin", home}, false, true},
		{"form of this site, in a frame of another", "POST", []string{"Origin", home, "Sec-Fetch-Site", "cross-site"}, false, true},
		{"form of a trusted origin", "POST", []string{"Origin", "https://admin.example.com"}, false, true},
		{"form of another site", "POST", []string{"Origin", "https://evil.example"}, true, false},
		{"form of a sister host", "POST", []string{"Origin", "https://other.example.com"}, true, false},
		{"form over http", "POST", []string{"Origin", "http://app.example.com", "Sec-Fetch-Site", "cross-site"}, true, false},
		{"form of a page without an origin", "POST", []string{"Origin", "null"}, true, false},
		{"form with two origins", "POST", []string{"Origin", "https://evil.example", "Origin", home}, true, false},
		{"form that Sec-Fetch-Site tells of", "POST", []string{"Sec-Fetch-Site", "cross-site"}, true, true},
		{"program", "POST", nil, false, true},
		{"deletion by another site", "DELETE", []string{"Origin", "https://evil.example"}, true, false},
		{"socket of this site", "GET", []string{"Upgrade", "websocket", "Origin", home}, false, true},
		{"socket of another site", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, true, false},
		{"socket of a program", "GET", []string{"Upgrade", "websocket"}, false, true},
	} {
		req := httptest.NewRequest(row.method, home+"/me", nil)
		for i := 0; i < len(row.headers); i += 2 {
			req.Header.Add(row.headers[i], row.headers[i+1])
		}
		base, err := s.Hosts.Base(req)
		if err != nil {
			t.Fatal(err)
		}
		if foreign, own := s.Foreign(req, base), s.OwnOrigin(req, base); foreign != row.foreign || own != row.own {
			t.Errorf("%s: foreign %v, own origin %v", row.name, foreign, own)
		}
	}
}

// Each fault names the option, in the order of the options.
func TestNew_Faults(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		config site.Config
		names  []string
	}{
		{site.Config{Release: true}, []string{"BaseURL is empty"}},
		{site.Config{Release: true, TrustAnyHost: "maybe"}, []string{"AUTH_TRUST_HOST", "BaseURL is empty"}},
		{site.Config{BaseURL: "ftp://h", Option: "NEXTAUTH_URL"}, []string{"NEXTAUTH_URL"}},
		{site.Config{BasePath: "/", TrustedOrigins: []string{"x"}, AllowedRedirects: []string{"y"}}, []string{"BasePath", "TrustedOrigins", "AllowedRedirects"}},
		{site.Config{BaseURL: home + "/shop/api/auth", Option: "BaseURL", TrustPrefix: true}, []string{"TrustedProxies", "/shop/api/auth"}},
	} {
		_, faults := site.New(row.config)
		if len(faults) != len(row.names) {
			t.Errorf("%+v: %v", row.config, faults)
			continue
		}
		for i, name := range row.names {
			if !strings.Contains(faults[i].Error(), name) {
				t.Errorf("fault %d does not name %s: %v", i, name, faults[i])
			}
		}
	}
}

func TestCookieDomain(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ base, domain, host, fault string }{
		{home, "example.com", "example.com", ""},
		{home, ".Example.com", "example.com", ""},
		{"https://münchen.example", "münchen.example", "xn--mnchen-3ya.example", ""},
		{"", "anything.example", "anything.example", ""},
		{home, "other.example", "other.example", "write example.com"},
		{home, "a b", "", "write for instance"},
	} {
		s := made(t, site.Config{BaseURL: row.base, Option: "BaseURL"})
		host, err := s.CookieDomain(row.domain)
		if row.fault == "" && (err != nil || host != row.host) || row.fault != "" && (err == nil || !strings.Contains(err.Error(), row.fault)) {
			t.Errorf("%s at %s: %q, %v", row.domain, row.base, host, err)
		}
	}
}

// Browsers store the cookie of an answer by POST over https, and on this machine.
func TestTakesFormPost(t *testing.T) {
	t.Parallel()
	for base, takes := range map[string]bool{home: true, "http://app.example.com": false, "http://localhost:8080": true, "": true} {
		if got := made(t, site.Config{BaseURL: base, Option: "BaseURL"}).TakesFormPost(); got != takes {
			t.Errorf("%q: %v", base, got)
		}
	}
}

// A site without an address answers at localhost, and one that trusts a host there.
func TestLocal(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		config site.Config
		local  bool
		host   string
	}{
		{site.Config{}, true, "localhost:8080"},
		{site.Config{TrustAnyHost: "true"}, false, "any.example"},
		{site.Config{TrustAnyHost: "false"}, true, "localhost"},
		{site.Config{TrustedHosts: []string{"a.example"}, TrustAnyHost: "nonsense"}, false, "a.example"},
	} {
		s := made(t, row.config)
		req := &http.Request{Host: row.host, Header: http.Header{}}
		if _, err := s.Hosts.Base(req); err != nil || s.Local != row.local || s.Fixed() != nil {
			t.Errorf("%+v: local %v, fixed %v, %v", row.config, s.Local, s.Fixed(), err)
		}
	}
}
