package origin_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/origin"
)

func layout(t *testing.T, base, group, basePath string) origin.Layout {
	t.Helper()
	l := origin.Layout{Option: "BaseURL", Group: group, BasePath: basePath}
	if base != "" {
		u, err := origin.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		l.Base = u
	}
	return l
}

func TestLayout_Place(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		base, group, basePath string
		want                  origin.Place
	}{
		{"", "", "", origin.Place{Mount: "/api/auth", Public: "/api/auth"}},
		{"https://h", "", "", origin.Place{Mount: "/api/auth", Public: "/api/auth"}},
		{"https://h/", "", "/login/", origin.Place{Mount: "/login", Public: "/login"}},
		{"", "/v1", "", origin.Place{Mount: "/api/auth", Public: "/v1/api/auth"}},
		{"", "/api", "/auth", origin.Place{Mount: "/auth", Public: "/api/auth"}},
		{"", "/api/auth", "/", origin.Place{Mount: "", Public: "/api/auth"}},
		{"https://h/api/auth", "/api/auth", "", origin.Place{Mount: "", Public: "/api/auth"}},
		{"https://h/api/auth", "/api", "", origin.Place{Mount: "/auth", Public: "/api/auth"}},
		{"https://h/api/api/auth", "/api", "", origin.Place{Mount: "/api/auth", Public: "/api/api/auth"}},
		{"https://h/my/auth/", "", "", origin.Place{Mount: "/my/auth", Public: "/my/auth"}},
		{"https://h/shop/api/auth", "", "", origin.Place{Mount: "/shop/api/auth", Public: "/shop/api/auth"}},
		{"https://h/shop/api/auth", "", "/api/auth", origin.Place{Mount: "/api/auth", Public: "/shop/api/auth", Prefix: "/shop"}},
		{"https://h/shop/api/auth", "/shop", "", origin.Place{Mount: "/api/auth", Public: "/shop/api/auth"}},
		{"https://h/shop/v1/api/auth", "/v1", "/api/auth", origin.Place{Mount: "/api/auth", Public: "/shop/v1/api/auth", Prefix: "/shop"}},
		{"https://h/shop/api/auth", "/api/auth", "/", origin.Place{Mount: "", Public: "/shop/api/auth", Prefix: "/shop"}},
		{"https://h/x", "", "/x", origin.Place{Mount: "/x", Public: "/x"}},
		{"https://h/custom/auth", "", "/api/auth", origin.Place{Mount: "/api/auth", Public: "/custom/auth", Mapped: true}},
	} {
		got, err := layout(t, row.base, row.group, row.basePath).Place()
		if err != nil || got != row.want {
			t.Errorf("%q, group %q, BasePath %q: %+v, %v; want %+v", row.base, row.group, row.basePath, got, err, row.want)
		}
	}
}

