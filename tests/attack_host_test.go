package tests

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/cookie"
	"github.com/ginauth/ginauth/internal/urltest"
)

// namedSite is a site on https under a name of its own. Requests reach its engine
// without a network, so that the name need not exist.
type namedSite struct {
	*gin.Engine
	origin string
}

// newNamedSite serves /me behind a guard, and the auth routes.
func newNamedSite(t testing.TB, origin string, opts ginauth.Options) namedSite {
	t.Helper()
	s := namedSite{gin.New(), origin}
	opts.Secret, opts.Limits.Disabled = testSecret, true
	if opts.Providers == nil {
		opts.Providers = append(unused(), members())
	}
	if opts.BaseURL == "" && opts.TrustedHosts == nil {
		opts.BaseURL = origin
	}
	auth, err := ginauth.Register(s.Engine, opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Any("/me", auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c)) })
	return s
}

// send makes a request as a browser on the site does. header is name, value, name,
// value.
func (s namedSite) send(method, target, body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	_, req.Host, _ = strings.Cut(s.origin, "://")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header[header[i]] = append(req.Header[header[i]], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

const (
	secureCallbackURL = "__Secure-" + callbackURLCookie
	urlencoded        = "application/x-www-form-urlencoded"
)

// leads are the ways to tell the site where to go, each with the place that it then
// sends the browser to, or hands on.
var leads = map[string]func(s namedSite, target string) string{
	"body": func(s namedSite, target string) string {
		csrf, pair := csrfPair("__Host-" + csrfCookie)
		form := url.Values{"csrfToken": {csrf}, "callbackUrl": {target}}
		return s.send(http.MethodPost, "/api/auth/signout", form.Encode(), "Content-Type", urlencoded, "Cookie", pair).Header().Get("Location")
	},
	"JSON": func(s namedSite, target string) string {
		csrf, pair := csrfPair("__Host-" + csrfCookie)
		body, _ := json.Marshal(map[string]string{"csrfToken": csrf, "callbackUrl": target, "json": "true"})
		var out struct{ URL string }
		w := s.send(http.MethodPost, "/api/auth/signout", string(body), "Content-Type", "application/json", "Cookie", pair)
		_ = json.Unmarshal(w.Body.Bytes(), &out)
		return out.URL
	},
	"link": func(s namedSite, target string) string { // it is kept in a cookie until the sign-in ends
		w := s.send(http.MethodGet, "/api/auth/signin?callbackUrl="+url.QueryEscape(target), "")
		res := w.Result()
		for _, c := range res.Cookies() {
			if c.Name == secureCallbackURL {
				kept, _ := cookie.Unescape(c.Value)
				return kept
			}
		}
		return ""
	},
	"cookie": func(s namedSite, target string) string {
		csrf, pair := csrfPair("__Host-" + csrfCookie)
		kept := secureCallbackURL + "=" + cookie.Escape(target)
		return s.send(http.MethodPost, "/api/auth/signout", url.Values{"csrfToken": {csrf}}.Encode(), "Content-Type", urlencoded, "Cookie", pair+"; "+kept).Header().Get("Location")
	},
	"htmx": func(s namedSite, target string) string {
		csrf, pair := csrfPair("__Host-" + csrfCookie)
		form := url.Values{"csrfToken": {csrf}, "callbackUrl": {target}}
		return s.send(http.MethodPost, "/api/auth/signout", form.Encode(), "Content-Type", urlencoded, "Cookie", pair, "Hx-Request", "true").Header().Get("Hx-Redirect")
	},
}

// backs are the headers that say on which page somebody was who has to sign in
// first; what comes back is that page as the sign-in page is told it.
var backs = map[string]func(s namedSite, page string) string{
	"Referer": func(s namedSite, page string) string {
		w := s.send(http.MethodPost, "/me", "", "Accept", "text/html", "Referer", page)
		return callbackOf(w.Header().Get("Location"))
	},
	"HX-Current-URL": func(s namedSite, page string) string {
		w := s.send(http.MethodGet, "/me", "", "Hx-Request", "true", "Hx-Current-Url", page)
		return callbackOf(w.Header().Get("Hx-Redirect"))
	},
}

func callbackOf(signIn string) string {
	u, err := url.Parse(signIn)
	if err != nil {
		return err.Error()
	}
	return u.Query().Get("callbackUrl")
}

// lookalikes are hosts that some program takes for kiss-site.example.com. A browser
// does so with those that are ours.
var lookalikes = []struct {
	name, host string
	ours       bool
}{
	{"I with a dot", "kİss-site.example.com", false},
	{"I with a dot, elsewhere", "kiss-sİte.example.com", false},
	{"I with a dot, percent-encoded", "kiss-s%C4%B0te.example.com", false},
	{"dotless i", "kıss-site.example.com", false},
	{"Kelvin sign", "\u212aiss-site.example.com", true},
	{"long s", "ki\u017f\u017f-\u017fite.example.com", true},
	{"sharp s", "kiß-site.example.com", false},
	{"capital sharp s", "kiẞ-site.example.com", false},
	{"full width", "ｋｉｓｓ-ｓｉｔｅ.example.com", true},
	{"full-width dots", "kiss-site．example．com", true},
	{"ideographic full stop", "kiss-site\u3002example\u3002com", true},
	{"half-width ideographic full stop", "kiss-site\uff61example.com", true},
	{"ideographic full stop before another name", "kiss-site.example.com\u3002evil.example", false},
	{"soft hyphen", "kiss\u00ad-site.example.com", true},
	{"zero-width joiner", "kiss\u200d-site.example.com", false},
	{"zero-width non-joiner", "kiss\u200c-site.example.com", false},
	{"zero-width space", "kiss\u200b-site.example.com", true},
	{"combining dot", "ki\u0307ss-site.example.com", false},
	{"Cyrillic", "kiss-site.ex\u0430mple.com", false},
	{"punycode of ASCII alone", "xn--kiss-site-.example.com", false},
	{"percent-encoded", "%6biss-site%2Eexample.com", true},
	{"upper case", "KISS-SITE.EXAMPLE.COM", true},
	{"its port", "kiss-site.example.com:0443", true},
	{"full-width slash", "kiss-site.example.com\uff0fevil.example", false},
	{"full-width at", "kiss-site.example.com\uff20evil.example", false},
	{"full-width colon", "kiss-site.example.com\uff1a443", false},
	{"trailing dot", "kiss-site.example.com.", false},
}

func TestAttack01_LookalikeHost(t *testing.T) {
	t.Parallel()
	const site = "https://kiss-site.example.com"
	s := newNamedSite(t, site, ginauth.Options{})
	for _, row := range lookalikes {
		target, want, back := "https://"+row.host+"/x?y#z", site, "/"
		if row.ours {
			want, back = site+"/x?y#z", "/x?y"
		}
		for way, lead := range leads {
			if got := lead(s, target); got != want {
				t.Errorf("%s in the %s leads to %q, want %q", row.name, way, got, want)
			}
		}
		for way, lead := range backs {
			if got := lead(s, target); got != back {
				t.Errorf("%s in %s leads back to %q, want %q", row.name, way, got, back)
			}
		}
	}
}

// A site whose name has letters beyond ASCII: browsers send it in punycode.
func TestHosts_International(t *testing.T) {
	t.Parallel()
	const punycode = "https://xn--mnchen-3ya.example"
	more := ginauth.Options{
		TrustedOrigins: []string{"https://Bücher.example"}, AllowedRedirects: []string{"https://straße.example:8443"},
		Cookies: ginauth.CookieOptions{Domain: "münchen.example"}, Pages: ginauth.Pages{Error: "https://Bücher.example/oops"},
	}
	fixed, listed := more, more
	fixed.BaseURL = "https://München.example"
	listed.TrustedHosts = []string{"münchen.example", "*.Köln.example"}
	for name, opts := range map[string]ginauth.Options{"BaseURL": fixed, "TrustedHosts": listed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := punycode
			if opts.BaseURL == "" {
				origin = "http://xn--mnchen-3ya.example" // no TLS in front of it
			}
			s := newNamedSite(t, origin, opts)
			secure := strings.HasPrefix(origin, "https:")
			csrf, pair := csrfPair(csrfCookie)
			if secure {
				csrf, pair = csrfPair("__Host-" + csrfCookie)
			}
			signIn := url.Values{"csrfToken": {csrf}, "username": {"ada"}, "password": {adasPassword}}
			enter := func(from, to string) *httptest.ResponseRecorder {
				signIn.Set("callbackUrl", to)
				return s.send(http.MethodPost, "/api/auth/callback/credentials", signIn.Encode(), "Content-Type", urlencoded, "Cookie", pair, "Origin", from)
			}
			for to, want := range map[string]string{
				origin + "/a": origin + "/a", strings.Replace(origin, "xn--mnchen-3ya", "MÜNCHEN", 1) + "/b": origin + "/b", "/c": origin + "/c",
				"https://straße.example:8443/d": "https://xn--strae-oqa.example:8443/d", "https://xn--strae-oqa.example:8443/d": "https://xn--strae-oqa.example:8443/d",
				"https://strasse.example:8443/e": origin, "https://munchen.example/f": origin, "https://xn--kln-sna.example/": origin,
			} {
				if got := enter(origin, to).Header().Get("Location"); got != want {
					t.Errorf("%s leads to %s, want %s", to, got, want)
				}
			}
			var session string
			for from, in := range map[string]bool{origin: true, "https://xn--bcher-kva.example": true, "https://bucher.example": false, "https://xn--strae-oqa.example:8443": false, "null": false} {
				res := enter(from, "/").Result()
				set := setCookies(answer{res, ""})[cookieName(secure, "session-token")]
				if (set != nil) != in {
					t.Errorf("a form of %s signs in: %v", from, set != nil)
				}
				if set != nil {
					if session = set.Name + "=" + set.Value; set.Domain != "xn--mnchen-3ya.example" {
						t.Errorf("the cookie is for %q", set.Domain)
					}
				}
			}
			for from, status := range map[string]int{origin: 200, "https://xn--bcher-kva.example": 200, "https://evil.example": 403} {
				if w := s.send(http.MethodPost, "/me", "", "Cookie", session, "Origin", from); w.Code != status {
					t.Errorf("a request of %s: %d", from, w.Code)
				}
			}
			page := s.send(http.MethodGet, "/api/auth/signin", "").Body.String()
			if !strings.Contains(page, "münchen.example") || !strings.Contains(page, origin+"/api/auth/signin/local") {
				t.Errorf("the page names no münchen.example, or no address in ASCII: %s", page)
			}
			if got := s.send(http.MethodGet, "/api/auth/error?error=AccessDenied", "").Header().Get("Location"); got != "https://xn--bcher-kva.example/oops?error=AccessDenied" {
				t.Errorf("the error page is at %s", got)
			}
			if opts.BaseURL != "" {
				return
			}
			for host, status := range map[string]int{"xn--mnchen-3ya.example": 200, "a.xn--kln-sna.example": 200, "a.koln.example": 400, "xn--kln-sna.example": 400, "localhost": 400, "127.0.0.1": 400} {
				if w := (namedSite{s.Engine, "http://" + host}).send(http.MethodGet, "/api/auth/session", ""); w.Code != status {
					t.Errorf("%s: %d", host, w.Code)
				}
			}
		})
	}
}

