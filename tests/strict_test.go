package tests

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

var refresh = regexp.MustCompile(`<meta http-equiv="refresh" content="0;url=([^"]*)">`)

// loads is where a page leads by itself, "" for any other answer.
func (a answer) loads() string {
	if m := refresh.FindStringSubmatch(a.body); m != nil && a.StatusCode == http.StatusOK {
		return html.UnescapeString(m[1])
	}
	return ""
}

// With SameSite=Strict, a provider's answer is loaded once more from this site before
// it is handled: once, in the browser that began the sign-in, and by GET alone. What
// Chromium makes of it is in e2e.
func TestStrict_Callback(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(2)})
	opts := viaOIDC.options(t, idp)
	opts.Cookies.SameSite = http.SameSiteStrictMode
	b := newApp(t, opts).browser(t)
	callback := approve(t, idp, b.begin("oidc", "/me")).String() + `&x="'<>&url=https://evil.example/`

	if res := b.app.browser(t).get(callback); res.loads() != "" {
		t.Error("the page comes without the transaction's cookie")
	} else {
		res.refused(t, "OAuthCallback")
	}
	res := b.get(callback)
	if res.loads() != res.Request.URL.String() || len(idp.TokenRequests()) != 0 || res.signedIn() {
		t.Fatalf("answered %d %s", res.StatusCode, res.body)
	}
	if policy := res.Header.Get("Referrer-Policy"); policy != "no-referrer" || strings.Contains(res.body, "<script") || !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("Referrer-Policy %q, Cache-Control %q", policy, res.Header.Get("Cache-Control"))
	}
	// The second is handled, wherever it comes from: a browser that never says so does
	// not go round in circles.
	if res = b.get(callback); !res.signedIn() || res.Header.Get("Location") != b.app.URL+"/me" || setCookies(res)[sessionCookie].SameSite != http.SameSiteStrictMode {
		t.Fatalf("answered %d, leads to %s", res.StatusCode, res.Header.Get("Location"))
	}
	// Back, and back again: once more each time, and it leads on.
	for range 2 {
		if res = b.get(callback); res.loads() != res.Request.URL.String() {
			t.Fatalf("answered %d, leads to %s", res.StatusCode, res.Header.Get("Location"))
		}
		if res = b.get(callback); res.Header.Get("Location") != b.app.URL+"/me" || res.signedIn() {
			t.Fatalf("answered %d, leads to %s", res.StatusCode, res.Header.Get("Location"))
		}
	}
	// From this site itself, at once.
	callback = approve(t, idp, b.begin("oidc", "/me")).String()
	req := b.request(http.MethodGet, callback, nil)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if res = b.do(req); !res.signedIn() {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	// Without Strict, at once.
	b = viaOIDC.app(t, idp).browser(t)
	if res = b.signIn(idp, "oidc"); !res.signedIn() {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
}

// A refusal by the provider is loaded again too.
func TestStrict_Errors(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{People: people(1)})
	opts := viaOIDC.options(t, idp)
	opts.Cookies.SameSite = http.SameSiteStrictMode
	b := newApp(t, opts).browser(t)
	callback := approve(t, idp, b.begin("oidc", "/"))
	q := callback.Query()
	q.Del("code")
	q.Set("error", "access_denied")
	callback.RawQuery = q.Encode()
	if b.get(callback.String()).loads() == "" {
		t.Error("an error is not loaded again")
	}
	b.get(callback.String()).refused(t, "AccessDenied")
}

// An answer by POST cannot be loaded again. It is handled at once, and a page leads on.
func TestStrict_FormPost(t *testing.T) {
	t.Parallel()
	s := newAppleSite(t, ginauth.Options{Cookies: ginauth.CookieOptions{SameSite: http.SameSiteStrictMode}})
	b := s.browser(t)
	res := b.do(s.post(t, b.begin("apple", "/welcome?x=1")), true)
	if !res.signedInTLS() || res.loads() != s.URL+"/welcome?x=1" {
		t.Errorf("answered %d %s", res.StatusCode, res.body)
	}
	if email, _ := b.user(); email != "ada@example.com" {
		t.Errorf("signed in %q", email)
	}
}

