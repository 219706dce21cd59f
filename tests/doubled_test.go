package tests

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	"golang.org/x/net/publicsuffix"

	"github.com/ginauth/ginauth"
)

// A deployment is one configuration of a site, which takes the place of the one
// before. Its browsers keep net/http/cookiejar's rules, not ours.
type deployment struct {
	t       *testing.T
	origin  string
	handler atomic.Pointer[gin.Engine]
	auth    *ginauth.Auth
	addr    string
	log     *logBuffer
}

func newDeployment(t *testing.T, origin string) *deployment {
	d := &deployment{t: t, origin: origin, log: &logBuffer{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { d.handler.Load().ServeHTTP(w, req) }))
	t.Cleanup(server.Close)
	d.addr = server.Listener.Addr().String()
	return d
}

// as takes the former configuration away and another in use.
func (d *deployment) as(opts ginauth.Options) {
	d.t.Helper()
	opts.Secret, opts.BaseURL, opts.Logger = testSecret, d.origin, d.log.logger()
	opts.Providers = []ginauth.Provider{members()}
	engine := gin.New()
	var err error
	if d.auth, err = ginauth.Register(engine, opts); err != nil {
		d.t.Fatal(err)
	}
	engine.GET("/me", d.auth.RequireSession(), func(c *gin.Context) { c.JSON(http.StatusOK, ginauth.GetSession(c)) })
	d.handler.Store(engine)
}

func (d *deployment) browser() *browser {
	d.t.Helper()
	jar, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		d.t.Fatal(err)
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", d.addr)
	}
	return &browser{d.t, &app{Server: &httptest.Server{URL: d.origin}}, &http.Client{
		Jar: jar, Transport: &http.Transport{DialContext: dial},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// enter signs Ada in with her password.
func (b *browser) enter() {
	b.t.Helper()
	res := b.post("/api/auth/callback/credentials", url.Values{"csrfToken": {b.csrf()}, "username": {"ada"}, "password": {adasPassword}})
	if !strings.HasPrefix(res.Header.Get("Location"), b.app.URL) || strings.Contains(res.Header.Get("Location"), "error") {
		b.t.Fatalf("answered %d and leads to %s", res.StatusCode, res.Header.Get("Location"))
	}
}

func (b *browser) leave() answer {
	b.t.Helper()
	return b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
}

// sessionCookies counts the session cookies that the browser sends.
func (b *browser) sessionCookies() (n int) {
	for _, c := range b.cookies() {
		if strings.HasPrefix(c.Name, sessionCookie) {
			n++
		}
	}
	return n
}

// A site that changes Cookies.Domain leaves people with cookies of the former one. They
// can go on, sign in and sign out, and end with one session or none.
func TestDoubled_DomainChanged(t *testing.T) {
	t.Parallel()
	const site = "http://app.eu.site.co.uk"
	for _, domains := range [][]string{
		{"site.co.uk", ""}, {"", "site.co.uk"}, {"eu.site.co.uk", "site.co.uk"}, {"site.co.uk", "eu.site.co.uk"},
		{"app.eu.site.co.uk", ""}, {"site.co.uk", "", "site.co.uk"}, {"", "site.co.uk", "eu.site.co.uk", ""},
	} {
		for _, size := range []int{0, 5000, 9000} {
			for _, kept := range []string{"sealed", "stored", "sealed again each time"} {
				if kept == "stored" && size > 0 {
					continue
				}
				t.Run(fmt.Sprintf("%q/%d bytes/%s", domains, size, kept), func(t *testing.T) {
					t.Parallel()
					d := newDeployment(t, site)
					store := ginauth.GinStore(memstore.NewStore([]byte(testSecret)))
					deploy := func(domain string) {
						opts := ginauth.Options{Cookies: ginauth.CookieOptions{Domain: domain}}
						opts.Callbacks.JWT = func(_ *gin.Context, p ginauth.JWTParams) error {
							p.Token.Claims["pad"] = strings.Repeat("p", size)
							return nil
						}
						switch kept {
						case "stored":
							opts.Session.Store = store
						case "sealed again each time":
							opts.Session.UpdateAge = -1
						}
						d.as(opts)
					}
					for _, story := range []struct {
						name  string
						steps func(b *browser)
					}{
						{"sign out at once", func(*browser) {}},
						{"go on, then sign out", func(b *browser) {
							for range 2 {
								if got := b.user(); got != "ada@example.com" {
									t.Errorf("signed in is %q", got)
								}
								if res := b.get("/me"); res.StatusCode != http.StatusOK {
									t.Errorf("/me answers %d", res.StatusCode)
								}
							}
						}},
						{"sign in again, then sign out", func(b *browser) {
							b.enter()
							if got := b.user(); got != "ada@example.com" {
								t.Errorf("signed in again is %q", got)
							}
							if res := b.get("/me"); res.StatusCode != http.StatusOK {
								t.Errorf("signed in again, /me answers %d", res.StatusCode)
							}
						}},
					} {
						deploy(domains[0])
						b := d.browser()
						b.enter()
						for _, domain := range domains[1:] {
							deploy(domain)
							story.steps(b)
						}
						b.leave()
						if res := b.get("/me"); res.StatusCode != http.StatusUnauthorized {
							t.Errorf("%s: signed out, /me answers %d", story.name, res.StatusCode)
						}
						if n := b.sessionCookies(); n != 0 {
							t.Errorf("%s: signed out, %d session cookies are left", story.name, n)
						}
						b.enter()
						if got := b.user(); got != "ada@example.com" {
							t.Errorf("%s: signed in at last is %q", story.name, got)
						}
					}
				})
			}
		}
	}
}

// Of several values the one that opens is believed, and of one session the newest.
// Signing out ends every one of them.
func TestDoubled_WhichIsBelieved(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	now := time.Now()
	sealed := func(email, sid string, age time.Duration, mark string) string {
		return sessionFor(t, email, map[string]any{"ginauth_sid": sid, "iat": now.Add(-age).Unix(), "name": mark})
	}
	name := func(pairs ...string) string {
		var out struct{ User struct{ Name string } }
		res := a.send(t, http.MethodGet, "/me", "", "Cookie", strings.Join(pairs, "; "))
		if res.StatusCode == http.StatusOK {
			decode(t, res.body, &out)
		}
		return out.User.Name
	}
	n := sessionCookie + "="
	older, newer := n+sealed("ada@example.com", "s1", time.Hour, "older"), n+sealed("ada@example.com", "s1", time.Minute, "newer")
	other := n + sealed("ada@example.com", "s2", 0, "other")
	expired := n + sessionFor(t, "ada@example.com", map[string]any{"exp": now.Add(-time.Hour).Unix()})
	for _, row := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"two of one session", []string{older, newer}, "newer"},
		{"the other way", []string{newer, older}, "newer"},
		{"three of one session", []string{older, newer, older}, "newer"},
		{"another of the same person", []string{newer, other}, ""},
		{"two of one session and another", []string{older, newer, other}, ""},
		{"an expired one", []string{expired, older}, "older"},
		{"two expired ones", []string{expired, expired}, ""},
	} {
		if got := name(row.pairs...); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
	if n := strings.Count(a.log.String(), "several session cookies of one name"); n != 1 {
		t.Errorf("the log says it %d times: %s", n, a.log)
	}
	if log := a.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, "cookie="+sessionCookie) || !strings.Contains(log, "Cookies.Domain") || strings.Contains(log, older[len(n)+30:len(n)+60]) {
		t.Errorf("the log says %s", log)
	}
}

