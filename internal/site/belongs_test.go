package site_test

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/site"
)

// said is what a site tells the log.
func said(tell func(*slog.Logger)) string {
	var b bytes.Buffer
	tell(slog.New(slog.NewTextHandler(&b, nil)))
	return b.String()
}

// What a proxy must do with the paths is said where the base URL leaves it open.
func TestAnnounce(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		config site.Config
		says   []string // none: nothing
	}{
		{"no address", site.Config{}, nil},
		{"no path", site.Config{BaseURL: home}, nil},
		{"the usual path", site.Config{BaseURL: home + "/api/auth"}, nil},
		{"a prefix", site.Config{BaseURL: home + "/shop/api/auth", BasePath: "/api/auth"}, []string{"take this prefix off", "prefix=/shop", "base_path=/api/auth"}},
		{"a path that ends as usual", site.Config{BaseURL: home + "/shop/api/auth"}, []string{"at the whole path", "path=/shop/api/auth", "base_path=/api/auth"}},
		{"a path of its own", site.Config{BaseURL: home + "/shop/auth"}, []string{"at the whole path", "path=/shop/auth", "base_path=/auth"}},
		{"a path that is said twice", site.Config{BaseURL: home + "/shop/auth", BasePath: "/shop/auth"}, nil},
		{"paths that a proxy maps", site.Config{BaseURL: home + "/shop/auth", BasePath: "/api/auth"}, nil},
	} {
		row.config.Option = "BaseURL"
		s := made(t, row.config)
		got := said(s.Announce)
		if (got != "") != (row.says != nil) {
			t.Errorf("%s: %q", row.name, got)
		}
		for _, words := range row.says {
			if !strings.Contains(got, words) {
				t.Errorf("%s: no %q in %s", row.name, words, got)
			}
		}
	}
}

// What is likely to be a mistake is a warning that names the option.
func TestDoubts(t *testing.T) {
	t.Parallel()
	everybody := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	for _, row := range []struct {
		name   string
		config site.Config
		lines  int
		says   string
	}{
		{"https", site.Config{BaseURL: home, Release: true}, 0, ""},
		{"http", site.Config{BaseURL: "http://app.example.com", Release: true}, 1, "write an https URL in BaseURL or NEXTAUTH_URL"},
		{"http while it is developed", site.Config{BaseURL: "http://app.example.com"}, 0, ""},
		{"http on this machine", site.Config{BaseURL: "http://localhost:8080", Release: true}, 0, ""},
		{"hosts of requests", site.Config{TrustedHosts: []string{"a.example"}, Release: true}, 0, ""},
		{"paths that a proxy maps", site.Config{BaseURL: home + "/shop/auth", BasePath: "/api/auth"}, 1, "does not end in BasePath"},
		{"everybody is a proxy", site.Config{BaseURL: home, TrustedProxies: everybody}, 2, "network=0.0.0.0/0"},
	} {
		row.config.Option = "BaseURL"
		got := said(made(t, row.config).Doubts)
		if strings.Count(got, "level=WARN") != row.lines || !strings.Contains(got, row.says) {
			t.Errorf("%s: %q", row.name, got)
		}
	}
}

