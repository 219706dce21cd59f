package tests

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/internal/origin"
)

// listed is the URL that GET providers names for signing in, "" for a 400: the
// base URL that a request was given.
func listed(t *testing.T, res answer) string {
	t.Helper()
	if res.StatusCode == http.StatusBadRequest {
		return ""
	}
	var out map[string]struct{ SignInURL string }
	decode(t, res.body, &out)
	return strings.TrimSuffix(out["local"].SignInURL, "/api/auth/signin/local")
}

func TestAttack29_RequestChoosesHost(t *testing.T) {
	t.Parallel()
	fixed := newApp(t, ginauth.Options{Providers: unused(), BaseURL: "https://app.example.com"})
	hosts := newApp(t, ginauth.Options{Providers: unused(), TrustedHosts: []string{"app.example.com", "*.example.org", "app.example.com:8443"}})
	local := newApp(t, ginauth.Options{Providers: unused()})
	const https, plain = "https://app.example.com", "http://app.example.com"
	for _, row := range []struct {
		name   string
		app    *app
		header string
		want   string
	}{
		{"the host itself", hosts, "Host: app.example.com", plain},
		{"upper case", hosts, "Host: APP.Example.COM", plain},
		{"the scheme's own port", hosts, "Host: app.example.com:80", plain},
		{"a listed port", hosts, "Host: app.example.com:8443", plain + ":8443"},
		{"another port", hosts, "Host: app.example.com:8080", ""},
		{"below a wildcard", hosts, "Host: a.example.org", "http://a.example.org"},
		{"the wildcard's own name", hosts, "Host: example.org", ""},
		{"ends like the wildcard", hosts, "Host: evilexample.org", ""},
		{"begins like a host", hosts, "Host: app.example.com.evil.example", ""},
		{"another host", hosts, "Host: evil.example", ""},
		{"no host", hosts, "Host: ", ""},
		{"user before the host", hosts, "Host: app.example.com@evil.example", ""},
		{"user is the host", hosts, "Host: evil.example@app.example.com", ""},
		{"an empty port", hosts, "Host: app.example.com:", ""},
		{"two in one", hosts, "Host: app.example.com, evil.example", ""},
		{"two hosts", hosts, "Host: app.example.com\nHost: evil.example", ""},
		{"two hosts, the other way", hosts, "Host: evil.example\nHost: app.example.com", ""},
		{"forwarded by nobody", hosts, "Host: app.example.com\nX-Forwarded-Host: evil.example\nX-Forwarded-Proto: https", plain},
		{"forwarded to the right host by nobody", hosts, "Host: evil.example\nX-Forwarded-Host: app.example.com", ""},
		{"other fields", hosts, "Host: app.example.com\nForwarded: host=evil.example;proto=https\nX-Forwarded-Uri: /evil\nX-Forwarded-Prefix: /evil\nX-Forwarded-Port: 1\nX_Forwarded_Host: evil.example\nX-Original-Host: evil.example", plain},
		{"fixed: another host", fixed, "Host: evil.example", https},
		{"fixed: another port", fixed, "Host: app.example.com:1", https},
		{"fixed: forwarded", fixed, "Host: app.example.com\nX-Forwarded-Host: evil.example\nX-Forwarded-Proto: http", https},
		{"development: localhost", local, "Host: localhost:3000", "http://localhost:3000"},
		{"development: loopback address", local, "Host: [::1]:3000", "http://[::1]:3000"},
		{"development: begins like localhost", local, "Host: localhost.example.com", ""},
		{"development: begins like loopback", local, "Host: 127.0.0.1.example.com", ""},
		{"development: unspecified address", local, "Host: 0.0.0.0", ""},
		{"development: another host", local, "Host: evil.example", ""},
	} {
		res := row.app.raw(t, "GET /api/auth/providers HTTP/1.1\n"+row.header+"\nConnection: close\n\n")
		if got := listed(t, res); got != row.want {
			t.Errorf("%s: the base is %q, want %q", row.name, got, row.want)
		}
	}
	res := hosts.raw(t, "GET http://evil.example/api/auth/providers HTTP/1.1\nHost: app.example.com\nConnection: close\n\n")
	if got := listed(t, res); got != "" {
		t.Errorf("a proxy's request line: the base is %q", got)
	}
	for _, host := range []string{"evil.example", "app.example.com.evil.example"} {
		if res := hosts.send(t, http.MethodGet, "/me", "", "Host", host, "Accept", "text/html"); res.StatusCode != http.StatusBadRequest {
			t.Errorf("the guard answers %d for the host %s", res.StatusCode, host)
		}
	}
}

