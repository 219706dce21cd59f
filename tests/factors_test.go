package tests

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

// A factorSite has the guards under test: /fresh for any proof of the last five minutes,
// and one for each method. Its clock can be moved, and so can the provider's.
type factorSite struct {
	*mailApp
	idp *ginauthtest.Provider
}

const freshFor = 5 * time.Minute

// newFactorSite runs a site with an Adapter and providers of each kind: the same
// OpenID provider under two IDs, a password, and a mail whose link signs in.
func newFactorSite(t testing.TB, opts ginauth.Options, first ...ginauth.OAuth) *factorSite {
	t.Helper()
	clock := &mailClock{}
	s := &factorSite{idp: newIDP(t, ginauthtest.Config{People: crowd(), Now: clock.now})}
	own := ginauth.OAuth{}
	if len(first) > 0 {
		own = first[0]
	}
	at := func(name string) *oidc.Provider {
		return oidc.New(oidc.Config{Name: name, Issuer: s.idp.Issuer(), ClientID: s.idp.ClientID(), ClientSecret: s.idp.ClientSecret(), Now: clock.now})
	}
	own.Provider = at("first")
	opts.Providers = append([]ginauth.Provider{own, ginauth.OAuth{Provider: at("second")}, members()}, opts.Providers...)
	s.mailApp = newMailApp(t, ginauth.Email{}, opts)
	clock.follow(s.clock)
	s.guards()
	return s
}

// newSealedSite is a site without an Adapter, whose provider's profile is the user.
func newSealedSite(t testing.TB, opts ginauth.Options) *factorSite {
	t.Helper()
	s := &factorSite{idp: newIDP(t, ginauthtest.Config{People: crowd()}), mailApp: &mailApp{clock: &mailClock{}}}
	opts.Providers = []ginauth.Provider{
		ginauth.OAuth{Provider: local(s.idp, "first")}, ginauth.OAuth{Provider: local(s.idp, "second")}, members(),
	}
	opts.Now = s.clock.now
	s.app = newApp(t, opts)
	s.guards()
	return s
}

func (s *factorSite) guards() {
	handler := func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c).Factors) }
	s.engine.GET("/factors", s.auth.RequireSession(), handler)
	s.engine.Any("/fresh", s.auth.RequireFactor(freshFor), handler)
	for _, method := range []ginauth.FactorMethod{ginauth.FactorProvider, ginauth.FactorPassword, ginauth.FactorMail, ginauth.FactorOTP} {
		s.engine.Any("/fresh/"+string(method), s.auth.RequireFactor(freshFor, method), handler)
		s.engine.Any("/ever/"+string(method), s.auth.RequireFactor(0, method), handler)
	}
	s.engine.GET("/enter", func(c *gin.Context) {
		var proofs []ginauth.FactorMethod
		for _, p := range c.QueryArray("proof") {
			proofs = append(proofs, ginauth.FactorMethod(p))
		}
		if _, err := s.auth.SignIn(c, ginauth.User{ID: c.Query("id"), Name: "Ada"}, proofs...); err != nil {
			c.String(http.StatusInternalServerError, "%v", err)
		}
	})
}

// factors are those of the browser's session.
func (b *browser) factors() (list []ginauth.Factor) {
	b.t.Helper()
	res := b.get("/factors")
	if err := json.Unmarshal([]byte(res.body), &list); err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%d %s: %v", res.StatusCode, res.body, err)
	}
	return list
}

// methods are the methods of factors, in their order.
func methods(list []ginauth.Factor) string {
	var names []string
	for _, f := range list {
		names = append(names, string(f.Method))
	}
	return strings.Join(names, " ")
}

// opens asks for a page as a browser does.
func (b *browser) opens(path string) answer {
	b.t.Helper()
	req := b.request(http.MethodGet, path, nil)
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	return b.do(req)
}

// asked fails the test unless an answer leads to the page for a proof, which it returns.
func (b *browser) asked(res answer) string {
	b.t.Helper()
	location := res.Header.Get("Location")
	if res.StatusCode != http.StatusFound || !strings.Contains(location, "/api/auth/factor?") {
		b.t.Fatalf("answered %d %s and leads to %q", res.StatusCode, res.body, location)
	}
	return location
}

// admits fails the test unless a guard lets the browser through.
func (b *browser) admits(path string) {
	b.t.Helper()
	if res := b.opens(path); res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s answered %d and leads to %q", path, res.StatusCode, res.Header.Get("Location"))
	}
}

