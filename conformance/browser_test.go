package conformance

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ginauth/ginauth/ginauthtest"
)

// browser is a person's browser with its cookies. It knows SameSite (RFC 6265bis
// §5.8.3), which net/http's cookie jar does not, and follows no redirect by itself.
type browser struct {
	*site
	client  *http.Client
	cookies map[string]*http.Cookie
}

func (v *site) browser() *browser {
	v.t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority(v.t).roots}}
	v.t.Cleanup(transport.CloseIdleConnections)
	return &browser{v, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, map[string]*http.Cookie{}}
}

// An answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

// do sends a navigation of the whole page: from a page of the site itself, or from the
// provider's.
func (b *browser) do(req *http.Request, crossSite bool) answer {
	b.t.Helper()
	own := req.URL.Scheme+"://"+req.URL.Host == b.url() // the provider sets no cookies
	for _, c := range b.cookies {
		lax := c.SameSite == http.SameSiteLaxMode && req.Method == http.MethodGet
		if own && (!crossSite || lax || c.SameSite == http.SameSiteNoneMode && c.Secure) {
			req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if crossSite {
		req.Header.Set("Sec-Fetch-Site", "cross-site")
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		if !own {
			b.t.Errorf("%s set the cookie %s", req.URL.Host, c.Name)
			continue
		}
		if c.MaxAge < 0 || c.Value == "" {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (b *browser) get(target string, crossSite bool) answer {
	b.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.url() + target
	}
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(req, crossSite)
}

func (b *browser) post(path string, form url.Values) answer {
	b.t.Helper()
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal([]byte(b.get("/api/auth/csrf", false).body), &csrf); err != nil {
		b.t.Fatal(err)
	}
	form.Set("csrfToken", csrf.CSRFToken)
	req, err := http.NewRequest(http.MethodPost, b.url()+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req, false)
}

// begin presses the sign-in button. It returns the authorization URL, or where else the
// button leads.
func (b *browser) begin() string {
	b.t.Helper()
	res := b.post("/api/auth/signin/"+providerID, url.Values{"callbackUrl": {"/welcome"}})
	if res.StatusCode != http.StatusFound {
		b.t.Fatalf("the sign-in answered %d %s", res.StatusCode, res.body)
	}
	return res.Header.Get("Location")
}

// approve lets a person agree at the provider, and brings its answer to the site.
func (b *browser) approve(authURL string) answer {
	b.t.Helper()
	if parameters(b.t, authURL).Get("response_mode") == "form_post" {
		post, err := b.op.ApprovePost(b.t.Context(), authURL, "ada")
		if err != nil {
			b.t.Fatal(err)
		}
		return b.do(post, true)
	}
	callback, err := b.op.Approve(b.t.Context(), authURL, "ada")
	if err != nil {
		b.t.Fatal(err)
	}
	return b.get(callback.String(), true)
}

// user is the subject and the address of who is signed in, as a page of the site gets
// it; empty for nobody.
func (b *browser) user() string {
	b.t.Helper()
	var out struct{ User struct{ Email string } }
	if err := json.Unmarshal([]byte(b.get("/api/auth/session", false).body), &out); err != nil {
		b.t.Fatal(err)
	}
	return out.User.Email
}

func parameters(t interface{ Fatal(...any) }, target string) url.Values {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// accepts signs Ada in, all the way: what the suite calls a happy path. Every request
// on the way is checked.
func (v *site) accepts() *browser {
	v.t.Helper()
	b := v.browser()
	b.accepts(b.begin())
	return b
}

func (b *browser) accepts(authURL string) {
	b.t.Helper()
	tokens, userinfos := len(b.op.TokenRequests()), len(b.sent.to(ginauthtest.Userinfo))
	b.checkAuthorizationRequest(authURL)
	res := b.approve(authURL)
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != b.url()+"/welcome" {
		b.t.Fatalf("the callback answered %d and leads to %q; log: %s", res.StatusCode, res.Header.Get("Location"), b.log)
	}
	if got := b.user(); got != "ada@example.com" {
		b.t.Errorf("%q is signed in", got)
	}
	if p := b.signedIn(); p.Account.ProviderAccountID != "ada" || p.User.ID != "ada" {
		b.t.Errorf("the application was told of %q", p.Account.ProviderAccountID)
	}
	b.checkTokenRequests(tokens, parameters(b.t, authURL))
	b.checkUserinfoRequests(userinfos)
}

// A stage is how far a sign-in may come that is refused.
type stage int

const (
	beforeAuthorization stage = iota // the browser is not sent to the provider
	beforeToken                      // the code is not used
	beforeUserinfo                   // the access token is not used
	afterUserinfo                    // its answer is refused
)

// refuses sees that a sign-in fails with an error page, and that nothing is sent after
// the fault can be seen.
func (v *site) refuses(last stage) {
	v.t.Helper()
	b := v.browser()
	tokens, userinfos := len(v.op.TokenRequests()), len(v.sent.to(ginauthtest.Userinfo))
	location := b.begin()
	if sent := strings.HasPrefix(location, v.op.Issuer()); sent != (last != beforeAuthorization) {
		v.t.Fatalf("the sign-in leads to %s; log: %s", location, v.log)
	}
	if last != beforeAuthorization {
		b.checkAuthorizationRequest(location)
		location = b.approve(location).Header.Get("Location")
	}
	b.showsError(location)
	want := map[stage][2]int{beforeAuthorization: {0, 0}, beforeToken: {0, 0}, beforeUserinfo: {1, 0}, afterUserinfo: {1, 1}}[last]
	if got := [2]int{len(v.op.TokenRequests()) - tokens, len(v.sent.to(ginauthtest.Userinfo)) - userinfos}; got != want {
		v.t.Errorf("%d token requests and %d userinfo requests were sent, want %d and %d", got[0], got[1], want[0], want[1])
	}
}

// showsError sees that the person is told, and is not signed in.
func (b *browser) showsError(location string) {
	b.t.Helper()
	if !strings.HasPrefix(location, b.url()+"/api/auth/error?error=") {
		b.t.Fatalf("leads to %q, want the error page; log: %s", location, b.log)
	}
	// Some errors are told on the sign-in page.
	page := b.get(location, false)
	if next := page.Header.Get("Location"); page.StatusCode == http.StatusFound {
		page = b.get(next, false)
	}
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, `role="alert"`) && !strings.Contains(page.body, "<h1") {
		b.t.Errorf("the error page answered %d %s", page.StatusCode, page.Header.Get("Content-Type"))
	}
	if got := b.user(); got != "" {
		b.t.Errorf("%q is signed in", got)
	}
	if !strings.Contains(b.log.String(), "refused") {
		b.t.Errorf("the log has nothing of it: %s", b.log)
	}
}
