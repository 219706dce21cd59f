package tests

import (
	"html/template"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

const (
	loggedOrigin = "ginauth: a form was refused, since its Origin is not this site's"
	loggedHost   = "ginauth: a request was refused, since the site does not answer for its host"
	pageOrigin   = "That form was sent from another address than this site’s, so it was not accepted."
	pageHost     = "This site does not answer for the host of this request"
	pageCookies  = "Your browser did not send this site’s cookies, and signing in needs them."
)

// troubles are all rows, in the document's order.
func troubles() []trouble {
	var all []trouble
	for _, rows := range [][]trouble{addressTroubles(), proxyTroubles(), prefixTroubles(), formTroubles(), providerTroubles(), faultTroubles(), siteFaultTroubles()} {
		all = append(all, rows...)
	}
	return all
}

// keepHost passes the browser's Host header on, as `proxy_set_header Host $host` does.
func keepHost(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host }

// forwards tells the process of the browser, as most proxies do, but not of its Host.
func forwards(r *httputil.ProxyRequest) { r.SetXForwarded() }

func addressTroubles() []trouble {
	behindTLS := func(s *setup) { s.open, s.proxy = "https://shop.example", s.proxied(keepHost) }
	return []trouble{
		{
			wrong: "NEXTAUTH_URL begins with http, and people use https",
			set:   func(s *setup) { behindTLS(s); s.env["NEXTAUTH_URL"] = "http://shop.example" },
			says:  []string{loggedOrigin, "origin=https://shop.example", "expected=http://shop.example", "look_at=NEXTAUTH_URL", "the two differ in the scheme"},
			page:  pageOrigin, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to https://shop.example.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "https://shop.example" },
		},
		{
			wrong: "NEXTAUTH_URL begins with https, and the site is on http",
			set:   func(s *setup) { s.env["NEXTAUTH_URL"] = "https://localhost:{port}" },
			says:  []string{"ginauth: the sign-in page was opened over http, where browsers keep no Secure cookie", "expected=https://localhost:{port}", "look_at=NEXTAUTH_URL"},
			names: "NEXTAUTH_URL",
			fix:   "Set NEXTAUTH_URL to http://localhost:8080, or serve the site on https.",
			mend:  func(s *setup) { s.env["NEXTAUTH_URL"] = "http://localhost:{port}" },
		},
		{
			wrong: "NEXTAUTH_URL has no scheme, which means https, and the site is on http",
			set:   func(s *setup) { s.env["NEXTAUTH_URL"] = "localhost:{port}" },
			says:  []string{"ginauth: the sign-in page was opened over http, where browsers keep no Secure cookie", "expected=https://localhost:{port}", "look_at=NEXTAUTH_URL"},
			names: "NEXTAUTH_URL",
			fix:   "Write the scheme too: http://localhost:8080.",
			mend:  func(s *setup) { s.env["NEXTAUTH_URL"] = "http://localhost:{port}" },
		},
		{
			wrong: "NEXTAUTH_URL lacks the www that people use",
			set: func(s *setup) {
				behindTLS(s)
				s.open, s.env["NEXTAUTH_URL"] = "https://www.shop.example", "https://shop.example"
			},
			says: []string{loggedOrigin, "origin=https://www.shop.example", "expected=https://shop.example", "the two differ in the www in front of the host"},
			page: pageOrigin, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to https://www.shop.example, or redirect www to the name without it.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "https://www.shop.example" },
		},
		{
			wrong: "NEXTAUTH_URL has another port",
			set:   func(s *setup) { s.env["NEXTAUTH_URL"] = "http://localhost:3000" },
			says:  []string{loggedOrigin, "origin=http://localhost:{port}", "expected=http://localhost:3000", "the two differ in the port"},
			page:  pageOrigin, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to the address with the port that the browser shows.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "http://localhost:{port}" },
		},
		{
			wrong: "NEXTAUTH_URL names another site",
			set:   func(s *setup) { behindTLS(s); s.env["NEXTAUTH_URL"] = "https://staging.example" },
			says:  []string{loggedOrigin, "origin=https://shop.example", "expected=https://staging.example", "look_at=\"NEXTAUTH_URL, TrustedOrigins\""},
			page:  pageOrigin, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to https://shop.example.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "https://shop.example" },
		},
		{
			wrong: "BaseURL in the options is wrong, whatever NEXTAUTH_URL says",
			set: func(s *setup) {
				behindTLS(s)
				s.opts.BaseURL, s.env["NEXTAUTH_URL"] = "http://shop.example", "https://shop.example"
			},
			says: []string{loggedOrigin, "origin=https://shop.example", "expected=http://shop.example", "look_at=BaseURL"},
			page: pageOrigin, names: "BaseURL",
			fix:  "Set BaseURL to https://shop.example, or leave BaseURL out.",
			mend: func(s *setup) { s.opts.BaseURL = "" },
		},
		{
			wrong: "The site is opened at 127.0.0.1, and its address is localhost",
			set:   func(s *setup) { s.open, s.env["NEXTAUTH_URL"] = "http://127.0.0.1:{port}", "http://localhost:{port}" },
			says:  []string{loggedOrigin, "origin=http://127.0.0.1:{port}", "expected=http://localhost:{port}", "both are this machine's"},
			page:  pageOrigin, names: "http://localhost:",
			fix:  "Open http://localhost:8080, or set NEXTAUTH_URL to http://127.0.0.1:8080.",
			mend: func(s *setup) { s.open = "http://localhost:{port}" },
		},
		{
			wrong: "The site is opened at an address of the network, and has no BaseURL",
			set:   func(s *setup) { s.open = "http://192.0.2.7:{port}" },
			says:  []string{loggedHost, "host=192.0.2.7:{port}", "localhost and loopback addresses, since BaseURL is not set"},
			page:  pageHost, names: "NEXTAUTH_URL",
			fix:  "Set NEXTAUTH_URL to http://192.0.2.7:8080.",
			mend: func(s *setup) { s.env["NEXTAUTH_URL"] = "http://192.0.2.7:{port}" },
		},
		{
			wrong: "The site is opened at the name of its container, and has no BaseURL",
			set:   func(s *setup) { s.open = "http://web:{port}" },
			says:  []string{loggedHost, "host=web:{port}", "localhost and loopback addresses, since BaseURL is not set"},
			page:  pageHost, names: "TrustedHosts",
			fix:  "List the host in TrustedHosts with its port, or set NEXTAUTH_URL to http://web:8080.",
			mend: func(s *setup) { s.opts.TrustedHosts = []string{s.fill("web:{port}")} },
		},
		{
			wrong: "A guarded page is opened at a host that the site does not answer for",
			set:   func(s *setup) { s.open = "http://192.0.2.7:{port}" },
			calls: func(v *visitor) { v.do(http.MethodGet, v.site.fill("http://192.0.2.7:{port}/me"), "", nil) },
			says:  []string{loggedHost, "host=192.0.2.7:{port}"},
			page:  "This site does not answer for the host of this request.", names: "BaseURL",
			fix:  "Set BaseURL to http://192.0.2.7:8080.",
			mend: func(s *setup) { s.opts.BaseURL = "http://192.0.2.7:{port}" },
		},
		{
			wrong: "TrustedHosts has the host without its port",
			set: func(s *setup) {
				s.open, s.opts.TrustedHosts = "http://shop.example:{port}", []string{"shop.example"}
			},
			says: []string{loggedHost, "host=shop.example:{port}", "expected=shop.example "},
			page: pageHost, names: "TrustedHosts",
			fix:  "Set TrustedHosts to shop.example:8080.",
			mend: func(s *setup) { s.opts.TrustedHosts = []string{s.fill("shop.example:{port}")} },
		},
	}
}

