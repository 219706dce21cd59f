package tests

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

func TestAttack01_OpenRedirect(t *testing.T) {
	t.Parallel()
	plain := newApp(t, ginauth.Options{Providers: unused(), AllowedRedirects: []string{elsewhere}})
	// This callback takes whatever it is asked for, and one of its own making.
	careless := newApp(t, ginauth.Options{
		Providers: unused(), AllowedRedirects: []string{elsewhere},
		Callbacks: ginauth.Callbacks{Redirect: func(_ *gin.Context, asked, _ string) string {
			if asked == "/own" {
				return "https://evil.example/own"
			}
			return asked
		}},
	})
	for way, lead := range signOutTo {
		for name, a := range map[string]*app{way: plain, way + " through Callbacks.Redirect": careless} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, stray := range straysOf(a) {
					if got := lead(t, a, stray); !stays(got, a.URL) {
						t.Errorf("%q leads to %q", stray, got)
					}
				}
				for wish, want := range map[string]string{
					"/dash?x=1#h": a.URL + "/dash?x=1#h", a.URL + "/dash": a.URL + "/dash", elsewhere + "/a": elsewhere + "/a",
				} {
					if got := lead(t, a, wish); got != want {
						t.Errorf("%q leads to %q, want %q", wish, got, want)
					}
				}
			})
		}
	}
	t.Run("made by Callbacks.Redirect", func(t *testing.T) {
		t.Parallel()
		if got := signOutTo["body"](t, careless, "/own"); got != careless.URL {
			t.Errorf("leads to %q", got)
		}
	})
	t.Run("Referer", func(t *testing.T) {
		t.Parallel()
		for _, stray := range straysOf(plain) {
			stray = strings.Map(inHeader, stray)
			for _, header := range [][]string{
				{"Referer", stray, "Accept", "text/html"},
				{"HX-Request", "true", "HX-Current-URL", stray},
			} {
				res := plain.form(t, "/me", nil, header...)
				location := res.Header.Get("Location") + res.Header.Get("Hx-Redirect")
				u, err := url.Parse(location)
				if err != nil || !stays(location, plain.URL) {
					t.Fatalf("%s %q leads to %q", header[0], stray, location)
				}
				if back := u.Query().Get("callbackUrl"); !strings.HasPrefix(back, "/") {
					t.Errorf("%s %q comes back to %q", header[0], stray, back)
				}
			}
		}
	})
}