// What cannot work is a fault, and each way out that the fault names works.
func TestLayout_Faults(t *testing.T) {
	t.Parallel()
	type ways []struct{ base, group, basePath string }
	for _, row := range []struct {
		base, group, basePath string
		says                  []string
		fixes                 ways
	}{
		{"", "", "/", []string{"BasePath is /", "write for instance /api/auth"}, ways{{"", "", "/api/auth"}}},
		{"", "", "api/auth", []string{`BasePath is "api/auth"`}, ways{{"", "", "/api/auth"}}},
		{"", "", "/a/../b", []string{`BasePath is "/a/../b"`}, ways{{"", "", "/api/auth"}}},
		{"https://h/a,b/auth", "", "", []string{"BaseURL has the path"}, nil},
		{"", "/:tenant", "", []string{`the router has the path "/:tenant"`, "call Register with the engine"}, ways{{"", "", ""}, {"", "/tenant", ""}}},
		{"https://h/./auth", "", "", []string{"BaseURL has the path"}, nil},
		{"https://h/" + strings.Repeat("a", 300) + "/auth", "", "", []string{"BaseURL has the path"}, nil},

		{"", "/api", "", []string{"/api/api/auth", "write /auth in BasePath", "or call Register with the engine"},
			ways{{"", "/api", "/auth"}, {"", "", ""}}},
		{"https://h", "/v1/api", "", []string{"write /auth in BasePath"}, ways{{"https://h", "/v1/api", "/auth"}}},
		{"", "/api", "/api/login", []string{"write /login in BasePath"}, ways{{"", "/api", "/login"}}},
		{"", "/api/auth", "", []string{"/api/auth/api/auth", "write / in BasePath"}, ways{{"", "/api/auth", "/"}}},

		{"https://h/api/auth/callback/github", "", "", []string{"is the address of one auth route", "write https://h/api/auth"}, ways{{"https://h/api/auth", "", ""}}},
		{"https://h/api/auth/callback/", "", "", []string{"is the address of one auth route", "write https://h/api/auth"}, ways{{"https://h/api/auth", "", ""}}},
		{"https://h/api/auth/signin/github", "", "", []string{"is the address of one auth route", "write https://h/api/auth"}, ways{{"https://h/api/auth", "", ""}}},
		{"https://h/api/auth/signout", "", "", []string{"is the address of one auth route", "write https://h/api/auth"}, ways{{"https://h/api/auth", "", ""}}},
		{"https://h/api/auth/session", "", "", []string{"is the address of one auth route", "write https://h/api/auth"}, ways{{"https://h/api/auth", "", ""}}},
		{"https://h/session", "", "", []string{"not the site"}, nil},
		{"https://h/signin", "", "", []string{"not the site"}, nil},
		{"https://h/x/signin", "", "", []string{"not the site"}, nil},
		{"https://h/x/session", "", "", []string{"not the site"}, nil},
		{"https://h/callback", "", "", []string{"is the address of one auth route", "write https://h"}, ways{{"https://h", "", ""}}},
		{"https://h/signin/github", "", "", []string{"is the address of one auth route", "write https://h"}, ways{{"https://h", "", ""}}},
		{"https://h/auth/signin", "", "", []string{"is the address of one auth route", "write https://h/auth"}, ways{{"https://h/auth", "", ""}}},
		{"https://h/login/callback/github", "/login", "", []string{"is the address of one auth route", "write https://h"}, ways{{"https://h", "/login", ""}}},
		{"https://h/api/auth/csrf", "", "", []string{"not the site"}, nil},
		{"https://h/x/callback/github", "/y", "", []string{"is the address of one auth route", "write https://h"}, ways{{"https://h", "/y", ""}}},
		{"https://h/y/callback/github", "/y", "", []string{"is the address of one auth route", "write https://h"}, ways{{"https://h", "/y", ""}}},
		{"https://h/api/auth/signin", "", "", []string{"is the address of one auth route", "write https://h/api/auth"}, ways{{"https://h/api/auth", "", ""}}},
		{"https://h/callback/github", "", "", []string{"is the address of one auth route", "write https://h"}, ways{{"https://h", "", ""}}},
		{"https://h/login/callback/github", "", "", []string{"is the address of one auth route", "write https://h/login, and /login in BasePath"}, ways{{"https://h/login", "", "/login"}}},
		{"https://h/shop/api/auth/callback/github", "", "/api/auth", []string{"is the address of one auth route", "write https://h/shop/api/auth"}, ways{{"https://h/shop/api/auth", "", "/api/auth"}}},

		{"https://h/shop", "", "", []string{"it must name the auth routes and not the site", "write https://h/shop/api/auth in BaseURL, and /api/auth in BasePath if a proxy takes /shop off", "write it in BasePath too"},
			ways{{"https://h/shop/api/auth", "", ""}, {"https://h/shop/api/auth", "", "/api/auth"}, {"https://h/shop", "", "/shop"}}},
		{"https://h/shop", "/shop", "", []string{"write https://h/shop/api/auth in BaseURL"}, ways{{"https://h/shop/api/auth", "/shop", ""}}},
		{"https://h/v1/login", "/v1", "", []string{"write https://h/v1/login/api/auth", "write /login in BasePath too"},
			ways{{"https://h/v1/login/api/auth", "/v1", ""}, {"https://h/v1/login", "/v1", "/login"}}},
		{"https://h/shop", "/v1", "", []string{"write https://h/v1/api/auth", "if a proxy takes /shop off, https://h/shop/v1/api/auth there and /api/auth in BasePath"},
			ways{{"https://h/v1/api/auth", "/v1", ""}, {"https://h/shop/v1/api/auth", "/v1", "/api/auth"}}},

		{"https://h/shop", "", "/api/auth", []string{"does not end in /api/auth", "write https://h/shop/api/auth in BaseURL"}, ways{{"https://h/shop/api/auth", "", "/api/auth"}}},
		{"https://h/proxy/auth", "/v1", "/auth", []string{"does not end in /v1/auth", "write https://h/proxy/v1/auth"}, ways{{"https://h/proxy/v1/auth", "/v1", "/auth"}}},
		{"https://h/v1/auth", "/v1", "/api/auth", []string{"write https://h/v1/api/auth"}, ways{{"https://h/v1/api/auth", "/v1", "/api/auth"}}},
		{"https://h/custom/auth", "", "/behind/a", []string{"write https://h/custom/behind/a"}, ways{{"https://h/custom/behind/a", "", "/behind/a"}}},
		{"https://h/myapi", "", "/api/auth", []string{"does not end in /api/auth"}, ways{{"https://h/myapi/api/auth", "", "/api/auth"}}},

		{"https://h/shop/v1/api/auth", "/v1", "", []string{"if a proxy takes /shop off, write /api/auth in BasePath"}, ways{{"https://h/shop/v1/api/auth", "/v1", "/api/auth"}}},
		{"https://h/v1x", "/v1", "", []string{"not the site", "write https://h/v1/api/auth in BaseURL; or, if a proxy takes /v1x off, https://h/v1x/v1/api/auth there and /api/auth in BasePath"},
			ways{{"https://h/v1/api/auth", "/v1", ""}, {"https://h/v1x/v1/api/auth", "/v1", "/api/auth"}}},
		{"https://h/auth", "/v1", "", []string{"which is not below the router's own, /v1", "or, if a proxy takes / off, https://h/v1/api/auth there and /api/auth in BasePath"},
			ways{{"https://h/v1/api/auth", "/v1", ""}, {"https://h/v1/api/auth", "/v1", "/api/auth"}}},
		{"https://h/v1x/auth", "/v1", "", []string{"which is not below the router's own, /v1", "write https://h/v1/api/auth", "if a proxy takes /v1x off, https://h/v1x/v1/api/auth there and /api/auth in BasePath"},
			ways{{"https://h/v1/api/auth", "/v1", ""}, {"https://h/v1x/v1/api/auth", "/v1", "/api/auth"}}},
	} {
		place, err := layout(t, row.base, row.group, row.basePath).Place()
		if err == nil {
			t.Errorf("%q, group %q, BasePath %q: %+v", row.base, row.group, row.basePath, place)
			continue
		}
		if strings.Contains(err.Error(), "  ") {
			t.Errorf("a word is missing: %v", err)
		}
		for _, words := range row.says {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%q, group %q, BasePath %q: no %q in %v", row.base, row.group, row.basePath, words, err)
			}
		}
		for _, fix := range row.fixes {
			if fix.base != "" && !strings.Contains(err.Error(), fix.base) && fix.base != row.base {
				t.Errorf("%v: does not name %s", err, fix.base)
			}
			if _, err := layout(t, fix.base, fix.group, fix.basePath).Place(); err != nil {
				t.Errorf("%q, group %q, BasePath %q: its fix %+v: %v", row.base, row.group, row.basePath, fix, err)
			}
		}
	}
}