// cookieName is the name of a cookie of ours on a site on https or http.
func cookieName(secure bool, name string) string {
	if secure {
		return "__Secure-next-auth." + name
	}
	return "next-auth." + name
}

// Wherever the auth routes and guards send a browser, by Node.js's reading it stays
// on the site or goes to an allowed origin: straight away, and as a script or a
// page of the application resolves what it is told.
func TestAttack01_BrowserAgrees(t *testing.T) {
	t.Parallel()
	const site = "https://kiss-site.example.com"
	opts := ginauth.Options{AllowedRedirects: []string{elsewhere, "https://straße.example:8443"}}
	good := []string{site, elsewhere, "https://xn--strae-oqa.example:8443"}
	own := opts
	own.Pages.SignIn = "/login"
	careless := opts
	careless.Callbacks.Redirect = func(_ *gin.Context, asked, _ string) string { return asked }
	all := []namedSite{newNamedSite(t, site, opts), newNamedSite(t, site, own), newNamedSite(t, site, careless)}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	g, node := urltest.NewGrammar(seed, "kiss-site.example.com", "kiss-site.example.com", "straße.example", "www.example.com"), urltest.New(t)

	ways := maps.Clone(leads)
	maps.Copy(ways, backs)
	names := slices.Sorted(maps.Keys(ways))
	led, begun := 0, time.Now()
	for asked := 0; asked < 30_000 && time.Since(begun) < 15*time.Second && !t.Failed(); asked += 500 {
		var texts, of []string
		var questions []urltest.Question
		for range 500 {
			s, way, text := all[g.IntN(len(all))], names[g.IntN(len(names))], g.URL()
			if backs[way] != nil {
				text = strings.Map(inHeader, text)
			}
			got := ways[way](s, text)
			if got == "" || strings.HasPrefix(got, "parse ") {
				t.Errorf("%q in the %s leads to %q", text, way, got)
			}
			if got != site && got != "/" {
				led++
			}
			texts, of = append(texts, text), append(of, way)
			questions = append(questions, urltest.Question{URL: got, Base: site + "/login/here?a=b"})
		}
		for i, a := range node.Ask(questions) {
			if !slices.Contains(good, a.Origin) || a.User || backs[of[i]] != nil && a.Origin != site {
				t.Errorf("%q in the %s leads to %q, which is %+v", texts[i], of[i], questions[i].URL, a)
			}
		}
	}
	t.Logf("%d led on, in %v", led, time.Since(begun))
	if led < 500 {
		t.Error("too few of the texts tell anything")
	}
}

