package tests

import (
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/oidc"
)

// loopback is where the proxies of the troubles are.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

func proxyTroubles() []trouble {
	return []trouble{
		{
			wrong: "A proxy sends its upstream's name as Host",
			set: func(s *setup) {
				s.open, s.proxy, s.opts.TrustedHosts = "https://shop.example", s.proxied(nil), []string{"shop.example"}
			},
			says: []string{loggedHost, "host=127.0.0.1:{port}", "have the proxy pass the Host header on"},
			page: pageHost, names: "Host header",
			fix: "Have the proxy pass the browser's Host header on (nginx: `proxy_set_header Host $host;`), or set NEXTAUTH_URL to https://shop.example.",
			mend: func(s *setup) {
				s.env["NEXTAUTH_URL"] = "https://shop.example"
			},
		},
		{
			wrong: "A proxy's X-Forwarded-Host is not read, since TrustedProxies does not list it",
			set: func(s *setup) {
				s.open, s.proxy, s.opts.TrustedHosts = "https://shop.example", s.proxied(forwards), []string{"shop.example"}
			},
			says: []string{loggedHost, "forwarded_host=shop.example", "TrustedProxies"},
			page: pageHost, names: "TrustedProxies",
			fix:  "List the proxy's address in TrustedProxies.",
			mend: func(s *setup) { s.opts.TrustedProxies = loopback },
		},
		{
			wrong: "A proxy ends TLS, and its X-Forwarded-Proto is not read",
			set: func(s *setup) {
				s.open, s.opts.TrustedHosts = "https://shop.example", []string{"shop.example"}
				s.proxy = s.proxied(func(r *httputil.ProxyRequest) { keepHost(r); forwards(r) })
			},
			says: []string{loggedOrigin, "origin=https://shop.example", "expected=http://shop.example", "a proxy in front of this process ends TLS", "TrustedProxies"},
			page: "That form", names: "TrustedProxies",
			fix:  "List the proxy's address in TrustedProxies, or set NEXTAUTH_URL to https://shop.example.",
			mend: func(s *setup) { s.opts.TrustedProxies = loopback },
		},
		{
			wrong: "Two processes behind one address have different secrets",
			set: func(s *setup) {
				s.second = &ginauth.Options{Secret: "another secret of thirty-two bytes"}
			},
			says: []string{"ginauth: a form was refused, since its CSRF cookie was made with another secret", "look_at=\"Secret, PreviousSecrets, Cookies.Prefix\""},
			page: "That form did not show that it came from this site", names: "Secret",
			fix:  "Give all processes the same Secret, or the same variable NEXTAUTH_SECRET.",
			mend: func(s *setup) { s.second = &ginauth.Options{} },
		},
		{
			wrong: "The browser blocks cookies",
			set:   func(s *setup) { s.browser = func(v *visitor) { v.client.Jar = nil } },
			says:  []string{"ginauth: a form was refused, since the CSRF cookie did not come with it", "cookie=next-auth.csrf-token", "expected=http://localhost:{port}"},
			page:  pageCookies, names: "cookie",
			fix:  "Allow cookies in the browser.",
			mend: func(s *setup) { s.browser = nil },
		},
		{
			wrong: "Cookies.Domain is not one of the host's domains",
			set: func(s *setup) {
				s.open, s.proxy = "https://shop.example", s.proxied(keepHost)
				s.opts.TrustedHosts, s.opts.TrustedProxies = []string{"shop.example"}, loopback
				s.proxy = s.proxied(func(r *httputil.ProxyRequest) { keepHost(r); forwards(r) })
				s.opts.Cookies.Domain = "other.example"
			},
			says:  []string{"ginauth: browsers refuse the session cookie, since its Domain is not one of this host", "domain=other.example", "site=https://shop.example"},
			names: "Cookies.Domain",
			fix:   "Set Cookies.Domain to shop.example, or leave it out.",
			mend:  func(s *setup) { s.opts.Cookies.Domain = "shop.example" },
		},
		{
			wrong: "Another application of the same domain sets a session cookie of the same name",
			set: func(s *setup) {
				s.open, s.env["NEXTAUTH_URL"], s.proxy = "https://www.shop.example", "https://www.shop.example", s.proxied(keepHost)
				s.browser = func(v *visitor) {
					v.client.Jar.SetCookies(&url.URL{Scheme: "https", Host: "shop.example"}, []*http.Cookie{
						{Name: "__Secure-next-auth.session-token", Value: "of-another-application", Domain: "shop.example", Path: "/me", Secure: true},
					})
				}
			},
			says:  []string{"ginauth: a browser sends several session cookies of one name", "cookie=__Secure-next-auth.session-token", "Cookies.Prefix"},
			names: "Cookies.Prefix",
			fix:   "Give one of the two applications another Cookies.Prefix.",
			mend:  func(s *setup) { s.opts.Cookies.Prefix = "shop" },
		},
		{
			wrong: "Another application on this host, at another port, has session cookies of the same name",
			set:   func(*setup) {},
			calls: func(v *visitor) {
				v.client.Jar.SetCookies(&url.URL{Scheme: "http", Host: "localhost:9090"}, []*http.Cookie{{Name: sessionCookie, Path: "/", Value: formerSession}})
				v.signedIn()
			},
			says:  []string{"ginauth: a session cookie was not made with this site's secret", "look_at=\"Secret, PreviousSecrets, Cookies.Prefix\"", "another application on this host, at another port perhaps, has cookies of the same name"},
			names: "Cookies.Prefix",
			fix:   "Give one of the two applications a Cookies.Prefix.",
			mend:  func(s *setup) { s.opts.Cookies.Prefix = "shop" },
		},
		{
			wrong: "A second Auth on the same router has the same cookies",
			set: func(s *setup) {
				s.beside = &ginauth.Options{Providers: ginauth.Goth(oidc.New(s.oidc))}
			},
			says:  []string{"ginauth: Cookies.Prefix: the Auth at /api/auth has the same prefix, next-auth, and answers for the same host, so that the cookies of one are the other's too; give this one a Cookies.Prefix of its own, for instance admin"},
			names: "Cookies.Prefix",
			fix:   "Give the second one a Cookies.Prefix.",
			mend:  func(s *setup) { s.beside.Cookies.Prefix = "admin" },
		},
		{
			wrong: "A listed proxy ends TLS, and sends no X-Forwarded-Proto",
			set: func(s *setup) {
				s.open, s.opts.TrustedHosts, s.opts.TrustedProxies = "https://shop.example", []string{"shop.example"}, loopback
				s.proxy = s.proxied(keepHost)
			},
			says: []string{loggedOrigin, "origin=https://shop.example", "expected=http://shop.example", "look_at=\"X-Forwarded-Proto, ", "have it send X-Forwarded-Proto: https"},
			page: "That form", names: "X-Forwarded-Proto",
			fix: "Have the proxy send it (nginx: `proxy_set_header X-Forwarded-Proto $scheme;`), or set NEXTAUTH_URL to https://shop.example.",
			mend: func(s *setup) {
				s.proxy = s.proxied(func(r *httputil.ProxyRequest) { keepHost(r); forwards(r) })
			},
		},
		{
			wrong: "A second proxy, behind the one that ends TLS, says http",
			set: func(s *setup) {
				s.open, s.opts.TrustedHosts, s.opts.TrustedProxies = "https://shop.example", []string{"shop.example"}, loopback
				s.proxy = s.proxied(func(r *httputil.ProxyRequest) { keepHost(r); r.Out.Header.Set("X-Forwarded-Proto", "http") })
			},
			says: []string{loggedOrigin, "expected=http://shop.example", "behind another proxy that ends TLS, it must pass that one's on"},
			page: "That form", names: "X-Forwarded-Proto",
			fix:  "Have the second proxy pass on the X-Forwarded-Proto that it gets, or set NEXTAUTH_URL to https://shop.example.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "https://shop.example" },
		},
		{
			wrong: "A proxy passes the Host header on without its port",
			set: func(s *setup) {
				s.open, s.opts.TrustedHosts, s.opts.TrustedProxies = "https://shop.example:8443", []string{"shop.example"}, loopback
				s.proxy = s.proxied(func(r *httputil.ProxyRequest) { forwards(r); r.Out.Header.Set("X-Forwarded-Host", "shop.example") })
			},
			says: []string{loggedOrigin, "origin=https://shop.example:8443", "expected=https://shop.example ", "a proxy changes the Host header"},
			page: pageOrigin, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to https://shop.example:8443, or have the proxy pass the port on (nginx: `$http_host` in place of `$host`).",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "https://shop.example:8443" },
		},
		{
			wrong: "TrustedProxies has 0.0.0.0/0",
			set:   func(s *setup) { s.opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} },
			says:  []string{"ginauth: TrustedProxies holds clients too, so that each can write the address, host and scheme that are believed", "network=0.0.0.0/0"},
			names: "TrustedProxies", fix: "Write the proxy's own address or network.",
			mend: func(s *setup) { s.opts.TrustedProxies = loopback },
		},
		{
			wrong: "TrustedProxies has ::/0",
			set:   func(s *setup) { s.opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("::/0")} },
			says:  []string{"ginauth: TrustedProxies holds clients too", "network=::/0"},
			names: "TrustedProxies", fix: "Write the proxy's own address or network.",
			mend: func(s *setup) { s.opts.TrustedProxies = loopback },
		},
	}
}