// Each fault says what to write instead, and only a site whose options have none is used.
func TestNew_Words(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, row := range []struct {
		config site.Config
		says   []string
	}{
		{site.Config{BaseURL: "app.example.com", Option: "BaseURL", Release: true}, []string{"BaseURL: ", "write for instance https://app.example.com"}},
		{site.Config{BaseURL: home, Option: "BaseURL", TrustPrefix: true}, []string{"TrustForwardedPrefix needs TrustedProxies"}},
		{site.Config{BaseURL: home, Option: "BaseURL", TrustPrefix: true, TrustedProxies: proxies}, nil},
		{site.Config{BaseURL: home + "/x/api/auth", Option: "AUTH_URL", TrustPrefix: true, TrustedProxies: proxies}, []string{"AUTH_URL has the path /x/api/auth"}},
		{site.Config{BaseURL: home, Option: "BaseURL", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, []string{"TrustedProxies has ", "10.0.0.0/8"}},
		{site.Config{TrustedHosts: []string{"https://a.example"}}, []string{"TrustedHosts: "}},
		{site.Config{BaseURL: home, TrustedOrigins: []string{"admin.example.com"}, AllowedRedirects: []string{"www.example.com"}},
			[]string{"write for instance https://admin.example.com", "write for instance https://www.example.com"}},
		{site.Config{BasePath: "/"}, []string{"BasePath is /", "write for instance /api/auth"}},
		{site.Config{TrustAnyHost: "maybe"}, []string{`AUTH_TRUST_HOST is "maybe"; write true or false`}},
		{site.Config{TrustAnyHost: "maybe", BaseURL: home}, nil},
		{site.Config{Release: true, TrustAnyHost: "true"}, nil},
		{site.Config{Release: true, TrustedHosts: []string{"a.example"}}, nil},
	} {
		_, faults := site.New(row.config)
		var text strings.Builder
		for _, err := range faults {
			text.WriteString(err.Error() + "\n")
		}
		if (len(faults) == 0) != (row.says == nil) {
			t.Errorf("%+v: %v", row.config, faults)
		}
		for _, words := range row.says {
			if !strings.Contains(text.String(), words) {
				t.Errorf("%+v: no %q in %s", row.config, words, text.String())
			}
		}
	}
}

// Where the site is, by its options.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		config        site.Config
		base          string
		public, mount string
		option        string
		mapped        bool
		fixed         string // origin; "": each request tells
	}{
		{site.Config{}, "", "/api/auth", "/api/auth", "", false, ""},
		{site.Config{BaseURL: home + "/", Option: "AUTH_URL"}, home, "/api/auth", "/api/auth", "AUTH_URL", false, home},
		{site.Config{BaseURL: home + "/x/auth/", Option: "BaseURL"}, home + "/x/auth", "/x/auth", "/x/auth", "BaseURL", false, home},
		{site.Config{BaseURL: home + "/x/auth", Option: "BaseURL", Group: "/x/"}, home + "/x/auth", "/x/auth", "/auth", "BaseURL", false, home},
		{site.Config{BaseURL: home + "/x/auth", Option: "BaseURL", BasePath: "/api/auth"}, home + "/x/auth", "/x/auth", "/api/auth", "BaseURL", true, home},
		{site.Config{TrustedHosts: []string{"a.example"}, BasePath: "/id/"}, "", "/id", "/id", "", false, ""},
	} {
		s := made(t, row.config)
		fixed := ""
		if base := s.Fixed(); base != nil {
			fixed = base.Origin
		}
		if s.BaseURL != row.base || s.PublicURL != row.public || s.MountPath != row.mount || s.Option != row.option || s.Mapped != row.mapped || fixed != row.fixed {
			t.Errorf("%+v: %+v, fixed %q", row.config, s, fixed)
		}
	}
}

// What a refusal is explained by: where the address comes from, and which proxies spoke.
func TestSeen(t *testing.T) {
	t.Parallel()
	s := made(t, site.Config{BaseURL: home, Option: "NEXTAUTH_URL", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, row := range []struct {
		peer, forwarded  string
		listed, unlisted bool
	}{
		{"192.0.2.7:1", "", false, false}, {"10.0.0.1:1", "198.51.100.1", true, false}, {"192.0.2.7:1", "198.51.100.1", false, true},
	} {
		req := httptest.NewRequest("GET", home+"/", nil)
		if req.RemoteAddr = row.peer; row.forwarded != "" {
			req.Header.Set("X-Forwarded-For", row.forwarded)
		}
		got := s.Seen(req)
		if got.Option != "NEXTAUTH_URL" || len(got.Hosts) != 0 || got.ByListedProxy != row.listed || got.ByUnlistedProxy != row.unlisted {
			t.Errorf("%+v: %+v", row, got)
		}
	}
	hosts := made(t, site.Config{TrustedHosts: []string{"a.example"}})
	if got := hosts.Seen(httptest.NewRequest("GET", home+"/", nil)); got.Option != "" || len(got.Hosts) != 1 || got.Hosts[0] != "a.example" {
		t.Errorf("%+v", got)
	}
}

// A cookie's domain that browsers refuse is a fault that names one which they take.
func TestCookieDomain_Instead(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ base, domain, says string }{
		{home, "example.org", "Cookies.Domain is example.org, and browsers take no cookie for it from https://app.example.com; write example.com, or leave it out"},
		{"http://127.0.0.1:8080", "example.com", "; write nothing: leave it out"},
		{home, "exa mple", `Cookies.Domain is "exa mple"; write for instance example.com`},
		{home, "..example.com", `Cookies.Domain is "..example.com"`},
		{home, "https://example.com", "write for instance example.com"},
		{home, "example.com:443", "write for instance example.com"},
		{home, "", `Cookies.Domain is ""`},
	} {
		if host, err := made(t, site.Config{BaseURL: row.base, Option: "BaseURL"}).CookieDomain(row.domain); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%q at %s: %q, %v", row.domain, row.base, host, err)
		}
	}
}
