package tests

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// appleSite is a site on https with Apple and another provider.
type appleSite struct {
	*httptest.Server
	idp  *ginauthtest.Provider
	log  *logBuffer
	last *ginauth.SignInParams
}

func newAppleSite(t testing.TB, opts ginauth.Options) *appleSite {
	t.Helper()
	gate := newAppleGate(t)
	cases := presetCases(gate)
	c := cases[len(cases)-1]
	idp := newIDP(t, ginauthtest.Config{})
	c.honest(idp)
	s := &appleSite{idp: idp, log: &logBuffer{}}
	opts.Secret, opts.Logger = testSecret, s.log.logger()
	opts.Providers = ginauth.Goth(gate.provider(idp.ClientID(), nil), local(newIDP(t, ginauthtest.Config{}), "local"))
	opts.HTTPClient = &http.Client{Transport: loopbackToo{&appleTransport{gate, idp, c.route(idp)}}}
	opts.Callbacks.SignIn = func(_ *gin.Context, in ginauth.SignInParams) error {
		s.last = &in
		return nil
	}
	engine := gin.New()
	if _, err := ginauth.Register(engine, opts); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewTLSServer(engine)
	t.Cleanup(s.Close)
	return s
}

// loopbackToo reaches addresses on this machine as they are.
type loopbackToo struct{ next http.RoundTripper }

func (l loopbackToo) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Hostname() == "127.0.0.1" {
		return http.DefaultTransport.RoundTrip(req)
	}
	return l.next.RoundTrip(req)
}

func (s *appleSite) browser(t testing.TB) *siteBrowser {
	return &siteBrowser{t, s.Server, map[string]*http.Cookie{}}
}