func TestAttack15_SignOutOfSeveral(t *testing.T) {
	t.Parallel()
	var out []string
	revocations := ginauth.MemoryRevocations()
	a := newApp(t, ginauth.Options{
		Providers: unused(), Session: ginauth.SessionOptions{Revocations: revocations},
		Events: ginauth.Events{SignOut: func(_ *gin.Context, e ginauth.SignOutEvent) { out = append(out, e.Token.Email) }},
	})
	ada := sessionFor(t, "ada@example.com", map[string]any{"ginauth_sid": "a", "iat": time.Now().Unix() - 9})
	adas := sessionFor(t, "ada@example.com", map[string]any{"ginauth_sid": "a"})
	grace := sessionFor(t, "grace@example.com", map[string]any{"ginauth_sid": "g"})
	csrfToken, pair := csrfPair(csrfCookie)
	pairs := pair
	for _, value := range []string{"junk", ada, adas, grace} {
		pairs += "; " + sessionCookie + "=" + value
	}
	res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {csrfToken}}, "Cookie", pairs)
	if res.StatusCode != http.StatusFound {
		t.Fatalf("answered %d", res.StatusCode)
	}
	for _, value := range []string{ada, adas, grace} {
		if got := a.who(t, sessionCookie+"="+value); got != "" {
			t.Errorf("%s is still signed in", got)
		}
	}
	if fmt.Sprint(out) != "[ada@example.com grace@example.com]" {
		t.Errorf("Events.SignOut was told of %v", out)
	}
}