// A browser writes X-Forwarded-Prefix itself. Nobody believes it without the option, and
// with it only from a trusted proxy, and only a plain path of this site.
func TestAttack29_RequestChoosesPrefix(t *testing.T) {
	t.Parallel()
	local, far := loopbackProxies, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, row := range []struct {
		name     string
		believes bool
		proxies  []netip.Prefix
		sent     string
		want     string
	}{
		{"without the option", false, local, "/evil", ""},
		{"from a stranger", true, far, "/evil", ""},
		{"another host", true, local, "//evil.example", ""},
		{"another site", true, local, "https://evil.example", ""},
		{"a script", true, local, `/"><script>x()</script>`, ""},
		{"climbs out", true, local, "/../../evil", ""},
		{"from the proxy", true, local, "/shop", "/shop"},
	} {
		a := newApp(t, ginauth.Options{
			Providers: somebody(), BaseURL: "https://app.example.com", TrustedProxies: row.proxies, Pages: ginauth.Pages{TrustForwardedPrefix: row.believes},
		})
		page := a.send(t, http.MethodGet, "/api/auth/signin", "", "X-Forwarded-Prefix", row.sent)
		if !strings.Contains(page.body, `action="https://app.example.com`+row.want+`/api/auth/signin/github"`) || strings.Contains(page.body, "evil") {
			t.Errorf("%s: %.2000s", row.name, page.body)
		}
		guarded := a.send(t, http.MethodGet, "/me", "", "X-Forwarded-Prefix", row.sent, "Accept", "text/html")
		if got := guarded.Header.Get("Location"); !strings.HasPrefix(got, "https://app.example.com"+row.want+"/api/auth/signin?callbackUrl=") || strings.Contains(got, "evil") {
			t.Errorf("%s: %s", row.name, got)
		}
	}
}