func TestAttack59_SpoofedForwarding(t *testing.T) {
	t.Parallel()
	loopback, internal := netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")
	behind := func(proxies ...netip.Prefix) *app { // gin.New trusts every peer, which must not matter
		return newApp(t, ginauth.Options{
			Providers: unused(), TrustedHosts: []string{"app.example.com", "b.example.com"}, TrustedProxies: proxies,
		})
	}
	nobody, other, proxy := behind(), behind(internal), behind(loopback)
	for _, row := range []struct {
		name   string
		app    *app
		header []string
		want   string
	}{
		{"no proxies", nobody, []string{"X-Forwarded-Host", "b.example.com", "X-Forwarded-Proto", "https"}, "http://app.example.com"},
		{"another peer", other, []string{"X-Forwarded-Host", "b.example.com", "X-Forwarded-Proto", "https"}, "http://app.example.com"},
		{"claims to be the proxy", other, []string{"X-Forwarded-For", "10.0.0.1", "X-Real-Ip", "10.0.0.1", "X-Forwarded-Host", "b.example.com", "X-Forwarded-Proto", "https"}, "http://app.example.com"},
		{"the proxy", proxy, []string{"X-Forwarded-Host", "b.example.com", "X-Forwarded-Proto", "https"}, "https://b.example.com"},
		{"the proxy, plain", proxy, []string{"X-Forwarded-Host", "b.example.com", "X-Forwarded-Proto", "http"}, "http://b.example.com"},
		{"the client put one in front", proxy, []string{"X-Forwarded-Host", "evil.example, b.example.com"}, "http://b.example.com"},
		{"the client sent a field of its own", proxy, []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Host", "b.example.com"}, "http://b.example.com"},
		{"the proxy lets any host through", proxy, []string{"X-Forwarded-Host", "evil.example"}, ""},
	} {
		header := append([]string{"Host", "app.example.com"}, row.header...)
		if got := listed(t, row.app.send(t, http.MethodGet, "/api/auth/providers", "", header...)); got != row.want {
			t.Errorf("%s: the base is %q, want %q", row.name, got, row.want)
		}
		secure := false
		for name := range setCookies(row.app.send(t, http.MethodGet, "/api/auth/csrf", "", header...)) {
			secure = secure || strings.HasPrefix(name, "__")
		}
		if secure != strings.HasPrefix(row.want, "https:") {
			t.Errorf("%s: cookies for https: %t", row.name, secure)
		}
	}

	hosts, err := origin.New(origin.Config{Path: "/api/auth", TrustAnyHost: true, TrustedProxies: []netip.Prefix{loopback, internal}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ peer, forwarded, want string }{
		{"192.0.2.7:1", "127.0.0.1", "192.0.2.7"},
		{"127.0.0.1:1", "", "127.0.0.1"},
		{"127.0.0.1:1", "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		{"127.0.0.1:1", "198.51.100.1, 192.0.2.7, 10.0.0.1", "192.0.2.7"},
		{"127.0.0.1:1", "192.0.2.7, nonsense", "127.0.0.1"},
		{"[::ffff:127.0.0.1]:1", "::ffff:192.0.2.7", "192.0.2.7"},
		{"127.0.0.1:1", "nonsense, 192.0.2.7", "192.0.2.7"},
		{"127.0.0.1:1", "192.0.2.7:4711", "192.0.2.7"},
		{"127.0.0.1:1", "[2001:db8::7]:4711, 10.0.0.1:80", "2001:db8::7"},
		{"127.0.0.1:1", "[2001:db8::7%eth0]", "2001:db8::7"},
		{"127.0.0.1:1", "192.0.2.7, , 10.0.0.1", "10.0.0.1"},
		{"127.0.0.1:1", "192.0.2.7,", "127.0.0.1"},
		{"127.0.0.1:1", "10.0.0.2, 10.0.0.1", "10.0.0.2"},
		{"@", "192.0.2.7", "invalid IP"},
		{"", "127.0.0.1", "invalid IP"},
	} {
		req := &http.Request{RemoteAddr: row.peer, Header: http.Header{"X-Forwarded-For": {row.forwarded}}}
		if got := hosts.ClientAddr(req).String(); got != row.want {
			t.Errorf("%s forwarding %q is %s, want %s", row.peer, row.forwarded, got, row.want)
		}
	}
}

// foreignOrigins are none of https://app.example.com, https://foo.com,
// https://example.com and https://localhost, though each resembles one.
var foreignOrigins = []string{
	"https://evil.example", "null", "", "https://barfoo.com", "https://foo.com.evil.example", "https://example.community",
	"https://localhost.example.com", "https://a.foo.com", "https://evil.app.example.com", "https://sister.example.com",
	"http://app.example.com", "http://foo.com", "https://app.example.com:8443", "https://foo.com:444", "https://foo.com.",
	"https://app.example.com/", "https://app.example.com.evil.example", "https://user@app.example.com", "app.example.com",
	"https://app.example.com https://evil.example", "https://*.example.com", "https://app-example.com",
}

var trustedOrigins = []string{"https://foo.com", "https://example.com", "https://localhost"}

func TestAttack30_OriginWildcards(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{
		Providers: unused(), BaseURL: "https://app.example.com", TrustedOrigins: trustedOrigins, AllowedRedirects: trustedOrigins,
	})
	for _, o := range foreignOrigins {
		if signsOut(t, a, "Origin", o) {
			t.Errorf("the origin %q signs out", o)
		}
		// net/http takes an empty Origin, which no browser sends, for none.
		if o != "" && guardedPost(t, a, "Origin", o) {
			t.Errorf("the origin %q posts to a guarded route", o)
		}
		for _, target := range []string{o, o + "/a"} {
			csrfToken, pair := csrfPair("__Host-" + csrfCookie)
			res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}, "callbackUrl": {target}}, "Cookie", pair)
			if got := res.Header.Get("Location"); !stays(got, "https://app.example.com") {
				t.Errorf("%q leads to %q", target, got)
			}
		}
	}
	for _, o := range append([]string{"https://app.example.com"}, trustedOrigins...) {
		if !signsOut(t, a, "Origin", o) || !guardedPost(t, a, "Origin", o) {
			t.Errorf("the origin %q is refused", o)
		}
	}
	for _, entry := range []string{"null", "foo.com", "*", "https://*.foo.com", "https://foo.com/path", "https://user@foo.com", "javascript:alert(1)"} {
		for option, opts := range map[string]ginauth.Options{
			"TrustedOrigins":   {TrustedOrigins: []string{entry}},
			"AllowedRedirects": {AllowedRedirects: []string{entry}},
		} {
			opts.Secret = testSecret
			if _, err := ginauth.New(opts); err == nil || !strings.Contains(err.Error(), option) {
				t.Errorf("%s takes %q: %v", option, entry, err)
			}
		}
	}
	for _, host := range []string{"*", "*.", "*.com:x", "a.*.com", "https://a.com", "a.com/x", "*.127.0.0.1", ""} {
		if _, err := ginauth.New(ginauth.Options{Secret: testSecret, TrustedHosts: []string{host}}); err == nil {
			t.Errorf("TrustedHosts takes %q", host)
		}
	}
}