// What browsers do not take is a configuration fault.
func TestCookies_SameSite(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		base  string
		same  http.SameSite
		fault string
	}{
		{"https://app.example.com", http.SameSiteNoneMode, ""},
		{"http://app.example.com", http.SameSiteNoneMode, "write an https BaseURL"},
		{"", http.SameSiteNoneMode, "write an https BaseURL"},
		{"http://app.example.com", http.SameSiteStrictMode, ""},
		{"http://app.example.com", http.SameSiteDefaultMode, ""},
		{"https://app.example.com", 5, "http.SameSiteLaxMode"},
		{"https://app.example.com", -1, "http.SameSiteLaxMode"},
	} {
		auth, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: row.base, Cookies: ginauth.CookieOptions{SameSite: row.same}})
		if (err != nil) != (row.fault != "") || err != nil && !strings.Contains(err.Error(), row.fault) {
			t.Errorf("%q %d: %v", row.base, row.same, err)
		}
		if err == nil && auth == nil {
			t.Error("neither")
		}
	}
}

// A link from another site to a guarded page brings no Strict cookie. It leads to the
// sign-in page, and not to and fro: nothing that another site's link does may become
// this site's own request.
func TestStrict_LinkFromElsewhere(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	auth, err := ginauth.Register(engine, ginauth.Options{
		Secret: testSecret, BaseURL: "https://app.example.com", Providers: unused(), Cookies: ginauth.CookieOptions{SameSite: http.SameSiteStrictMode},
	})
	if err != nil {
		t.Fatal(err)
	}
	engine.GET("/me", auth.RequireSession())
	target, from := "/me", "cross-site"
	for i, want := range []string{"https://app.example.com/api/auth/signin?callbackUrl=" + url.QueryEscape("/me"), ""} {
		req := httptest.NewRequest(http.MethodGet, target, nil)
		req.Header.Set("Sec-Fetch-Site", from)
		req.Header.Set("Sec-Fetch-Mode", "navigate")
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, req)
		if got := w.Header().Get("Location"); got != want || strings.Contains(w.Body.String(), "refresh") {
			t.Errorf("step %d: %d, leads to %q, want %q", i, w.Code, got, want)
		}
		target = strings.TrimPrefix(w.Header().Get("Location"), "https://app.example.com")
	}
}

// Partitioned is for all cookies, and for none where browsers would not take them.
func TestCookies_Partitioned(t *testing.T) {
	t.Parallel()
	for fault, row := range map[string]struct {
		base string
		same http.SameSite
	}{
		"needs Cookies.SameSite":  {"https://app.example.com", 0},
		"to be http.SameSiteNone": {"https://app.example.com", http.SameSiteLaxMode},
		"write an https BaseURL":  {"http://app.example.com", http.SameSiteNoneMode},
		"take over https only;":   {"", http.SameSiteNoneMode},
	} {
		_, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: row.base, Cookies: ginauth.CookieOptions{SameSite: row.same, Partitioned: true}})
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", fault, err)
		}
	}
	idp := newIDP(t, ginauthtest.Config{RedirectURIs: []string{"https://app.example.com/api/auth/callback/local"}})
	app := newApp(t, ginauth.Options{
		BaseURL: "https://app.example.com", Providers: ginauth.Goth(local(idp, "local")),
		Cookies: ginauth.CookieOptions{SameSite: http.SameSiteNoneMode, Partitioned: true},
	})
	jar, set := map[string]string{}, map[string]bool{}
	send := func(req *http.Request) answer {
		b := app.browser(t)
		b.Jar = nil // Secure cookies do not travel over the test's http
		for name, value := range jar {
			req.Header.Add("Cookie", name+"="+value)
		}
		res := b.do(req)
		for _, line := range res.Header["Set-Cookie"] {
			c, err := http.ParseSetCookie(line)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Partitioned || !c.Secure || c.SameSite != http.SameSiteNoneMode {
				t.Errorf("%s", line)
			}
			jar[c.Name], set[strings.SplitAfter(c.Name, "next-auth.")[1][:4]] = c.Value, true
		}
		return res
	}
	b := app.browser(t)
	var out struct{ CSRFToken string }
	decode(t, send(b.request(http.MethodGet, "/api/auth/csrf", nil)).body, &out)
	begin := send(b.request(http.MethodPost, "/api/auth/signin/local", url.Values{"csrfToken": {out.CSRFToken}}))
	callback := approve(t, idp, begin.Header.Get("Location"))
	send(b.request(http.MethodGet, "/api/auth/callback/local?"+callback.RawQuery, nil))
	send(b.request(http.MethodGet, "/api/auth/callback/local?"+callback.RawQuery, nil))
	send(b.request(http.MethodPost, "/api/auth/signout", url.Values{"csrfToken": {out.CSRFToken}}))
	if len(set) < 5 { // csrf, callback-url, transaction, completed, session
		t.Errorf("only %v were set", set)
	}
}