// proves sends the form of a provider on the page for a proof.
func (b *browser) proves(page, provider string, fields url.Values) answer {
	b.t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		b.t.Fatal(err)
	}
	if fields == nil {
		fields = url.Values{}
	}
	shown := b.get(page)
	if shown.StatusCode != http.StatusOK || !strings.Contains(shown.body, "/api/auth/factor/"+provider) {
		b.t.Fatalf("the page answered %d and does not offer %s: %s", shown.StatusCode, provider, shown.body)
	}
	fields.Set("csrfToken", b.csrf())
	fields.Set("callbackUrl", u.Query().Get("callbackUrl"))
	return b.post("/api/auth/factor/"+provider, fields)
}

// leads fails the test unless an answer leads to a page of the site.
func (a answer) leads(t testing.TB, b *browser, path string) {
	t.Helper()
	if got := a.Header.Get("Location"); a.StatusCode != http.StatusFound || got != b.app.URL+path {
		t.Fatalf("answered %d %s and leads to %q, want %s", a.StatusCode, a.body, got, path)
	}
}

// unproved fails the test unless an answer leads back to the page for a proof, with this
// code, and no session was changed.
func (a answer) unproved(t testing.TB, code string) {
	t.Helper()
	location := a.Header.Get("Location")
	if u, err := url.Parse(location); err != nil || !strings.HasSuffix(u.Path, "/api/auth/factor") || u.Query().Get("error") != code {
		t.Errorf("answered %d %s and leads to %q, want error=%s", a.StatusCode, a.body, location, code)
	}
	if a.signedIn() {
		t.Error("the session was sealed again")
	}
}

func adasForm() url.Values {
	return url.Values{"username": {"ada"}, "password": {adasPassword}}
}

// TestFactors_OfEachSignIn holds which factor each kind of sign-in leaves, with its time,
// and that the browser does not see it.
func TestFactors_OfEachSignIn(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	known := s.db.add(t, ginauth.User{Name: "Ada"}).ID
	for name, row := range map[string]struct {
		signIn func(b *browser) answer
		want   string
	}{
		"provider":        {func(b *browser) answer { return b.signInAt(s.idp, "first", "ada") }, "provider"},
		"password":        {func(b *browser) answer { return b.signInAs("ada") }, "password"},
		"mail":            {func(b *browser) answer { return b.press(s.asksFor(t, b, "mail@example.com")) }, "mail"},
		"the application": {func(b *browser) answer { return b.get("/enter?id=" + known) }, ""},
		"the application's proofs": {func(b *browser) answer {
			return b.get("/enter?id=" + known + "&proof=password&proof=otp&proof=password")
		}, "otp password"},
	} {
		t.Run(name, func(t *testing.T) {
			b := s.browser(t)
			if res := row.signIn(b); !res.signedIn() {
				t.Fatalf("answered %d %s", res.StatusCode, res.body)
			}
			got := b.factors()
			if methods(got) != row.want {
				t.Errorf("factors %v, want %s", got, row.want)
			}
			for _, f := range got {
				if time.Since(f.At).Abs() > time.Minute || f.At.Nanosecond() != 0 {
					t.Errorf("%s was given at %v", f.Method, f.At)
				}
			}
			for _, path := range []string{"/me", "/api/auth/session"} {
				if body := b.get(path).body; strings.Contains(strings.ToLower(body), "factor") {
					t.Errorf("the browser sees %s", body)
				}
			}
		})
	}
	b := s.browser(t)
	b.get("/enter?id=" + known + "&proof=password&proof=otp&proof=mail")
	for _, method := range []string{"password", "otp", "mail"} { // whichever place it has
		b.admits("/fresh/" + method)
	}
	b.asked(b.opens("/fresh/provider"))
	if res := s.browser(t).get("/enter?id=" + known + "&proof=fingerprint"); res.signedIn() || !strings.Contains(res.body, "fingerprint") {
		t.Errorf("a proof that is none: %s", res.body)
	}
}