// signsOut reports whether a sign-out with a valid CSRF token is carried out for
// a request with these header fields.
func signsOut(t *testing.T, a *app, header ...string) bool {
	t.Helper()
	csrfToken, pair := csrfPair("__Host-" + csrfCookie)
	name := "__Secure-" + sessionCookie
	header = append(header, "Cookie", pair+"; "+name+"="+sessionFor(t, "ada@example.com", nil))
	res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, header...)
	cleared := setCookies(res)[name]
	switch location := res.Header.Get("Location"); {
	case location == "https://app.example.com" && cleared != nil && cleared.MaxAge < 0:
		return true
	case location != "https://app.example.com/api/auth/signout?csrf=true" || cleared != nil:
		t.Fatalf("%q: %v", header, res.Header)
	}
	return false
}

// guardedPost reports whether a guarded handler runs for a POST of somebody
// signed in by cookie. If not, the answer must be 403.
func guardedPost(t *testing.T, a *app, header ...string) bool {
	t.Helper()
	header = append(header, "Cookie", "__Secure-"+sessionCookie+"="+sessionFor(t, "ada@example.com", nil))
	res := a.form(t, "/me", nil, header...)
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusForbidden {
		t.Fatalf("%q: %d %s", header, res.StatusCode, res.body)
	}
	ran := strings.Contains(res.body, "ada@example.com")
	if ran != (res.StatusCode == http.StatusOK) {
		t.Fatalf("%q: %d %s", header, res.StatusCode, res.body)
	}
	return ran
}