// stripping is a proxy that takes /shop off. What is not below it belongs to another
// application.
func stripping(s *setup, change func(r *httputil.ProxyRequest)) *httputil.ReverseProxy {
	return s.proxied(func(r *httputil.ProxyRequest) {
		keepHost(r)
		path, below := strings.CutPrefix(r.In.URL.Path, "/shop")
		if !below {
			path = "/of-another-application"
		}
		r.Out.URL.Path = path
		if change != nil {
			change(r)
		}
	})
}

// prefixTroubles are the sites below a path, which a proxy takes off or keeps.
func prefixTroubles() []trouble {
	const (
		site   = "https://shop.example/shop"
		whole  = "ginauth: the auth routes are at the whole path of the base URL; if a proxy takes the beginning off, write the rest in BasePath"
		prefix = "ginauth: a proxy must take this prefix off each path; if none does, call Register with a router group of this path"
		told   = "ginauth: a proxy says that it took a prefix off the path, and this site's address has none"
		ofSite = "ginauth: NEXTAUTH_URL has the path /shop, and it must name the auth routes and not the site, whose own routes they would take; write https://shop.example/shop/api/auth in NEXTAUTH_URL, and /api/auth in BasePath if a proxy takes /shop off"
	)
	says := func(r *httputil.ProxyRequest) { forwards(r); r.Out.Header.Set("X-Forwarded-Prefix", "/shop") }
	return []trouble{
		{
			wrong: "BaseURL is the callback URL that the provider was given",
			set:   func(s *setup) { s.opts.BaseURL = "http://localhost:{port}/api/auth/callback/local" },
			says:  []string{"ginauth: BaseURL is the address of one auth route, http://localhost:{port}/api/auth/callback/local; write http://localhost:{port}/api/auth"},
			names: "BaseURL", fix: "Write what the message says: http://localhost:8080/api/auth.",
			mend: func(s *setup) { s.opts.BaseURL = "http://localhost:{port}/api/auth" },
		},
		{
			wrong: "NEXTAUTH_URL is the callback URL, below the path of the site",
			set: func(s *setup) {
				s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, s.proxied(keepHost), site+"/api/auth/callback/local"
			},
			says:  []string{"ginauth: NEXTAUTH_URL is the address of one auth route, https://shop.example/shop/api/auth/callback/local; write https://shop.example/shop/api/auth"},
			names: "NEXTAUTH_URL", fix: "Write what the message says: https://shop.example/shop/api/auth.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = site + "/api/auth" },
		},
		{
			wrong: "NEXTAUTH_URL is the site, and a proxy removes its path",
			set:   func(s *setup) { s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, stripping(s, nil), site },
			says:  []string{ofSite}, names: "BasePath",
			fix:  "Set NEXTAUTH_URL to https://shop.example/shop/api/auth, and BasePath to /api/auth.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"], s.opts.BasePath = site+"/api/auth", "/api/auth" },
		},
		{
			wrong: "NEXTAUTH_URL is the site, and its proxy keeps the path",
			set:   func(s *setup) { s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, s.proxied(keepHost), site },
			says:  []string{ofSite}, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to https://shop.example/shop/api/auth.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = site + "/api/auth" },
		},
		{
			wrong: "A proxy removes the site's path, and BasePath does not say so",
			set:   func(s *setup) { s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, stripping(s, nil), site+"/api/auth" },
			says:  []string{whole, "path=/shop/api/auth base_path=/api/auth"},
			page:  "404 page not found", names: "BasePath",
			fix:  "Set BasePath to /api/auth.",
			mend: func(s *setup) { s.opts.BasePath = "/api/auth" },
		},
		{
			wrong: "BasePath says that a proxy removes the site's path, and none does",
			set: func(s *setup) {
				s.open, s.proxy = site, s.proxied(keepHost)
				s.env["NEXTAUTH_URL"], s.opts.BasePath = site+"/api/auth", "/api/auth"
			},
			says: []string{prefix, "prefix=/shop base_path=/api/auth"},
			page: "404 page not found", names: "Register",
			fix:  "Call Register with the group of the application's own routes, `r.Group(\"/shop\")`.",
			mend: func(s *setup) { s.open, s.group = "https://shop.example", "/shop" },
		},
		{
			wrong: "A proxy removes a path and says so, and the site ignores it",
			set: func(s *setup) {
				s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, stripping(s, says), "https://shop.example"
				s.opts.TrustedProxies = loopback
			},
			says: []string{told, "prefix=/shop", "expected=https://shop.example/api/auth", "write https://shop.example/shop/api/auth in BaseURL and /api/auth in BasePath", "Pages.TrustForwardedPrefix"},
			page: "404", names: "TrustForwardedPrefix",
			fix:  "Set Pages.TrustForwardedPrefix; or set NEXTAUTH_URL to https://shop.example/shop/api/auth and BasePath to /api/auth.",
			mend: func(s *setup) { s.opts.Pages.TrustForwardedPrefix = true },
		},
		{
			wrong: "X-Forwarded-Prefix comes from a proxy that TrustedProxies does not list",
			set: func(s *setup) {
				s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, stripping(s, says), "https://shop.example"
				s.opts.TrustedProxies, s.opts.Pages.TrustForwardedPrefix = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, true
			},
			says: []string{told, "look_at=TrustedProxies"},
			page: "404", names: "TrustedProxies",
			fix:  "List the address of this proxy in TrustedProxies.",
			mend: func(s *setup) { s.opts.TrustedProxies = loopback },
		},
		{
			wrong: "Pages.TrustForwardedPrefix without TrustedProxies",
			set: func(s *setup) {
				s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, stripping(s, says), "https://shop.example"
				s.opts.Pages.TrustForwardedPrefix = true
			},
			says:  []string{"ginauth: Pages.TrustForwardedPrefix needs TrustedProxies, whose X-Forwarded-Prefix is believed; write them, or leave it out"},
			names: "TrustedProxies", fix: "List the proxy's address in TrustedProxies.",
			mend: func(s *setup) { s.opts.TrustedProxies = loopback },
		},
		{
			wrong: "Pages.TrustForwardedPrefix and a path in NEXTAUTH_URL",
			set: func(s *setup) {
				s.open, s.proxy, s.env["NEXTAUTH_URL"] = site, stripping(s, says), site+"/api/auth"
				s.opts.TrustedProxies, s.opts.BasePath, s.opts.Pages.TrustForwardedPrefix = loopback, "/api/auth", true
			},
			says:  []string{"ginauth: Pages.TrustForwardedPrefix is set, and NEXTAUTH_URL has the path /shop/api/auth, by which the prefix is known; leave one of them out"},
			names: "TrustForwardedPrefix", fix: "Leave Pages.TrustForwardedPrefix out.",
			mend: func(s *setup) { s.opts.Pages.TrustForwardedPrefix = false },
		},
		{
			wrong: "BasePath is another path of auth routes than NEXTAUTH_URL's, and no proxy leads one to the other",
			set: func(s *setup) {
				s.open, s.routes, s.proxy = "https://shop.example", "/custom/auth", s.proxied(keepHost)
				s.env["NEXTAUTH_URL"], s.opts.BasePath = "https://shop.example/custom/auth", "/api/auth"
			},
			says: []string{"ginauth: the base URL's path does not end in BasePath, so that a proxy must lead one to the other"},
			page: "404 page not found", names: "BasePath",
			fix:  "Leave BasePath out.",
			mend: func(s *setup) { s.opts.BasePath = "" },
		},
	}
}