// post is the provider's answer, with further fields.
func (s *appleSite) post(t testing.TB, authURL string, fields ...string) *http.Request {
	t.Helper()
	s.idp.TamperResponse(func(q url.Values) {
		q.Set("iss", "https://appleid.apple.com")
		for i := 0; i < len(fields); i += 2 {
			q.Set(fields[i], fields[i+1])
		}
	})
	req, err := s.idp.ApprovePost(context.Background(), authURL, "ada")
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// Apple answers by a POST from its own site, with which a browser sends no Lax
// cookie. The sign-in works with the transaction cookie alone.
func TestAttack33b_AnswerByPost(t *testing.T) {
	t.Parallel()
	s := newAppleSite(t, ginauth.Options{})
	b := s.browser(t)
	// A session in three chunks is left from before: it must not spoil the new one.
	for i := range 3 {
		name := fmt.Sprintf("__Secure-%s.%d", sessionCookie, i)
		b.cookies[name] = &http.Cookie{Name: name, Value: "old", Secure: true, SameSite: http.SameSiteLaxMode}
	}
	authURL := b.begin("apple", "/welcome?from=apple#top")
	asked, err := url.Parse(authURL)
	if err != nil || asked.Query().Get("response_mode") != "form_post" || asked.Query().Get("scope") != "openid name email" {
		t.Fatalf("asked for %s", authURL)
	}
	for name, c := range b.cookies {
		want := http.SameSiteLaxMode
		if strings.Contains(name, "transaction") {
			want = http.SameSiteNoneMode
		}
		if c.SameSite != want || !c.Secure {
			t.Errorf("%s is %v", name, c)
		}
	}
	if c := b.transaction(); len(c.Name)+len(c.Value) > 600 || !c.HttpOnly || !strings.HasPrefix(c.Name, "__Host-") {
		t.Errorf("the transaction cookie is %v", c)
	}
	csrf := b.cookies["__Host-"+csrfCookie].Value

	post := s.post(t, authURL, "user", `{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"victim@example.com"}`)
	if post.Header.Get("Origin") != s.idp.Issuer() {
		t.Fatalf("the Origin is %q", post.Header.Get("Origin"))
	}
	res := b.do(post, true)
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != s.URL+"/welcome?from=apple#top" {
		t.Fatalf("answered %d, leads to %s\n%s", res.StatusCode, res.Header.Get("Location"), s.log)
	}
	set := map[string]int{}
	for _, c := range res.Cookies() {
		set[c.Name]++
		if c.Value != "" && (c.SameSite != http.SameSiteLaxMode || !c.Secure) {
			t.Errorf("set %v", c)
		}
		// The browser has these, though it did not send them.
		if strings.Contains(c.Name, "csrf") || strings.Contains(c.Name, "callback-url") {
			t.Errorf("%s was set anew", c.Name)
		}
	}
	for name, n := range set {
		if n != 1 {
			t.Errorf("%s was set %d times", name, n)
		}
	}
	if email, name := b.user(); email != "ada@example.com" || name != "Ada Lovelace" {
		t.Errorf("signed in %q %q", email, name)
	}
	if s.last.Account.ProviderAccountID != "ada" || !s.last.Account.EmailVerified || s.last.Profile.RawData["user"] != nil {
		t.Errorf("the application was told %+v", s.last.Account)
	}
	if b.transaction() != nil || b.cookies["__Host-"+csrfCookie].Value != csrf {
		t.Error("the transaction is left, or the CSRF cookie is another")
	}

	// Later answers have no name, and the query cannot make one.
	res = b.do(s.post(t, b.begin("apple", "/")), true)
	if _, name := b.user(); !res.signedInTLS() || name != "" {
		t.Errorf("signed in %v as %q", res.signedInTLS(), name)
	}
	// The other provider's cookie is as ever.
	b.begin("local", "/")
	if c := b.transaction(); c.SameSite != http.SameSiteLaxMode {
		t.Errorf("the transaction cookie of another provider is %v", c)
	}
}

// Nobody signed the posted name, and the browser may have written it: it never
// stands for a name that the id_token has.
func TestAttack33b_PostedName(t *testing.T) {
	t.Parallel()
	const posted = `{"name":{"firstName":"Mallory","lastName":"Malice"}}`
	for _, tt := range []struct {
		claims map[string]any
		want   string
	}{
		{nil, "Mallory Malice"},
		{map[string]any{"name": "Ada of the token"}, "Ada of the token"},
		{map[string]any{"given_name": "Ada"}, "Ada"},
		{map[string]any{"family_name": "Lovelace"}, "Lovelace"},
	} {
		s := newAppleSite(t, ginauth.Options{})
		cases := presetCases(newAppleGate(t))
		apple := cases[len(cases)-1]
		apple.honest(s.idp)
		apple.tamper(s.idp, func(claims map[string]any) { maps.Copy(claims, tt.claims) })
		b := s.browser(t)
		b.do(s.post(t, b.begin("apple", "/"), "user", posted), true)
		if email, name := b.user(); email != "ada@example.com" || name != tt.want {
			t.Errorf("%v: signed in %q as %q, want %q\n%s", tt.claims, email, name, tt.want, s.log)
		}
	}
}

// The longest session from before leaves no chunk beside the new one, either.
func TestAttack33b_LongSessionBefore(t *testing.T) {
	t.Parallel()
	s := newAppleSite(t, ginauth.Options{})
	b := s.browser(t)
	for i := range 11 {
		name := fmt.Sprintf("__Secure-%s.%d", sessionCookie, i)
		b.cookies[name] = &http.Cookie{Name: name, Value: "old", Secure: true, SameSite: http.SameSiteLaxMode}
	}
	if res := b.do(s.post(t, b.begin("apple", "/")), true); !res.signedInTLS() {
		t.Fatalf("answered %d\n%s", res.StatusCode, s.log)
	}
	// Before any other answer: a new session of eight chunks would go on in a ninth.
	for name := range b.cookies {
		if strings.HasPrefix(name, "__Secure-"+sessionCookie+".") {
			t.Errorf("%s is left", name)
		}
	}
	if email, _ := b.user(); email != "ada@example.com" {
		t.Errorf("signed in %q", email)
	}
}

// signedInTLS is signedIn for a site on https.
func (a answer) signedInTLS() bool {
	c := setCookies(a)["__Secure-"+sessionCookie]
	return c != nil && c.Value != ""
}

// The posted form can do nothing to a person who did not start that sign-in.
func TestAttack33b_ForgedPost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(s *appleSite, b *siteBrowser, form url.Values)
		code   string // of the error page, "" where somebody is signed in
		email  string
	}{
		{name: "honest", email: "ada@example.com"},
		{name: "no transaction", code: "OAuthCallback", change: func(_ *appleSite, b *siteBrowser, _ url.Values) { clear(b.cookies) }},
		{name: "another's state", code: "OAuthCallback", change: func(s *appleSite, b *siteBrowser, form url.Values) {
			other, err := url.Parse(s.browser(b.t).begin("apple", "/"))
			if err != nil {
				b.t.Fatal(err)
			}
			form.Set("state", other.Query().Get("state"))
		}},
		{name: "another's code", code: "OAuthCallback", change: func(s *appleSite, b *siteBrowser, form url.Values) {
			other := s.post(b.t, s.browser(b.t).begin("apple", "/"))
			if err := other.ParseForm(); err != nil {
				b.t.Fatal(err)
			}
			form.Set("code", other.PostForm.Get("code"))
		}},
		{name: "no state", code: "OAuthCallback", change: func(_ *appleSite, _ *siteBrowser, form url.Values) { form.Del("state") }},
		{name: "another issuer", code: "OAuthCallback", change: func(_ *appleSite, _ *siteBrowser, form url.Values) { form.Set("iss", "https://evil.example") }},
		{name: "an id_token of one's own", email: "ada@example.com", change: func(_ *appleSite, _ *siteBrowser, form url.Values) {
			form.Set("id_token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ2aWN0aW0ifQ.")
			form.Set("email", "victim@example.com")
			form.Set("sub", "victim")
		}},
		{name: "where to go", email: "ada@example.com", change: func(_ *appleSite, _ *siteBrowser, form url.Values) {
			form.Set("callbackUrl", "https://evil.example")
		}},
		{name: "user is no object", email: "ada@example.com", change: func(_ *appleSite, _ *siteBrowser, form url.Values) { form.Set("user", "[") }},
		{name: "cancelled", code: "Callback", change: func(_ *appleSite, _ *siteBrowser, form url.Values) {
			form.Del("code")
			form.Set("error", "user_cancelled_authorize")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newAppleSite(t, ginauth.Options{})
			b := s.browser(t)
			post := s.post(t, b.begin("apple", "/"))
			if err := post.ParseForm(); err != nil {
				t.Fatal(err)
			}
			if tt.change != nil {
				tt.change(s, b, post.PostForm)
			}
			forged, err := http.NewRequest(http.MethodPost, post.URL.String(), strings.NewReader(post.PostForm.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			forged.Header = post.Header
			res := b.do(forged, true)
			want := s.URL + "/"
			if tt.code != "" {
				want = s.URL + "/api/auth/error?error=" + tt.code
			}
			if got := res.Header.Get("Location"); got != want || res.signedInTLS() != (tt.code == "") {
				t.Errorf("leads to %s, signed in %v\n%s", got, res.signedInTLS(), s.log)
			}
			if email, _ := b.user(); email != tt.email {
				t.Errorf("%q is signed in", email)
			}
		})
	}
}

// Where a sign-in leads is in its own cookie, within bounds, and only to where it
// may.
func TestAttack33b_Destination(t *testing.T) {
	t.Parallel()
	s := newAppleSite(t, ginauth.Options{AllowedRedirects: []string{elsewhere}})
	for _, tt := range []struct{ asked, want string }{
		{"/", s.URL + "/"},
		{"/a?b=c", s.URL + "/a?b=c"},
		{s.URL, s.URL},
		{elsewhere + "/x", elsewhere + "/x"},
		{"https://evil.example/", s.URL},
		{"//evil.example/", s.URL + "//evil.example/"},
		{"/" + strings.Repeat("a", 100), s.URL + "/" + strings.Repeat("a", 100)},
		{"/" + strings.Repeat("a", 1000), s.URL}, // does not fit
	} {
		b := s.browser(t)
		authURL := b.begin("apple", tt.asked)
		if c := b.transaction(); len(c.Name)+len(c.Value) > 600 {
			t.Errorf("%.40s: the cookie has %d bytes", tt.asked, len(c.Name)+len(c.Value))
		}
		if got := b.do(s.post(t, authURL), true).Header.Get("Location"); got != tt.want {
			t.Errorf("%.40s: leads to %q, want %q", tt.asked, got, tt.want)
		}
	}
}

// The cookie of an answer by POST needs https: a site that cannot have it is told
// at the start, and one that learns its address from requests at the sign-in.
func TestAttack33b_PlainHTTP(t *testing.T) {
	t.Parallel()
	gate := newAppleGate(t)
	for _, tt := range []struct {
		baseURL string
		scopes  []string
		fault   bool
	}{
		{"http://app.example.com", nil, true},
		{"http://app.example.com", []string{"email"}, true},
		{"http://app.example.com", []string{}, false},
		{"https://app.example.com", nil, false},
		{"http://localhost:8080", nil, false},
		{"http://127.0.0.1:8080", nil, false},
		{"http://localhost.example.com", nil, true},
		{"", nil, false},
	} {
		_, err := ginauth.Register(gin.New(), ginauth.Options{
			Secret: testSecret, BaseURL: tt.baseURL, Providers: ginauth.Goth(gate.provider("com.example.web", tt.scopes)),
		})
		if (err != nil) != tt.fault || err != nil && !strings.Contains(err.Error(), "provider apple answers by POST") {
			t.Errorf("%s %v: %v", tt.baseURL, tt.scopes, err)
		}
	}
	a := newApp(t, ginauth.Options{
		TrustedHosts: []string{"app.example.com"}, Providers: ginauth.Goth(gate.provider("com.example.web", nil)),
		HTTPClient: &http.Client{Transport: noNetwork{}},
	})
	csrfToken, pair := csrfPair(csrfCookie)
	res := a.form(t, "/api/auth/signin/apple", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair, "Host", "app.example.com")
	res.refused(t, "OAuthSignin")
	if !strings.Contains(a.log.String(), "https") {
		t.Errorf("the log says %s", a.log)
	}
}

// nameless answers by POST and does not say what the form holds.
type nameless struct{ *odd }

func (nameless) FormPost() bool { return true }
func (nameless) AuthCodeURL(context.Context, string, string, string, ...oauth2.AuthCodeOption) (string, error) {
	return "", errGone
}
func (nameless) ExchangeCode(context.Context, string, string, string, ...oauth2.AuthCodeOption) (goth.User, *oauth2.Token, error) {
	return goth.User{}, nil, errGone
}

// Half a FormPostProvider is a fault, not a provider whose cookie stays away.
func TestAttack33b_HalfAProvider(t *testing.T) {
	t.Parallel()
	p := nameless{newOdd(newIDP(t, ginauthtest.Config{}))}
	_, err := ginauth.Register(gin.New(), ginauth.Options{Secret: testSecret, Providers: ginauth.Goth(p)})
	if err == nil || !strings.Contains(err.Error(), "PostedName") {
		t.Errorf("got %v", err)
	}
}