// ownPage is a sign-in page of the application's own, with what stands in the form.
func ownPage(inForm func(a *ginauth.Auth, c *gin.Context) template.HTML) func(a *ginauth.Auth, c *gin.Context) string {
	return func(a *ginauth.Auth, c *gin.Context) string {
		return `<form method="post" action="/api/auth/signin/local">` + string(inForm(a, c)) + `</form>`
	}
}

func formTroubles() []trouble {
	without := func(a *ginauth.Auth, c *gin.Context) template.HTML { a.CSRFField(c); return "" }
	field := func(a *ginauth.Auth, c *gin.Context) template.HTML { return a.CSRFField(c) }
	stale := func(*ginauth.Auth, *gin.Context) template.HTML {
		return `<input type="hidden" name="csrfToken" value="0000000000000000000000000000000000000000000000000000000000000000">`
	}
	return []trouble{
		{
			wrong: "A page of your own has a form without the CSRF token",
			set:   func(s *setup) { s.page = ownPage(without) },
			says:  []string{"ginauth: a form was refused, since it has no csrfToken", "look_at=Auth.CSRFField"},
			page:  "That form did not show that it came from this site", names: "Auth.CSRFField",
			fix:  "Put Auth.CSRFField into the form.",
			mend: func(s *setup) { s.page = ownPage(field) },
		},
		{
			wrong: "A page of your own has a CSRF token of another browser, from a cache",
			set: func(s *setup) {
				s.page = ownPage(func(a *ginauth.Auth, c *gin.Context) template.HTML { a.CSRFField(c); return stale(a, c) })
			},
			says: []string{"ginauth: a form was refused, since its csrfToken is not the one in this browser's cookie", "keep it out of caches"},
			page: "That form did not show that it came from this site", names: "caches",
			fix:  "Do not cache pages that have a form, on the server or in a proxy.",
			mend: func(s *setup) { s.page = ownPage(field) },
		},
		{
			wrong: "A page of your own has Referrer-Policy: no-referrer",
			set: func(s *setup) {
				s.page, s.headers = ownPage(field), map[string]string{"Referrer-Policy": "no-referrer"}
				s.browser = func(v *visitor) {
					if v.site.headers != nil { // as browsers do (Fetch §3.2)
						v.origin = "null"
					}
				}
			},
			says: []string{loggedOrigin, "origin=null", "look_at=Referrer-Policy"},
			page: pageOrigin, names: "Referrer-Policy",
			fix:  "Serve the page with Referrer-Policy: same-origin, or without one.",
			mend: func(s *setup) { s.headers = nil },
		},
		{
			wrong: "Another site of yours sends the sign-in form",
			set: func(s *setup) {
				s.env["NEXTAUTH_URL"] = "http://localhost:{port}"
				s.browser = func(v *visitor) { v.origin = "https://www.shop.example" }
			},
			says: []string{loggedOrigin, "origin=https://www.shop.example", "TrustedOrigins"},
			page: pageOrigin, names: "TrustedOrigins",
			fix:  "List https://www.shop.example in TrustedOrigins.",
			mend: func(s *setup) { s.opts.TrustedOrigins = []string{"https://www.shop.example"} },
		},
		{
			wrong: "Another site of yours sends requests to a guarded route",
			set:   func(s *setup) { s.env["NEXTAUTH_URL"] = "http://localhost:{port}" },
			calls: func(v *visitor) {
				if v.signIn("/") {
					v.do(http.MethodPost, v.site.fill("http://localhost:{port}/me"), "https://www.shop.example", url.Values{"x": {"1"}})
				}
			},
			says: []string{"ginauth: a request was not believed to be the signed-in person's, since another origin sent it", "origin=https://www.shop.example", "TrustedOrigins"},
			page: "This request came from another site and was not carried out.", names: "TrustedOrigins",
			fix:  "List https://www.shop.example in TrustedOrigins.",
			mend: func(s *setup) { s.opts.TrustedOrigins = []string{"https://www.shop.example"} },
		},
		{
			wrong: "A callbackUrl of another site of yours leads to this one",
			set:   func(s *setup) {},
			calls: func(v *visitor) { v.signIn(v.site.fill("http://www.shop.example:{port}/cart")) },
			says:  []string{"ginauth: a callbackUrl leads to another site, so the person gets to this one", "origin=http://www.shop.example:{port}", "look_at=AllowedRedirects"},
			names: "AllowedRedirects",
			fix:   "List the other site's origin in AllowedRedirects.",
			mend:  func(s *setup) { s.opts.AllowedRedirects = []string{s.fill("http://www.shop.example:{port}")} },
		},
	}
}
