package steam_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers/steam"
)

const (
	base   = "https://app.example.com"
	login  = "https://steamcommunity.com/openid/login"
	apiKey = "leaked-api-key-0123456789"
	ada    = "76561197960287930"
	grace  = "76561197960287931"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	m.Run()
}

// service is Steam: it makes assertions and confirms each once.
type service struct {
	t *testing.T

	mu       sync.Mutex
	made     map[string]url.Values // by signature
	checks   int
	confirms string                     // what it says of every assertion, if not what is so
	summary  func(id string) (int, any) // of a person
}

func newService(t *testing.T) *service {
	return &service{t: t, made: map[string]url.Values{}, summary: func(id string) (int, any) {
		return 200, map[string]any{"response": map[string]any{"players": []any{map[string]any{"steamid": id, "personaname": "Ada", "avatarfull": "https://pictures.example/ada.jpg"}}}}
	}}
}

// assert is the person at Steam's page, who agrees.
func (s *service) assert(authURL, id string) url.Values {
	s.t.Helper()
	u, err := url.Parse(authURL)
	if err != nil {
		s.t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme+"://"+u.Host+u.Path != login || q.Get("openid.mode") != "checkid_setup" || q.Get("openid.ns") != "http://specs.openid.net/auth/2.0" ||
		q.Get("openid.realm") != base || !strings.HasPrefix(q.Get("openid.return_to"), base+"/api/auth/callback/steam?state=") {
		s.t.Errorf("the browser is sent to %s", authURL)
	}
	for name := range q {
		if !strings.HasPrefix(name, "openid.") {
			s.t.Errorf("Steam gets the parameter %s", name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := url.Values{
		"openid.ns": {"http://specs.openid.net/auth/2.0"}, "openid.mode": {"id_res"}, "openid.op_endpoint": {login},
		"openid.claimed_id": {"https://steamcommunity.com/openid/id/" + id}, "openid.identity": {"https://steamcommunity.com/openid/id/" + id},
		"openid.return_to": {q.Get("openid.return_to")}, "openid.response_nonce": {time.Now().UTC().Format("2006-01-02T15:04:05Z") + fmt.Sprint(len(s.made))},
		"openid.assoc_handle": {"1234567890"}, "openid.signed": {"signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle"},
		"openid.sig": {fmt.Sprintf("signature-%d", len(s.made))},
	}
	s.made[a.Get("openid.sig")] = clone(a)
	to, _ := url.Parse(q.Get("openid.return_to"))
	a.Set("state", to.Query().Get("state"))
	return a
}

func clone(v url.Values) url.Values {
	out := url.Values{}
	for name, list := range v {
		out[name] = append([]string(nil), list...)
	}
	return out
}

func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	answer := func(status int, body string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.URL.Host == "api.steampowered.com" {
		if req.URL.Scheme != "https" || req.URL.Query().Get("key") != apiKey {
			s.t.Errorf("the summary is asked for at %s", req.URL)
		}
		status, v := s.summary(req.URL.Query().Get("steamids"))
		body, _ := json.Marshal(v)
		return answer(status, string(body))
	}
	if req.URL.String() != login || req.Method != http.MethodPost {
		s.t.Errorf("a request %s %s", req.Method, req.URL)
	}
	s.checks++
	raw, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(raw))
	if s.confirms != "" {
		return answer(200, s.confirms)
	}
	made, known := s.made[form.Get("openid.sig")]
	valid := known && form.Get("openid.mode") == "check_authentication"
	for name := range made {
		if name != "openid.mode" && form.Get(name) != made.Get(name) {
			valid = false
		}
	}
	delete(s.made, form.Get("openid.sig"))
	return answer(200, fmt.Sprintf("ns:http://specs.openid.net/auth/2.0\nis_valid:%v\n", valid))
}

// site is an application with Steam to sign in with.
type site struct {
	t       *testing.T
	handler http.Handler
	log     bytes.Buffer
	last    ginauth.SignInParams
}

func newSite(t *testing.T, s http.RoundTripper) *site {
	t.Helper()
	a := &site{t: t}
	engine := gin.New()
	_, err := ginauth.Register(engine, ginauth.Options{
		Providers: ginauth.Goth(steam.New(apiKey)), Secret: strings.Repeat("s", 32), BaseURL: base,
		HTTPClient: &http.Client{Transport: s}, Logger: slog.New(slog.NewTextHandler(&a.log, nil)),
		Callbacks: ginauth.Callbacks{SignIn: func(_ *gin.Context, p ginauth.SignInParams) error { a.last = p; return nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.handler = engine
	return a
}

type browser struct {
	site *site
	jar  http.CookieJar
}

func (a *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	return &browser{a, jar}
}

func (b *browser) send(method, path string, form url.Values) (location, body string, session bool) {
	req := httptest.NewRequest(method, base+path, strings.NewReader(form.Encode()))
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range b.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.site.handler.ServeHTTP(w, req)
	res := w.Result()
	b.jar.SetCookies(req.URL, res.Cookies())
	for _, c := range res.Cookies() {
		session = session || strings.HasSuffix(c.Name, "session-token") && c.Value != ""
	}
	return res.Header.Get("Location"), w.Body.String(), session
}

func (b *browser) begin() string {
	_, body, _ := b.send(http.MethodGet, "/api/auth/csrf", nil)
	var csrf struct{ CSRFToken string }
	if err := json.Unmarshal([]byte(body), &csrf); err != nil {
		b.site.t.Fatal(err)
	}
	location, _, _ := b.send(http.MethodPost, "/api/auth/signin/steam", url.Values{"csrfToken": {csrf.CSRFToken}})
	return location
}

func (b *browser) answer(a url.Values) (location string, session bool) {
	location, _, session = b.send(http.MethodGet, "/api/auth/callback/steam?"+a.Encode(), nil)
	return location, session
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	s := newService(t)
	a := newSite(t, s)
	for _, id := range []string{ada, grace, ada} {
		b := a.browser()
		if location, session := b.answer(s.assert(b.begin(), id)); !session {
			t.Fatalf("%s; log: %s", location, a.log.String())
		}
		if u := a.last.User; u.ID != id || u.Name != "Ada" || u.Image != "https://pictures.example/ada.jpg" || u.Email != "" || a.last.Account.EmailVerified || a.last.Account.ProviderAccountID != id {
			t.Errorf("%+v, %+v", u, a.last.Account)
		}
	}
	if strings.Contains(a.log.String(), apiKey) {
		t.Error("the log has the API key")
	}
}

// TestAttack24: an assertion that Steam did not make for this very sign-in of this
// browser signs nobody in.
func TestAttack24_Assertion(t *testing.T) {
	t.Parallel()
	set := func(name string, values ...string) func(url.Values) {
		return func(a url.Values) {
			a["openid."+name] = values
			if len(values) == 0 {
				delete(a, "openid."+name)
			}
		}
	}
	const fields = "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle"
	without := func(name string) func(url.Values) { return set("signed", strings.Replace(fields, name+",", "", 1)) }
	tests := map[string]func(a url.Values){
		"another person": func(a url.Values) { set("claimed_id", "https://steamcommunity.com/openid/id/"+grace)(a) },
		"another person, twice": func(a url.Values) {
			for _, n := range []string{"claimed_id", "identity"} {
				set(n, "https://steamcommunity.com/openid/id/"+grace)(a)
			}
		},
		"two claimed ids":  set("claimed_id", "https://steamcommunity.com/openid/id/"+ada, "https://steamcommunity.com/openid/id/"+grace),
		"another endpoint": set("op_endpoint", "https://evil.example/openid/login"),
		"an identifier of another host": func(a url.Values) {
			for _, n := range []string{"claimed_id", "identity"} {
				set(n, "https://steamcommunity.com.evil.example/openid/id/"+ada)(a)
			}
		},
		"an identifier with more behind it": func(a url.Values) {
			for _, n := range []string{"claimed_id", "identity"} {
				set(n, "https://steamcommunity.com/openid/id/"+ada+"/x")(a)
			}
		},
		"an identifier of a name": func(a url.Values) {
			for _, n := range []string{"claimed_id", "identity"} {
				set(n, "https://steamcommunity.com/id/ada")(a)
			}
		},
		"return_to not covered":      without("return_to"),
		"claimed_id not covered":     without("claimed_id"),
		"identity not covered":       without("identity"),
		"op_endpoint not covered":    without("op_endpoint"),
		"response_nonce not covered": without("response_nonce"),
		"nothing covered":            set("signed"),
		"another address":            set("return_to", "https://evil.example/api/auth/callback/steam?state=x"),
		"an address with more":       func(a url.Values) { set("return_to", a.Get("openid.return_to")+"&x=y")(a) },
		"an old nonce":               set("response_nonce", "2020-01-01T00:00:00Zabc"),
		"a nonce of the future":      set("response_nonce", "2120-01-01T00:00:00Zabc"),
		"no nonce":                   set("response_nonce"),
		"the negative answer":        set("mode", "setup_needed"),
		"the person declines":        set("mode", "cancel"),
		"OpenID 1.1":                 set("ns", "http://openid.net/signon/1.1"),
		"a forged signature":         set("sig", "forged"),
		"no assertion": func(a url.Values) {
			for name := range a {
				if name != "state" {
					delete(a, name)
				}
			}
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// What Steam itself refuses, as a forged signature, is the second check; all
			// else is refused though Steam should confirm it.
			for _, confirms := range []string{"", "ns:http://specs.openid.net/auth/2.0\nis_valid:true\n"} {
				if confirms != "" && (name == "a forged signature" || name == "another person, twice") {
					continue
				}
				s := newService(t)
				s.confirms = confirms
				a := newSite(t, s)
				b := a.browser()
				forged := s.assert(b.begin(), ada)
				change(forged)
				if location, session := b.answer(forged); session || !strings.Contains(location, "error=OAuthCallback") {
					t.Errorf("session %v, leads to %s", session, location)
				}
			}
		})
	}
}

// TestAttack24: what Steam does not confirm, in exactly one line, is nobody's.
func TestAttack24_Unconfirmed(t *testing.T) {
	t.Parallel()
	const ns = "ns:http://specs.openid.net/auth/2.0\n"
	for _, said := range []string{
		ns + "is_valid:false\n", "is_valid:true\n", ns + "error:bad\n", ns + "is_valid:false\nis_valid:true\n", ns + "is_valid:true\nis_valid:true\n",
		ns + "is_valid: true\n", ns + "is_valid:TRUE\n", ns + "x_is_valid:true\n", ns, "<html>is_valid:true</html>", " ", ns + "is_valid:truee\n",
	} {
		s := newService(t)
		s.confirms = said
		a := newSite(t, s)
		b := a.browser()
		if location, session := b.answer(s.assert(b.begin(), ada)); session || s.checks != 1 {
			t.Errorf("%q: session %v after %d checks, leads to %s", said, session, s.checks, location)
		}
	}
}

// TestAttack24: an assertion is used once, by the browser that asked for it.
func TestAttack24_Replay(t *testing.T) {
	t.Parallel()
	s := newService(t)
	a := newSite(t, s)
	first := a.browser()
	assertion := s.assert(first.begin(), ada)
	if _, session := a.browser().answer(assertion); session || s.checks != 0 {
		t.Errorf("another browser: session %v after %d checks", session, s.checks)
	}
	// A victim's browser is given the attacker's assertion, under its own state.
	victim := a.browser()
	own := s.assert(victim.begin(), grace)
	mixed := clone(assertion)
	mixed.Set("state", own.Get("state"))
	if _, session := victim.answer(mixed); session {
		t.Error("an assertion for another state was taken")
	}
	if _, session := first.answer(assertion); !session {
		t.Error("the right browser was refused")
	}
	// The state is spent; with a new one the assertion is for another sign-in.
	again := a.browser()
	replayed := clone(assertion)
	replayed.Set("state", s.assert(again.begin(), ada).Get("state"))
	if _, session := again.answer(replayed); session {
		t.Error("an assertion was taken twice")
	}
}

// The summary is an extra: whatever comes of it, the person signs in, and the name
// of another is not theirs.
func TestSummaryIsAnExtra(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"none": map[string]any{"response": map[string]any{"players": []any{}}}, "null": nil, "a list": []any{}, "text": "x", "another person": map[string]any{
			"response": map[string]any{"players": []any{map[string]any{"steamid": grace, "personaname": "Grace"}}},
		},
	} {
		for _, status := range []int{200, 403, 500} {
			s := newService(t)
			s.summary = func(string) (int, any) { return status, v }
			a := newSite(t, s)
			b := a.browser()
			if location, session := b.answer(s.assert(b.begin(), ada)); !session {
				t.Fatalf("%s: %s; log: %s", name, location, a.log.String())
			}
			if u := a.last.User; u.ID != ada || u.Name != "" {
				t.Errorf("%s: %+v", name, u)
			}
			if log := a.log.String(); strings.Count(log, "goes on without the name") != 1 || strings.Contains(log, apiKey) {
				t.Errorf("%s: logged %q", name, log)
			}
		}
	}
}

func TestProvider(t *testing.T) {
	t.Parallel()
	for key, fault := range map[string]string{"": "API key is empty", " k": "white space", "k": ""} {
		err := steam.New(key).Validate()
		if (err == nil) != (fault == "") || err != nil && !strings.Contains(err.Error(), fault) {
			t.Errorf("%q: %v", key, err)
		}
	}
	p := steam.New(apiKey)
	for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%+v", p), fmt.Sprintf("%#v", p)} {
		if strings.Contains(text, "leaked") {
			t.Error(text)
		}
	}
	if _, err := p.BeginAuth("s"); err == nil {
		t.Error("goth's sign-in begins")
	}
}

// FuzzAssertion reads any answer. Nobody signs in whom Steam did not confirm.
func FuzzAssertion(f *testing.F) {
	f.Add("openid.mode=id_res&openid.claimed_id=https://steamcommunity.com/openid/id/1")
	f.Fuzz(func(t *testing.T, query string) {
		said, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		user, err := steam.New("k").ReadAnswer(t.Context(), base+"/callback", "state", said)
		if err == nil || user.UserID != "" {
			t.Errorf("%+v", user)
		}
	})
}

func Example() {
	p := steam.New("the Web API key")
	_, err := ginauth.Register(gin.New(), ginauth.Options{Providers: ginauth.Goth(p), Secret: strings.Repeat("x", 32)})
	fmt.Println(p.DisplayName(), err)
	// Output: Steam <nil>
}