func TestAttack31_CSRF(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	idp.Break(ginauthtest.Discovery, ginauthtest.Answer(http.StatusServiceUnavailable, "text/plain", ""))
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), BaseURL: "https://app.example.com"})
	valid, pair := csrfPair("__Host-" + csrfCookie)
	another, anotherPair := csrfPair("__Host-" + csrfCookie)
	forged := "__Host-" + csrfCookie + "=" + strings.Repeat("a", 64) + "%7C" + strings.Repeat("b", 64)
	for _, row := range []struct {
		name, token, cookie string
		header              []string
		want                bool
	}{
		{"token and cookie, no Origin", valid, pair, nil, true},
		{"token, cookie and Origin", valid, pair, []string{"Origin", "https://app.example.com"}, true},
		{"a raw bar in the cookie", valid, strings.ReplaceAll(pair, "%7C", "|"), nil, true},
		{"no token, no Origin", "", pair, nil, false},
		{"no token", "", pair, []string{"Origin", "https://app.example.com"}, false},
		{"no cookie", valid, "", nil, false},
		{"another's token", another, pair, nil, false},
		{"another's cookie", valid, anotherPair, nil, false},
		{"two cookies", valid, pair + "; " + anotherPair, nil, false},
		{"two cookies, the other way", valid, anotherPair + "; " + pair, nil, false},
		{"a cookie nobody made", strings.Repeat("a", 64), forged, nil, false},
		{"an empty token for an empty cookie", "", "__Host-" + csrfCookie + "=%7C", nil, false},
		{"the cookie of the plain site", valid, strings.TrimPrefix(pair, "__Host-"), nil, false},
		{"upper case", strings.ToUpper(valid), pair, nil, false},
		{"http for https", valid, pair, []string{"Origin", "http://app.example.com"}, false},
		{"sibling subdomain", valid, pair, []string{"Origin", "https://sister.example.com", "Sec-Fetch-Site", "same-site"}, false},
		{"sandboxed frame", valid, pair, []string{"Origin", "null"}, false},
		{"two Origins", valid, pair, []string{"Origin", "https://app.example.com", "Origin", "https://evil.example"}, false},
	} {
		for _, route := range []string{"signin", "signin/local", "signout"} {
			header := append([]string{"Cookie", row.cookie}, row.header...)
			res := a.form(t, "/api/auth/"+route, url.Values{"csrfToken": {row.token}}, header...)
			got := res.Header.Get("Location")
			want := "https://app.example.com/api/auth/" + strings.TrimSuffix(route, "/local") + "?csrf=true"
			switch {
			case row.want && route == "signout":
				want = "https://app.example.com"
			case row.want && route == "signin/local": // the provider is down
				want = "https://app.example.com/api/auth/error?error=OAuthSignin"
			}
			if res.StatusCode != http.StatusFound || got != want {
				t.Errorf("%s: POST %s answered %d to %q, want %q", row.name, route, res.StatusCode, got, want)
			}
		}
	}
	query := a.form(t, "/api/auth/signout?csrfToken="+valid, nil, "Cookie", pair)
	if got := query.Header.Get("Location"); !strings.HasSuffix(got, "?csrf=true") {
		t.Errorf("a token in the query leads to %q", got)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		res := a.send(t, method, "/api/auth/signout?csrfToken="+valid, "", "Cookie", pair+"; __Secure-"+sessionCookie+"="+sessionFor(t, "ada@example.com", nil))
		if setCookies(res)["__Secure-"+sessionCookie] != nil {
			t.Errorf("%s signs out", method)
		}
	}
}