// The signs of a plain path are those that no program encodes (RFC 3986 §2.3).
func TestPlainPath_Signs(t *testing.T) {
	t.Parallel()
	const unreserved = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"
	var plain []byte
	for c := range 256 {
		if origin.PlainPath("/x" + string([]byte{byte(c)}) + "x") {
			plain = append(plain, byte(c))
		}
	}
	if string(plain) != "-./"+unreserved[2:] {
		t.Errorf("%q", plain)
	}
	for path, want := range map[string]bool{
		"/" + strings.Repeat("a", 255): true, "/" + strings.Repeat("a", 256): false, "": false, "x": false, "/.": false, "/..": false, "/a/..": false, "/...": true,
	} {
		if origin.PlainPath(path) != want {
			t.Errorf("%q is plain: %v", path, !want)
		}
	}
}

// A plain path is read by browsers, proxies and routers alike.
func FuzzPlainPath(f *testing.F) {
	for _, path := range []string{"/shop", "/a.b/c_d~e-1", "", "/", "//a", "/a/", "/../a", "/a/.", "/a b", "/%61", "/a?b", "/ä", "shop"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if !origin.PlainPath(path) {
			return
		}
		u, err := origin.Parse("https://h.example" + path)
		if err != nil || u.String() != "https://h.example"+path || origin.Location(u.String()) != u.String() {
			t.Errorf("%q: %v, %v", path, u, err)
		}
		req := httptest.NewRequest(http.MethodGet, path, nil)
		if req.URL.Path != path || req.URL.RawPath != "" || req.URL.RequestURI() != path {
			t.Errorf("%q: net/http reads %q", path, req.URL.Path)
		}
		_, last, _ := strings.Cut(path, "/")
		if last == "" || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../") || strings.Contains(path, "//") {
			t.Errorf("%q is plain", path)
		}
	})
}