func TestAttack02_MalformedCallbackURL(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	for _, malformed := range []string{
		"", "%", "%zz", "http://%zz", "http://[", "http://[::1", "http://a b/", "://", ":", `\`, "\x00", "\xff", "http://\x7f/",
		"dashboard", "javascript:", strings.Repeat("a", 4096), a.URL + "/" + strings.Repeat("a", 4096), "http://" + strings.Repeat("[", 1000),
	} {
		for way, lead := range signOutTo {
			if got := lead(t, a, malformed); got != a.URL {
				t.Errorf("%.40q in the %s leads to %q, want the site itself", malformed, way, got)
			}
		}
	}
	csrfToken, pair := csrfPair(csrfCookie)
	for name, header := range map[string][]string{
		"an escape that is none": {"Cookie", pair + "; " + callbackURLCookie + "=%zz%"},
		"two cookies":            {"Cookie", pair + "; " + callbackURLCookie + "=%2Fa; " + callbackURLCookie + "=%2Fb"},
	} {
		res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, header...)
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != a.URL {
			t.Errorf("%s: %d to %q", name, res.StatusCode, got)
		}
	}
	for name, body := range map[string]string{
		"a number": `7`, "null": `null`, "a list": `["https://evil.example"]`, "an object": `{"href":"https://evil.example"}`,
	} {
		res := a.send(t, http.MethodPost, "/api/auth/signout", `{"csrfToken":"`+csrfToken+`","callbackUrl":`+body+`}`,
			"Cookie", pair, "Content-Type", "application/json")
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != a.URL {
			t.Errorf("%s: %d to %q", name, res.StatusCode, got)
		}
	}
	res := a.form(t, "/api/auth/signout?callbackUrl=/a&callbackUrl=/b", url.Values{"csrfToken": {csrfToken}}, "Cookie", pair)
	if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != a.URL {
		t.Errorf("two in the query: %d to %q", res.StatusCode, got)
	}
}

func FuzzCallbackURL(f *testing.F) {
	const site = "https://app.example.com"
	engine := gin.New()
	if _, err := ginauth.Register(engine, ginauth.Options{
		Providers: unused(), Secret: testSecret, BaseURL: site, AllowedRedirects: []string{elsewhere},
	}); err != nil {
		f.Fatal(err)
	}
	for _, s := range strays {
		f.Add(strings.NewReplacer("{o}", site, "{h}", "app.example.com").Replace(s))
	}
	f.Add("/dash?x=1#h")
	f.Add("%2Fa%zz")
	csrfToken, pair := csrfPair("__Host-" + csrfCookie)
	const kept = "__Secure-" + callbackURLCookie + "="
	f.Fuzz(func(t *testing.T, s string) {
		for _, way := range []struct{ query, field, cookie string }{
			{query: "?callbackUrl=" + url.QueryEscape(s)},
			{query: "?callbackUrl=" + strings.Map(inRequestLine, s)},
			{field: s},
			{cookie: kept + url.PathEscape(s)},
			{cookie: kept + s},
		} {
			form := url.Values{"csrfToken": {csrfToken}}
			if way.field != "" {
				form.Set("callbackUrl", way.field)
			}
			req := httptest.NewRequest(http.MethodPost, "/api/auth/signout"+way.query, strings.NewReader(form.Encode()))
			req.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
			req.Header["Cookie"] = []string{pair + "; " + way.cookie}
			w := httptest.NewRecorder()
			engine.ServeHTTP(w, req)
			if location := w.Header().Get("Location"); w.Code != http.StatusFound || !stays(location, site, elsewhere) {
				t.Fatalf("%+v: %d to %q", way, w.Code, location)
			}
			for _, line := range w.Header()["Set-Cookie"] {
				if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Fatalf("%+v: Set-Cookie: %q", way, line)
				}
			}
		}
	})
}

// inRequestLine drops what would end a request's target.
func inRequestLine(r rune) rune {
	if r <= ' ' || r >= 0x7f || r == '#' {
		return -1
	}
	return r
}

// inHeader drops what no client can send in a header field.
func inHeader(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func TestAttack32_GETRedirects(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Pages:     ginauth.Pages{SignIn: "/login", SignOut: "/bye", Error: "/oops"},
	})
	for _, stray := range straysOf(a) {
		q := "callbackUrl=" + url.QueryEscape(stray)
		for _, path := range []string{
			"/api/auth/signin?" + q, "/api/auth/signin/local?" + q, "/api/auth/signout?" + q, "/api/auth/error?error=Callback&" + q,
			"/api/auth/error?error=AccessDenied&" + q, "/api/auth/callback/local?error=access_denied&" + q, "/api/auth/callback/local?" + q, "/me?" + q,
		} {
			res := a.send(t, http.MethodGet, path, "", "Accept", "text/html")
			location := res.Header.Get("Location")
			if res.StatusCode != http.StatusFound || !stays(a.URL+strings.TrimPrefix(location, a.URL), a.URL) {
				t.Fatalf("GET %s answered %d and leads to %q", path, res.StatusCode, location)
			}
			u, err := url.Parse(location)
			if err != nil {
				t.Fatal(err)
			}
			if next := u.Query().Get("callbackUrl"); next != "" && !strings.HasPrefix(next, "/me?") && !strings.HasPrefix(next, a.URL) {
				t.Errorf("GET %s hands %q on", path, next)
			}
		}
	}

	t.Run("the end of a sign-in", func(t *testing.T) {
		t.Parallel()
		for _, stray := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "javascript:alert(1)"} {
			b := a.browser(t)
			callback := approve(t, idp, b.begin("local", stray))
			q := callback.Query()
			q.Set("callbackUrl", stray)
			callback.RawQuery = q.Encode()
			res := b.get(callback.String())
			if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !stays(got, a.URL) {
				t.Errorf("%q: %d to %q", stray, res.StatusCode, got)
			}
			if b.user() != "ada@example.com" {
				t.Errorf("%q: nobody was signed in", stray)
			}
		}
	})
}

func TestAttack50_CallbackURLWithParameters(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused(), Pages: ginauth.Pages{SignIn: "/login?tenant=1#top"}})
	for _, target := range []string{
		"/a?next=//evil.example", "/a#//evil.example", "/a?callbackUrl=https://evil.example&error=AccessDenied&csrfToken=x#f",
		"/a%23?b=%26error%3Dx&tenant=2", "/a;b?c=d%0d%0ae", "/a?x=1&x=2#?error=y",
	} {
		for way, lead := range signOutTo {
			if got := lead(t, a, target); got != a.URL+target {
				t.Errorf("%q in the %s leads to %q", target, way, got)
			}
		}
		page := "/api/auth/signin?callbackUrl=" + url.QueryEscape(target)
		location := a.send(t, http.MethodGet, page, "").Header.Get("Location")
		onlyOurs(t, location, a.URL+target)

		if path, _, _ := strings.Cut(target, "#"); strings.HasPrefix(path, "/a?") {
			guarded := "/me" + strings.TrimPrefix(path, "/a")
			location := a.send(t, http.MethodGet, guarded, "", "Accept", "text/html").Header.Get("Location")
			onlyOurs(t, location, guarded)
		}
	}
}

// onlyOurs checks that a redirect to the page /login?tenant=1#top hands on this
// callback URL and nothing that stood in it as a parameter of its own.
func onlyOurs(t *testing.T, location, callbackURL string) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/login" || u.Fragment != "top" || len(q) != 2 || len(q["tenant"]) != 1 || q.Get("tenant") != "1" ||
		len(q["callbackUrl"]) != 1 || q.Get("callbackUrl") != callbackURL {
		t.Errorf("%q is handed on as %q", callbackURL, location)
	}
}

func TestAttack41_ReflectedProviderError(t *testing.T) {
	t.Parallel()
	const script = `"><script>alert(1)</script>`
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local"))})
	for _, row := range []struct {
		name, code   string
		ours         bool // the answer is to a sign-in of this browser
		want, logged string
	}{
		{"script as the code", "invalid_scope" + script, true, "Callback", "code=invalid_scopescriptalert1script"},
		{"script as the description", "server_error", true, "Callback", "code=server_error"},
		{"refused by the person", "access_denied", true, "AccessDenied", "code=access_denied"},
		{"a link that somebody made", "made_up" + script, false, "Callback", ""},
		{"a link that says access denied", "access_denied", false, "AccessDenied", ""},
	} {
		b := a.browser(t)
		q := url.Values{"error": {row.code}, "error_description": {script}, "error_uri": {"https://evil.example/" + script}}
		if row.ours {
			callback, err := idp.Cancel(t.Context(), b.begin("local", "/"))
			if err != nil {
				t.Fatal(err)
			}
			q.Set("state", callback.Query().Get("state"))
		}
		before := len(a.log.String())
		res := b.get("/api/auth/callback/local?" + q.Encode())
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusFound || got != a.URL+"/api/auth/error?error="+row.want {
			t.Errorf("%s: %d to %q", row.name, res.StatusCode, got)
		}
		log := a.log.String()[before:]
		if strings.Contains(log, "made_up") || strings.ContainsAny(log, "<>") || row.logged != "" && !strings.Contains(log, row.logged) {
			t.Errorf("%s: the log says %q", row.name, log)
		}
		for location := res.Header.Get("Location"); location != ""; location = res.Header.Get("Location") {
			if res = b.get(location); strings.Contains(res.body, "alert(1)") {
				t.Errorf("%s: the page repeats the error: %s", row.name, res.body)
			}
		}
	}
	for _, path := range []string{"/api/auth/error?error=", "/api/auth/signin?error="} {
		res := a.send(t, http.MethodGet, path+url.QueryEscape(script), "")
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || strings.Contains(res.body, "alert(1)") {
			t.Errorf("GET %s with script answers %s", path, res.body)
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("GET %s has the policy %q", path, policy)
		}
	}
}

func TestAttack51_HeaderInjection(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{
		Providers: ginauth.Goth(local(idp, "local")),
		Pages:     ginauth.Pages{Error: "/oops"},
		Callbacks: ginauth.Callbacks{SignIn: func(c *gin.Context, _ ginauth.SignInParams) error {
			if to, ok := c.GetQuery("to"); ok {
				return ginauth.RedirectTo("/next" + to)
			}
			return ginauth.PublicError(c.Query("text"))
		}},
	})
	csrfToken, pair := csrfPair(csrfCookie)
	for _, breaks := range []string{"\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\u0085", "\v\f", "\xff\r\n", "%0d%0a"} {
		hostile := breaks + "X-Injected: 1" + breaks + breaks + "<script>alert(1)</script>"
		q := url.QueryEscape(hostile)
		answers := map[string]answer{
			"callbackUrl": a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}, "callbackUrl": {"/a" + hostile}}, "Cookie", pair),
			"a provider":  a.form(t, "/api/auth/signin/"+url.PathEscape(hostile), url.Values{"csrfToken": {csrfToken}}, "Cookie", pair),
			"a callback":  a.send(t, http.MethodGet, "/api/auth/callback/"+url.PathEscape(hostile), ""),
			"an action":   a.send(t, http.MethodGet, "/api/auth/"+url.PathEscape(hostile), ""),
			"an error":    a.send(t, http.MethodGet, "/api/auth/error?error="+q, ""),
			"a guard":     a.send(t, http.MethodGet, "/me?"+q, "", "Accept", "text/html"),
			"htmx": a.send(t, http.MethodGet, "/me", "", "Hx-Request", "true",
				"Hx-Current-Url", a.URL+"/"+strings.Map(inHeader, hostile)),
		}
		for name, parameter := range map[string]string{"RedirectTo": "&to=", "PublicError": "&text="} {
			b := a.browser(t)
			answers[name] = b.get(approve(t, idp, b.begin("local", "/")).String() + parameter + q)
			if answers[name].StatusCode != http.StatusFound {
				t.Errorf("%s with %q answered %d", name, breaks, answers[name].StatusCode)
			}
		}
		for name, res := range answers {
			if res.Header.Get("X-Injected") != "" || strings.Contains(res.body, "<script") {
				t.Errorf("%s with %q: %v %s", name, breaks, res.Header, res.body)
			}
			for _, field := range []string{"Location", "Hx-Redirect", "Set-Cookie"} {
				for _, value := range res.Header[field] {
					printable := strings.Map(func(r rune) rune {
						if r < ' ' || r > '~' || field != "Set-Cookie" && r == ' ' {
							return -1
						}
						return r
					}, value)
					if printable != value {
						t.Errorf("%s with %q: %s: %q", name, breaks, field, value)
					}
				}
			}
		}
	}
}