// TestFactors_ProvidersTime holds that a provider's factor has the time of the verified
// id_token, and not that of the answer or of the userinfo.
func TestFactors_ProvidersTime(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	now := time.Now().Truncate(time.Second)
	for name, row := range map[string]struct {
		idToken, userinfo any
		want              time.Time
	}{
		"an hour ago":                 {now.Add(-time.Hour).Unix(), nil, now.Add(-time.Hour)},
		"the userinfo says otherwise": {now.Add(-time.Hour).Unix(), now.Unix(), now.Add(-time.Hour)},
		"none":                        {nil, now.Add(-time.Hour).Unix(), now},
		"ahead of this site's clock":  {now.Add(4 * time.Minute).Unix(), nil, now},
		"text":                        {"yesterday", nil, now},
	} {
		s.idp.TamperClaims(func(claims map[string]any) {
			delete(claims, "auth_time")
			if row.idToken != nil {
				claims["auth_time"] = row.idToken
			}
		})
		s.idp.TamperUserinfo(func(claims map[string]any) { claims["auth_time"] = row.userinfo })
		b := s.browser(t)
		b.signInAt(s.idp, "first", "ada")
		if got := b.factors(); len(got) != 1 || got[0].At.Sub(row.want).Abs() > 20*time.Second {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
}

// TestFactors_Rotation holds that factors survive a new secret, and the old one's end once
// the session was sealed again.
func TestFactors_Rotation(t *testing.T) {
	t.Parallel()
	const next = "the next secret, which is as long as the first"
	old := newSealedSite(t, ginauth.Options{})
	b := old.browser(t)
	b.signInAs("ada")
	both := newSealedSite(t, ginauth.Options{Secret: next, PreviousSecrets: []string{testSecret}})
	moved := both.browser(t)
	moved.plant(sessionCookie, b.cookie(sessionCookie))
	if got := moved.factors(); methods(got) != "password" {
		t.Fatalf("with the previous secret %v", got)
	}
	alone := newSealedSite(t, ginauth.Options{Secret: next})
	last := alone.browser(t)
	last.plant(sessionCookie, moved.cookie(sessionCookie))
	if got := last.factors(); methods(got) != "password" {
		t.Errorf("sealed again with the new secret, and without the previous one: %v", got)
	}
}

// TestRequireFactor_Answers holds what each kind of sender gets.
func TestRequireFactor_Answers(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAs("ada")
	cookie := sessionCookie + "=" + b.cookie(sessionCookie)
	for _, path := range []string{"/fresh", "/fresh/password", "/ever/password"} {
		if res := s.send(t, http.MethodGet, path, "", "Cookie", cookie); res.StatusCode != http.StatusOK {
			t.Errorf("%s answered %d %s right after the sign-in", path, res.StatusCode, res.body)
		}
	}
	s.clock.move(freshFor + time.Minute)
	if res := s.send(t, http.MethodGet, "/ever/password", "", "Cookie", cookie); res.StatusCode != http.StatusOK {
		t.Errorf("in this session: %d %s", res.StatusCode, res.body)
	}
	factor := s.URL + "/api/auth/factor?"
	for name, row := range map[string]struct {
		method, path string
		header       []string
		status       int
		location     string // or HX-Redirect
		body         string
	}{
		"a page":                {http.MethodGet, "/fresh?a=1&b=2", []string{"Sec-Fetch-Mode", "navigate"}, 302, factor + "callbackUrl=%2Ffresh%3Fa%3D1%26b%3D2", ""},
		"a page by Accept":      {http.MethodGet, "/fresh/otp", []string{"Accept", "text/html"}, 302, factor + "methods=otp&callbackUrl=%2Ffresh%2Fotp", ""},
		"a form":                {http.MethodPost, "/fresh", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin", "Referer", s.URL + "/settings?tab=2"}, 303, factor + "resend=true&callbackUrl=%2Fsettings%3Ftab%3D2", ""},
		"a form of nowhere":     {http.MethodPost, "/fresh", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin", "Referer", "https://evil.example/x"}, 303, factor + "resend=true&callbackUrl=%2F", ""},
		"htmx":                  {http.MethodPost, "/fresh", []string{"HX-Request", "true", "HX-Current-URL", s.URL + "/list", "Sec-Fetch-Site", "same-origin"}, 401, factor + "resend=true&callbackUrl=%2Flist", `"FactorRequired"`},
		"a program":             {http.MethodGet, "/fresh", nil, 401, "", `"methods":["provider","password"]`},
		"a program, one method": {http.MethodGet, "/fresh/otp", []string{"Accept", "application/json"}, 401, "", `"methods":["otp"]`},
		"double slashes":        {http.MethodGet, "//fresh", []string{"Sec-Fetch-Mode", "navigate"}, 404, "", ""},
		"a foreign form":        {http.MethodPost, "/fresh", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403, "", "CrossOriginRequest"},
	} {
		res := s.send(t, row.method, row.path, "", append(row.header, "Cookie", cookie)...)
		location := res.Header.Get("Location") + res.Header.Get("HX-Redirect")
		if res.StatusCode != row.status || location != row.location || !strings.Contains(res.body, row.body) {
			t.Errorf("%s: %d to %q\n%s", name, res.StatusCode, location, res.body)
		}
		if row.status == 401 && res.Header.Get("HX-Redirect") == "" {
			if got := res.Header.Get("WWW-Authenticate"); got != `Bearer error="insufficient_user_authentication", max_age="300"` {
				t.Errorf("%s: WWW-Authenticate %s", name, got)
			}
			if !strings.Contains(res.body, `"error":"FactorRequired"`) || !strings.Contains(res.body, `"url":"`+factor) {
				t.Errorf("%s: %s", name, res.body)
			}
		}
		if !strings.Contains(res.Header.Get("Cache-Control"), "no-store") && row.status != 404 {
			t.Errorf("%s: Cache-Control %s", name, res.Header.Get("Cache-Control"))
		}
	}
	if res := s.send(t, http.MethodGet, "/fresh", "", "Sec-Fetch-Mode", "navigate"); !strings.Contains(res.Header.Get("Location"), "/api/auth/signin?") {
		t.Errorf("signed out: %d %s", res.StatusCode, res.Header.Get("Location"))
	}
}

// TestRequireFactor_Faults holds that a guard that could admit everybody, or nobody,
// refuses with 500, and that the log says so when it is made.
func TestRequireFactor_Faults(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	b := s.browser(t)
	b.signInAs("ada")
	for i, row := range []struct {
		guard gin.HandlerFunc
		says  string
	}{
		{s.auth.RequireFactor(0), "RequireFactor(0)"},
		{s.auth.RequireFactor(-time.Minute, ginauth.FactorPassword), "-1m0s"},
		{s.auth.RequireFactor(time.Minute, ginauth.FactorPassword, "pasword"), "pasword"},
	} {
		if !strings.Contains(s.log.String(), row.says) {
			t.Errorf("the log does not say %s: %s", row.says, s.log)
		}
		path := "/faulty/" + strconv.Itoa(i)
		s.engine.GET(path, row.guard, func(c *gin.Context) { t.Errorf("%s let somebody through", path) })
		if res := b.get(path); res.StatusCode != http.StatusInternalServerError || !strings.Contains(res.body, "Configuration") {
			t.Errorf("%s answered %d %s", path, res.StatusCode, res.body)
		}
	}
}

// TestRequireFactor_NotOffered holds that the log says when a guard is made that wants what
// its site does not offer, and nothing of one that somebody gets past.
func TestRequireFactor_NotOffered(t *testing.T) {
	t.Parallel()
	const warns = "only Auth.SignIn can give it"
	for _, row := range []struct {
		wants []ginauth.FactorMethod
		warns bool
	}{
		{nil, false},
		{[]ginauth.FactorMethod{ginauth.FactorPassword}, false},
		{[]ginauth.FactorMethod{ginauth.FactorOTP, ginauth.FactorProvider}, false},
		{[]ginauth.FactorMethod{ginauth.FactorOTP}, true},
		{[]ginauth.FactorMethod{ginauth.FactorPasskey, ginauth.FactorMail}, true},
	} {
		a := newApp(t, ginauth.Options{Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(newIDP(t, ginauthtest.Config{}), "first")}, members()}})
		a.auth.RequireFactor(time.Minute, row.wants...)
		if log := a.log.String(); strings.Contains(log, warns) != row.warns || row.warns && !strings.Contains(log, string(row.wants[0])) {
			t.Errorf("%v: the log says %s", row.wants, log)
		}
	}
	var log logBuffer
	reader, err := ginauth.New(ginauth.Options{Secret: testSecret, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	reader.RequireFactor(time.Minute, ginauth.FactorOTP) // the site that signs people in may offer it
	if strings.Contains(log.String(), warns) {
		t.Error(log.String())
	}
}

// TestRequireFactor_Bearer holds that the session of a bearer token, which no token of
// this site is behind, has no factors whatever it says of itself.
func TestRequireFactor_Bearer(t *testing.T) {
	t.Parallel()
	s := newSealedSite(t, ginauth.Options{})
	verify := func(*gin.Context, string) (*ginauth.Session, error) {
		return &ginauth.Session{User: ginauth.User{ID: "u-ada"}, Factors: []ginauth.Factor{{Method: ginauth.FactorPassword, At: time.Now()}}}, nil
	}
	s.engine.GET("/api", s.auth.AcceptBearer(verify), s.auth.RequireFactor(freshFor, ginauth.FactorPassword), func(*gin.Context) { t.Error("let through") })
	for _, accept := range []string{"*/*", "text/html"} {
		res := s.send(t, http.MethodGet, "/api", "", "Authorization", "Bearer key", "Accept", accept)
		if res.StatusCode != http.StatusUnauthorized || !strings.Contains(res.Header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
			t.Errorf("%s: %d %s", accept, res.StatusCode, res.body)
		}
	}
}

// TestFactor_ProvedAgain holds that a proof given again lets its person through where it
// was asked for, and leads back there, by every way.
func TestFactor_ProvedAgain(t *testing.T) {
	t.Parallel()
	for kept, open := range map[string]func() ginauth.SessionOptions{
		"sealed": func() ginauth.SessionOptions { return ginauth.SessionOptions{} },
		"in store": func() ginauth.SessionOptions {
			return ginauth.SessionOptions{Store: ginauth.GinStore(memstore.NewStore([]byte(testSecret)))}
		},
	} {
		t.Run(kept, func(t *testing.T) {
			t.Parallel()
			s := newFactorSite(t, ginauth.Options{Session: open()})
			for _, row := range []struct {
				method string
				signIn func(b *browser)
				again  func(b *browser, page string) answer
			}{
				{"provider", func(b *browser) { b.signInAt(s.idp, "first", "ada") }, func(b *browser, page string) answer {
					return b.get(as(t, s.idp, b.proves(page, "first", nil).Header.Get("Location"), "ada").String())
				}},
				{"password", func(b *browser) { b.signInAs("ada") }, func(b *browser, page string) answer {
					return b.proves(page, "credentials", adasForm())
				}},
				{"mail", func(b *browser) { b.press(s.asksFor(t, b, "mail@example.com")) }, func(b *browser, page string) answer {
					sent := b.proves(page, "email", nil)
					m := s.inbox.newest(t)
					if m.To != "mail@example.com" || len(m.Code) != 6 || m.URL != "" || !strings.Contains(m.Text, "signed in as you") {
						t.Errorf("mailed %v %q: %s", m, m.Code, m.Text)
					}
					typed := b.get(sent.Header.Get("Location"))
					action, fields := onlyForm(t, typed.body)
					fields.Set("code", other(m.Code))
					if wrong := b.post(action, fields); !strings.Contains(wrong.Header.Get("Location"), "error=VerificationCode") || !strings.Contains(b.get(wrong.Header.Get("Location")).body, "That is not the code") {
						t.Errorf("a wrong code leads to %s", wrong.Header.Get("Location"))
					}
					fields.Set("code", m.Code)
					return b.post(action, fields)
				}},
			} {
				b := s.browser(t)
				row.signIn(b)
				user, before := b.get("/me").body, b.factors()
				if methods(before) != row.method {
					t.Fatalf("signed in with %v", before)
				}
				s.clock.move(freshFor + time.Minute)
				page := b.asked(b.opens("/fresh/" + row.method + "?x=1"))
				row.again(b, page).leads(t, b, "/fresh/"+row.method+"?x=1")
				b.admits("/fresh/" + row.method)
				b.admits("/fresh")
				after := b.factors()
				if methods(after) != row.method || !after[0].At.After(before[0].At.Add(freshFor)) {
					t.Errorf("%s: factors %v, then %v", row.method, before, after)
				}
				if got := b.get("/me").body; user[:strings.Index(user, "expires")] != got[:strings.Index(got, "expires")] {
					t.Errorf("%s: the session is now %s", row.method, got)
				}
			}
		})
	}
}

// TestFactor_ProviderIsAskedAgain holds that an OpenID provider is told to ask, whatever
// the developer's parameters are.
func TestFactor_ProviderIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{}, ginauth.OAuth{AuthParams: url.Values{"prompt": {"none"}, "max_age": {"86400"}}})
	s.idp.TamperClaims(nil)
	b := s.browser(t)
	b.signInAt(s.idp, "second", "ada")
	page := s.URL + "/api/auth/factor?callbackUrl=%2Fme"
	if shown := b.get(page).body; strings.Contains(shown, "factor/first") {
		t.Error("a provider is offered at which the person has no account")
	}
	q := with(mustURL(t, b.proves(page, "second", nil).Header.Get("Location")))
	if u := mustURL(t, q); u.Query().Get("prompt") != "login" || u.Query().Get("max_age") != "0" {
		t.Errorf("the provider is asked by %s", q)
	}
	signedIn := s.db.add(t, ginauth.User{Name: "Grace"}, ginauth.Account{Provider: "first", Type: "oauth", ProviderAccountID: "grace"})
	if res := b.get("/enter?id=" + signedIn.ID); !res.signedIn() {
		t.Fatal(res.body)
	}
	u := mustURL(t, b.proves(page, "first", nil).Header.Get("Location"))
	if u.Query().Get("prompt") != "login" || u.Query().Get("max_age") != "0" {
		t.Errorf("AuthParams take precedence: %s", u)
	}
}

func mustURL(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestFactorPage holds what the page offers, and that it says so where it offers nothing.
func TestFactorPage(t *testing.T) {
	t.Parallel()
	s := newFactorSite(t, ginauth.Options{})
	const page = "/api/auth/factor?callbackUrl=%2Fme"
	if res := s.browser(t).get(page); !strings.HasSuffix(res.Header.Get("Location"), "/api/auth/signin?callbackUrl="+url.QueryEscape(s.URL+"/me")) {
		t.Errorf("signed out: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	b := s.browser(t)
	b.signInAs("ada")
	for _, row := range []struct {
		query    string
		has, not []string
	}{
		{"", []string{"Confirm that it is you", "factor/credentials", `type="password"`}, []string{"factor/first", "factor/email", "Sign out", "Send it again"}},
		{"&resend=true", []string{"Send it again afterwards"}, nil},
		{"&methods=otp", []string{"no way to give the proof", "/api/auth/signout?callbackUrl="}, []string{"factor/credentials"}},
		{"&methods=mail+provider", []string{"no way to give the proof"}, []string{"factor/credentials"}},
		{"&methods=otp+password", []string{`factor/credentials?methods=otp%20password`}, nil},
		{"&methods=%3Cscript%3E", []string{"factor/credentials"}, []string{"script"}},
		{"&error=OtherAccount", []string{"That was another account"}, nil},
		{"&error=Call+0900+123", []string{"We could not finish"}, []string{"0900"}},
		{"&csrf=true", []string{"did not show that it came from this site"}, nil},
	} {
		res := b.get(page + row.query)
		for _, text := range row.has {
			if !strings.Contains(res.body, text) {
				t.Errorf("%q lacks %q: %s", row.query, text, res.body)
			}
		}
		for _, text := range row.not {
			if strings.Contains(res.body, text) {
				t.Errorf("%q has %q", row.query, text)
			}
		}
		if !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("%q: Cache-Control %s", row.query, res.Header.Get("Cache-Control"))
		}
	}
	if res := b.post("/api/auth/factor/credentials", adasForm()); !strings.Contains(res.Header.Get("Location"), "/api/auth/factor?csrf=true") {
		t.Errorf("without a CSRF token: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	wrong := adasForm()
	wrong.Set("password", "guess")
	b.proves(s.URL+page, "credentials", wrong).unproved(t, "CredentialsSignin")
	if !strings.Contains(s.log.String(), "a proof of somebody who is signed in was refused") {
		t.Errorf("the log has %s", s.log)
	}
}

// TestTrustMFA_NeedsIDTokens holds that a service that says nothing of how people sign in
// cannot be trusted with it.
func TestTrustMFA_NeedsIDTokens(t *testing.T) {
	t.Parallel()
	plain := somebody()[0].(ginauth.OAuth)
	plain.TrustMFA = true
	_, err := ginauth.New(ginauth.Options{Secret: testSecret, Providers: []ginauth.Provider{plain}})
	if err == nil || !strings.Contains(err.Error(), "TrustMFA") {
		t.Errorf("a service without id_tokens: %v", err)
	}
	idp := newIDP(t, ginauthtest.Config{})
	if _, err := ginauth.New(ginauth.Options{Secret: testSecret, Providers: []ginauth.Provider{ginauth.OAuth{Provider: local(idp, "first"), TrustMFA: true}}}); err != nil {
		t.Error(err)
	}
}