// The prefix that a proxy says: only a trusted one's, only by option, only a plain path,
// the nearest one's, and not where the base URL has one.
func TestBase_ForwardedPrefix(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		trust  bool
		peer   string
		values []string
		want   string
	}{
		{"trusted", true, "10.0.0.1:80", []string{"/shop"}, "/shop"},
		{"with a slash behind", true, "10.0.0.1:80", []string{"/shop/"}, "/shop"},
		{"deeper", true, "10.0.0.1:80", []string{"/a/b.c_d~e-1"}, "/a/b.c_d~e-1"},
		{"none", true, "10.0.0.1:80", nil, ""},
		{"the root", true, "10.0.0.1:80", []string{"/"}, ""},
		{"not asked for", false, "10.0.0.1:80", []string{"/shop"}, ""},
		{"a stranger's", true, "203.0.113.7:80", []string{"/shop"}, ""},
		{"a client's in front", true, "10.0.0.1:80", []string{"/evil", "/shop"}, "/shop"},
		{"a client's in one line", true, "10.0.0.1:80", []string{"/evil, /shop"}, "/shop"},
		{"another host", true, "10.0.0.1:80", []string{"//evil.example"}, ""},
		{"an absolute URL", true, "10.0.0.1:80", []string{"https://evil.example/shop"}, ""},
		{"climbs", true, "10.0.0.1:80", []string{"/shop/../admin"}, ""},
		{"stays", true, "10.0.0.1:80", []string{"/shop/./x"}, ""},
		{"an escape", true, "10.0.0.1:80", []string{"/%2e%2e"}, ""},
		{"a backslash", true, "10.0.0.1:80", []string{`/\evil.example`}, ""},
		{"a quotation mark", true, "10.0.0.1:80", []string{`/a"onload=x`}, ""},
		{"a query", true, "10.0.0.1:80", []string{"/a?b"}, ""},
		{"relative", true, "10.0.0.1:80", []string{"shop"}, ""},
		{"long", true, "10.0.0.1:80", []string{"/" + strings.Repeat("a", 256)}, ""},
	} {
		for _, config := range []origin.Config{{BaseURL: "https://app.example"}, {TrustAnyHost: true}} {
			config.Path, config.TrustPrefix = "/api/auth", row.trust
			config.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			r, err := origin.New(config)
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequest(http.MethodGet, "https://app.example/", nil)
			req.RemoteAddr = row.peer
			req.Header["X-Forwarded-Prefix"] = row.values
			got, err := r.Base(req)
			want := origin.Base{Origin: "https://app.example", URL: "https://app.example" + row.want + "/api/auth", Prefix: row.want, Secure: true}
			if err != nil || got != want {
				t.Errorf("%s: %+v, %v; want %+v", row.name, got, err, want)
			}
		}
	}
}

// Paths go out with the prefix, once, and come in without it.
func TestBase_Prefix(t *testing.T) {
	t.Parallel()
	shop := origin.Base{Origin: "https://h", URL: "https://h/shop/api/auth", Prefix: "/shop", Secure: true}
	plain := origin.Base{Origin: "https://h", URL: "https://h/api/auth", Secure: true}
	for _, row := range []struct {
		base                             origin.Base
		target, public, inside, absolute string
	}{
		{shop, "/me", "/shop/me", "/me", "https://h/shop/me"},
		{shop, "/", "/shop/", "/", "https://h/shop/"},
		{shop, "/shop", "/shop", "/", "https://h/shop"},
		{shop, "/shop/me?x=1", "/shop/me?x=1", "/me?x=1", "https://h/shop/me?x=1"},
		{shop, "/shop?x", "/shop?x", "/?x", "https://h/shop?x"},
		{shop, "/shop#x", "/shop#x", "/#x", "https://h/shop#x"},
		{shop, "/shopping", "/shop/shopping", "/shopping", "https://h/shop/shopping"},
		{shop, "//evil.example/x", "//evil.example/x", "//evil.example/x", "https://h//evil.example/x"},
		{shop, "https://h/shop/me", "https://h/shop/me", "https://h/shop/me", "https://h/shop/me"},
		{shop, "https://h/other", "https://h/other", "https://h/other", "https://h/other"},
		{shop, "https://h/shop", "https://h/shop", "https://h/shop", "https://h/shop/"},
		{shop, "https://evil.example", "https://evil.example", "https://evil.example", "https://h/shop/"},
		{shop, "", "", "", "https://h/shop/"},
		{plain, "/me", "/me", "/me", "https://h/me"},
		{plain, "/shop/me", "/shop/me", "/shop/me", "https://h/shop/me"},
		{plain, "https://h", "https://h", "https://h", "https://h"},
		{plain, "https://evil.example", "https://evil.example", "https://evil.example", "https://h"},
	} {
		if got := row.base.Public(row.target); got != row.public {
			t.Errorf("%q is public as %q, want %q", row.target, got, row.public)
		}
		if got := row.base.Inner(row.target); got != row.inside {
			t.Errorf("%q is inside %q, want %q", row.target, got, row.inside)
		}
		if got := row.base.Absolute(row.target, nil); got != row.absolute {
			t.Errorf("%q leads to %q, want %q", row.target, got, row.absolute)
		}
	}
}
