package tests

import (
	"cmp"
	"context"
	"crypto/tls"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A visitor is a person with a browser. It sends Origin and Sec-Fetch-Site as browsers do
// (Fetch §3.2, Fetch Metadata §2.3), and reads the pages.
type visitor struct {
	t      *testing.T
	site   *running
	client *http.Client
	origin string // that forms are sent from; empty: the page's
	bodies []string
}

func (r *running) visitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the names are the test's own
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			switch _, port, _ := net.SplitHostPort(addr); {
			case "http://"+addr == r.idp.Issuer():
			case (port == "443" || port == "8443") && r.front != nil:
				addr = r.front.Listener.Addr().String()
			default:
				addr = r.server.Listener.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	v := &visitor{t: t, site: r, client: &http.Client{
		Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if r.browser != nil {
		r.browser(v)
	}
	return v
}

// maxHops is how often a visitor is sent on before it is a loop.
const maxHops = 10

// do sends a request from a page, and follows redirects until one leads to the provider.
func (v *visitor) do(method, target, from string, form url.Values) (answer, *url.URL) {
	v.t.Helper()
	at, err := url.Parse(target)
	if err != nil {
		v.t.Fatal(err)
	}
	for range maxHops {
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		req, err := http.NewRequest(method, at.String(), body)
		if err != nil {
			v.t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		if at.Scheme == "https" || at.Hostname() == "localhost" || at.Hostname() == "127.0.0.1" {
			req.Header.Set("Sec-Fetch-Mode", "navigate")
			req.Header.Set("Sec-Fetch-Site", fetchSite(from, at))
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", from)
			if v.origin != "" {
				req.Header.Set("Origin", v.origin)
			}
		}
		res, err := v.client.Do(req)
		if err != nil { // nobody listens there, or not with TLS: the browser shows a page of its own
			v.bodies = append(v.bodies, err.Error())
			return answer{&http.Response{StatusCode: http.StatusBadGateway}, ""}, at
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil {
			v.t.Fatal(err)
		}
		v.bodies = append(v.bodies, html.UnescapeString(string(text)))
		if res.StatusCode/100 != 3 {
			return answer{res, string(text)}, at
		}
		method, form = http.MethodGet, nil
		if at, err = at.Parse(res.Header.Get("Location")); err != nil {
			v.t.Fatal(err)
		}
		if strings.HasPrefix(at.String(), v.site.idp.Issuer()) {
			return answer{res, string(text)}, at
		}
	}
	return answer{&http.Response{StatusCode: http.StatusLoopDetected}, ""}, at
}

// fetchSite is Sec-Fetch-Site for a request from a page of an origin: empty for none.
func fetchSite(from string, to *url.URL) string {
	u, err := url.Parse(from)
	registrable := func(host string) string {
		labels := strings.Split(host, ".")
		return strings.Join(labels[max(0, len(labels)-2):], ".")
	}
	switch {
	case from == "":
		return "none"
	case err == nil && u.Scheme+"://"+u.Host == to.Scheme+"://"+to.Host:
		return "same-origin"
	case err == nil && u.Scheme == to.Scheme && net.ParseIP(to.Hostname()) == nil && registrable(u.Hostname()) == registrable(to.Hostname()):
		return "same-site"
	}
	return "cross-site"
}

var postedTo = regexp.MustCompile(`<form[^>]*method="post"[^>]*action="([^"]*)"`)

// signIn signs the provider's first person in, as far as the site lets it, and reports
// whether they are.
func (v *visitor) signIn(callbackURL string) bool {
	v.t.Helper()
	page := cmp.Or(v.site.routes, "/api/auth") + "/signin"
	if v.site.page != nil {
		page = "/login"
	}
	open := v.site.fill(v.site.open)
	res, at := v.do(http.MethodGet, open+v.site.group+page+"?callbackUrl="+url.QueryEscape(callbackURL), "", nil)
	action := postedTo.FindStringSubmatch(res.body)
	if action == nil {
		return false
	}
	target, err := at.Parse(html.UnescapeString(action[1]))
	if err != nil {
		v.t.Fatal(err)
	}
	_, to := v.do(http.MethodPost, target.String(), at.Scheme+"://"+at.Host, fields(html.UnescapeString(res.body)))
	if strings.HasPrefix(to.String(), v.site.idp.Issuer()) {
		callback, err := v.site.idp.Approve(v.t.Context(), to.String(), "ada")
		if err != nil {
			return false // the provider refuses: its page says why
		}
		if v.site.deliver != nil {
			v.site.deliver(callback)
		}
		v.do(http.MethodGet, callback.String(), v.site.idp.Issuer(), nil)
	}
	return v.signedIn()
}

// signedIn reports whether a guarded page knows the person.
func (v *visitor) signedIn() bool {
	before := v.bodies
	res, _ := v.do(http.MethodGet, v.site.fill(v.site.open)+"/me", "", nil)
	v.bodies = before // the page that the person was left with counts
	return res.StatusCode == http.StatusOK && strings.Contains(res.body, "ada@example.com")
}
