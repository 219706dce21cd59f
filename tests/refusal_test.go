package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

const developers = "For developers: "

// unproved posts a form from another origin, and returns the page that it leads to.
func (b *browser) unproved(action, origin string) answer {
	b.t.Helper()
	req := b.request(http.MethodPost, "/api/auth/"+action, url.Values{"csrfToken": {b.csrf()}})
	req.Header.Set("Origin", origin)
	res := b.do(req)
	if res.StatusCode != http.StatusFound {
		b.t.Fatalf("%s answered %d", action, res.StatusCode)
	}
	return b.get(res.Header.Get("Location"))
}

// What csrf=true and MissingCSRF mean stands on the page, at signing in and out; to a
// developer it names the option.
func TestRefusals_WordsOnPages(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		format ginauth.Format
		action string
	}{
		"signing in":             {ginauth.NextAuthV4, "signin/github"},
		"signing out":            {ginauth.NextAuthV4, "signout"},
		"signing in, Auth.js 5":  {ginauth.AuthJSV5, "signin/github"},
		"signing out, Auth.js 5": {ginauth.AuthJSV5, "signout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, ginauth.Options{Providers: somebody(), Session: ginauth.SessionOptions{Format: row.format}})
			page := a.browser(t).unproved(row.action, "https://evil.example").body
			for _, want := range []string{pageOrigin, developers, a.URL, "NEXTAUTH_URL", `role="alert"`} {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q: %s", want, shownBody(page))
				}
			}
			if strings.Contains(page, "evil") {
				t.Error("the page shows what another site sent")
			}
			// Without a token, from this site.
			b := a.browser(t)
			b.csrf()
			page = b.get(b.post("/api/auth/"+row.action, url.Values{"x": {"y"}}).Header.Get("Location")).body
			if !strings.Contains(page, "That form did not show that it came from this site") || !strings.Contains(page, developers) {
				t.Errorf("without a token: %s", shownBody(page))
			}
			// The words are gone with the next page.
			if page := b.get("/api/auth/" + strings.Split(row.action, "/")[0]).body; strings.Contains(page, "alert\"") || strings.Contains(page, developers) {
				t.Errorf("the next page: %s", shownBody(page))
			}
		})
	}
}

// In release mode no page names an option.
func TestRefusals_NoHintInRelease(t *testing.T) {
	release(t)
	a := newApp(t, ginauth.Options{Providers: somebody(), TrustedHosts: []string{"127.0.0.1"}})
	b := a.browser(t)
	// The host is trusted without a port: the tests' own has one, which the request's Host leaves out.
	send := func(method, host, path string, form url.Values, header ...string) answer {
		req := b.request(method, path, form)
		req.Host = host
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		return b.do(req)
	}
	for name, page := range map[string]answer{
		"a form":                  send(http.MethodGet, "127.0.0.1", "/api/auth/signin?csrf=true", nil),
		"signing out":             send(http.MethodGet, "127.0.0.1", "/api/auth/signout?csrf=true", nil),
		"a host":                  send(http.MethodGet, "evil.example", "/api/auth/signin", nil),
		"a guarded host":          send(http.MethodGet, "evil.example", "/me", nil, "Accept", "text/html"),
		"a cross-site form":       send(http.MethodPost, "127.0.0.1", "/me", url.Values{}, "Accept", "text/html", "Origin", "https://evil.example", "Cookie", sessionCookie+"="+sessionFor(t, "ada@example.com", nil)),
		"a sign-in that was lost": send(http.MethodGet, "127.0.0.1", "/api/auth/signin?error=OAuthCallback", nil),
	} {
		if strings.Contains(page.body, "developers") || strings.Contains(page.body, "NEXTAUTH_URL") {
			t.Errorf("%s: %s", name, shownBody(page.body))
		}
	}
}

// A page of the application's own is told the reason in its query.
func TestRefusals_OwnPage(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody(), Pages: ginauth.Pages{SignIn: "/login"}})
	res := a.browser(t).unproved("signin/github", "https://evil.example")
	if got := res.Header.Get("Location"); !strings.HasPrefix(got, "/login?") || !strings.HasSuffix(got, "&reason=OtherOrigin") {
		t.Errorf("it leads to %s", got)
	}
}

// Browsers say whether another site led to a page. On the page that is at another host
// than the form, no cookie tells.
func TestRefusals_PageAtAnotherHost(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	for site, want := range map[string]string{"cross-site": pageOrigin, "same-site": pageOrigin, "same-origin": pageCookies, "none": pageCookies, "": pageCookies} {
		req := a.browser(t).request(http.MethodGet, "/api/auth/signin?csrf=true", nil)
		if site != "" {
			req.Header.Set("Sec-Fetch-Site", site)
		}
		if page := a.browser(t).do(req).body; !strings.Contains(page, want) {
			t.Errorf("%q: %s", site, shownBody(page))
		}
	}
}

// A token that is not the site's in a header, and a handle that its store has forgotten,
// are nothing that an operator must mend.
func TestRefusals_SilentSessions(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	a.send(t, http.MethodGet, "/me", "", "Authorization", "Bearer nonsense")
	expired := seal(t, testSecret, []byte(`{"sub":"ada","iat":1,"exp":2}`))
	a.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+expired)
	stored := newApp(t, ginauth.Options{Providers: somebody(), Session: ginauth.SessionOptions{Store: memoryStore()}})
	stored.send(t, http.MethodGet, "/me", "", "Cookie", sessionCookie+"="+strings.Repeat("h", 43))
	if log := a.log.String() + stored.log.String(); log != "" {
		t.Errorf("the log says %s", log)
	}
}

// The lines of an application's clock: another one comes when a minute is over.
func TestRefusals_AgainAfterAMinute(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := newApp(t, ginauth.Options{Providers: somebody(), Now: func() time.Time { return now }})
	refused := func() int {
		req := a.browser(t).request(http.MethodGet, "/me", nil)
		req.Host = "evil.example"
		a.browser(t).do(req)
		return strings.Count(a.log.String(), loggedHost)
	}
	if first, second := refused(), refused(); first != 1 || second != 1 {
		t.Error(a.log)
	}
	now = now.Add(time.Minute)
	if refused() != 2 || !strings.Contains(a.log.String(), "left_out_since_the_last_line=1") {
		t.Error(a.log)
	}
}