// Where a name was seen twice, and only there, the answer deletes it for the domains
// above the host too: for none where a browser takes no cookie.
func TestDoubled_Deletions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		base, domain string
		want         []string // domains that the cookie is deleted for
	}{
		{"https://app.eu.site.co.uk", "", []string{"app.eu.site.co.uk", "eu.site.co.uk", "site.co.uk"}},
		{"https://app.eu.site.co.uk", "eu.site.co.uk", []string{"eu.site.co.uk", "app.eu.site.co.uk", "site.co.uk"}},
		{"https://site.test", "", []string{"site.test"}},
		{"https://me.github.io", "", []string{"me.github.io"}},
		{"https://github.io", "", nil},
		{"http://localhost:3000", "", nil},
		{"http://app.localhost:3000", "", []string{"app.localhost"}},
		{"http://127.0.0.1:3000", "", nil},
		{"http://[::1]:3000", "", nil},
	} {
		for _, doubled := range []bool{false, true} {
			d := newDeployment(t, row.base)
			d.as(ginauth.Options{Cookies: ginauth.CookieOptions{Domain: row.domain}})
			prefix, secure := "", strings.HasPrefix(row.base, "https")
			csrfName := csrfCookie
			if secure {
				prefix, csrfName = "__Secure-", "__Host-"+csrfCookie
			}
			csrfToken, pair := csrfPair(csrfName)
			if pair += "; " + prefix + sessionCookie + ".0=a; " + prefix + sessionCookie + "=b"; !doubled {
				pair, _, _ = strings.Cut(pair, ".0=a")
				pair += ".0=a"
			}
			req := httptest.NewRequest(http.MethodPost, row.base+"/api/auth/signout", strings.NewReader(url.Values{"csrfToken": {csrfToken}}.Encode()))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Cookie", pair)
			req.Header.Set("Origin", row.base)
			w := httptest.NewRecorder()
			d.handler.Load().ServeHTTP(w, req)
			var got []string
			for _, line := range w.Header()["Set-Cookie"] {
				if !strings.HasPrefix(line, prefix+sessionCookie+".0=; Max-Age=0") {
					continue
				}
				if secure && !strings.Contains(line, "; Secure") {
					t.Errorf("%s: a browser does not take %s", row.base, line)
				}
				if _, rest, found := strings.Cut(line, "Domain="); found {
					domain, _, _ := strings.Cut(rest, ";")
					got = append(got, domain)
				}
			}
			want := row.want
			if !doubled {
				want = nil
				if row.domain != "" {
					want = []string{row.domain}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s with Domain %q, doubled %v: deletes for %q, want %q", row.base, row.domain, doubled, got, want)
			}
		}
	}
}

// Of several CSRF cookies any of ours will do for a page of this site, which the Origin
// proves: nobody is locked out by one that another host set. Without an Origin none does.
func TestAttack31_SeveralCSRFCookies(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()})
	ours, pair := csrfPair(csrfCookie)
	planted, plantedPair := csrfPair(csrfCookie)
	for _, row := range []struct {
		name, token, cookies, origin string
		want                         bool
	}{
		{"one, without an Origin", ours, pair, "", true},
		{"ours, then a planted one", ours, pair + "; " + plantedPair, a.URL, true},
		{"a planted one, then ours", ours, plantedPair + "; " + pair, a.URL, true},
		{"junk, then ours", ours, csrfCookie + "=junk; " + pair, a.URL, true},
		{"a planted token, without an Origin", planted, pair + "; " + plantedPair, "", false},
		{"ours, without an Origin", ours, pair + "; " + plantedPair, "", false},
		{"a planted token, from elsewhere", planted, pair + "; " + plantedPair, "https://evil.example", false},
		{"neither", "x", pair + "; " + plantedPair, a.URL, false},
	} {
		header := []string{"Cookie", row.cookies}
		if row.origin != "" {
			header = append(header, "Origin", row.origin)
		}
		res := a.form(t, "/api/auth/signout", url.Values{"csrfToken": {row.token}}, header...)
		if got := !strings.Contains(res.Header.Get("Location"), "csrf=true"); got != row.want {
			t.Errorf("%s: leads to %s", row.name, res.Header.Get("Location"))
		}
	}
	res := a.send(t, http.MethodGet, "/api/auth/csrf", "", "Cookie", pair+"; "+plantedPair)
	if !strings.Contains(res.body, ours) || len(res.Header["Set-Cookie"]) > 1 {
		t.Errorf("GET csrf answers %s, %q", res.body, res.Header["Set-Cookie"])
	}
}