func TestAttack49_CrossSitePost(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	var runs atomic.Int32
	a.engine.Any("/transfer", a.auth.RequireSession(), func(c *gin.Context) {
		runs.Add(1)
		c.Status(http.StatusNoContent)
	})
	const multipart = "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nmallory\r\n--b--\r\n"
	bodies := map[string][2]string{
		"a form":      {"application/x-www-form-urlencoded", "to=mallory"},
		"multipart":   {"multipart/form-data; boundary=b", multipart},
		"text":        {"text/plain", `{"to":"mallory"}`},
		"fetch, JSON": {"application/json", `{"to":"mallory"}`},
		"a beacon":    {"", "to=mallory"},
	}
	cookies := sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)
	own := strings.TrimPrefix(a.URL, "http://")
	for _, row := range []struct {
		name   string
		header []string
		want   int
	}{
		{"cross-site", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, http.StatusForbidden},
		{"same-site", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://sister." + own}, http.StatusForbidden},
		{"cross-site without Origin", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"sandboxed frame", []string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, http.StatusForbidden},
		{"an old browser", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"an old browser, sandboxed", []string{"Origin", "null"}, http.StatusForbidden},
		{"a word nobody knows", []string{"Sec-Fetch-Site", "friendly", "Origin", "https://evil.example"}, http.StatusForbidden},
		{"a bearer token beside it", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Authorization", "Bearer x"}, http.StatusForbidden},
		{"same-origin", []string{"Sec-Fetch-Site", "same-origin", "Origin", a.URL}, http.StatusNoContent},
		{"an old browser's own page", []string{"Origin", a.URL}, http.StatusNoContent},
		{"no browser", nil, http.StatusNoContent},
	} {
		for kind, body := range bodies {
			for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				before := runs.Load()
				res := a.send(t, method, "/transfer", body[1], append([]string{"Cookie", cookies, "Content-Type", body[0]}, row.header...)...)
				ran := runs.Load() > before
				if res.StatusCode != row.want || ran != (row.want == http.StatusNoContent) {
					t.Errorf("%s: %s %s: %d, the handler ran: %t", row.name, method, kind, res.StatusCode, ran)
				}
			}
		}
	}
	res := a.send(t, http.MethodGet, "/transfer", "", "Cookie", cookies, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("a link from another site answers %d", res.StatusCode)
	}
}

func TestAttack58_CrossOriginWebSocket(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused(), TrustedOrigins: trustedOrigins})
	var runs atomic.Int32
	a.engine.GET("/socket", a.auth.RequireSession(), func(c *gin.Context) {
		runs.Add(1)
		conn, _, err := c.Writer.Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"))
	})
	cookies := "Cookie: " + sessionCookie + "=" + sessionFor(t, "ada@example.com", nil) + "\n"
	host := "Host: " + a.Listener.Addr().String() + "\n"
	for _, row := range []struct {
		name, header string
		want         int
	}{
		{"own origin", "Origin: " + a.URL + "\n", http.StatusSwitchingProtocols},
		{"a trusted origin", "Origin: https://foo.com\n", http.StatusSwitchingProtocols},
		{"no browser", "", http.StatusSwitchingProtocols},
		{"a foreign origin", "Origin: https://evil.example\n", http.StatusForbidden},
		{"a foreign origin with Sec-Fetch-Site", "Origin: https://evil.example\nSec-Fetch-Site: cross-site\n", http.StatusForbidden},
		{"https for http", "Origin: https://" + a.Listener.Addr().String() + "\n", http.StatusForbidden},
		{"another port", "Origin: http://127.0.0.1:1\n", http.StatusForbidden},
		{"sandboxed frame", "Origin: null\n", http.StatusForbidden},
		{"an empty Origin", "Origin: \n", http.StatusForbidden},
		{"two Origins", "Origin: " + a.URL + "\nOrigin: https://evil.example\n", http.StatusForbidden},
	} {
		for _, upgrade := range []string{"websocket", "WebSocket", "h2c, websocket"} {
			before := runs.Load()
			res := a.raw(t, "GET /socket HTTP/1.1\n"+host+cookies+row.header+"Connection: keep-alive, Upgrade\nUpgrade: "+upgrade+
				"\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
			if ran := runs.Load() > before; res.StatusCode != row.want || ran != (row.want == http.StatusSwitchingProtocols) {
				t.Errorf("%s, %s: %d, the handler ran: %t", row.name, upgrade, res.StatusCode, ran)
			}
		}
	}
}
