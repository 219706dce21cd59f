package tests

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// The whole flow with Auth.js's cookies and tokens, on http and on https.
func TestFormat_AuthJSV5(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, session, csrf string }{
		{"", "authjs.session-token", "authjs.csrf-token"},
		{"https://app.example.com", "__Secure-authjs.session-token", "__Host-authjs.csrf-token"},
	} {
		idp := newIDP(t, ginauthtest.Config{RedirectURIs: []string{"https://app.example.com/api/auth/callback/local"}})
		if tt.base == "" {
			idp = newIDP(t, ginauthtest.Config{})
		}
		app := newApp(t, ginauth.Options{
			Providers: ginauth.Goth(local(idp, "local")), BaseURL: tt.base,
			Session: ginauth.SessionOptions{Format: ginauth.AuthJSV5},
		})
		b := app.browser(t)
		jar := map[string]string{}
		send := func(req *http.Request) answer {
			b.Jar = nil // Secure cookies do not travel over the test's http
			for name, value := range jar {
				req.Header.Add("Cookie", name+"="+value)
			}
			res := b.do(req)
			for _, c := range res.Cookies() {
				jar[c.Name] = c.Value
				if c.MaxAge < 0 {
					delete(jar, c.Name)
				}
			}
			return res
		}
		var out struct{ CSRFToken string }
		decode(t, send(b.request(http.MethodGet, "/api/auth/csrf", nil)).body, &out)
		if jar[tt.csrf] == "" {
			t.Errorf("no cookie %s in %v", tt.csrf, jar)
		}
		begin := b.request(http.MethodPost, "/api/auth/signin/local", url.Values{"csrfToken": {out.CSRFToken}, "callbackUrl": {"/me"}})
		begin.Header.Set("X-Auth-Return-Redirect", "1")
		res := send(begin)
		var to struct{ URL string }
		decode(t, res.body, &to)
		if res.StatusCode != http.StatusOK || !strings.HasPrefix(to.URL, idp.Issuer()) {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		callback := approve(t, idp, to.URL)
		send(b.request(http.MethodGet, "/api/auth/callback/local?"+callback.RawQuery, nil))
		sealed := jar[tt.session]
		if me := send(b.request(http.MethodGet, "/me", nil)); sealed == "" || me.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, cookies %v", tt.base, me.StatusCode, jar)
		}

		// Nobody's in the other format, nor under the other name.
		for _, other := range []struct {
			format ginauth.Format
			base   string
			cookie string
		}{
			{ginauth.NextAuthV4, "http://a.example", "next-auth.session-token"},
			{ginauth.AuthJSV5, map[string]string{"": "https://a.example", "https://app.example.com": "http://a.example"}[tt.base], map[string]string{"": "__Secure-authjs.session-token", "https://app.example.com": "authjs.session-token"}[tt.base]},
		} {
			second := newApp(t, ginauth.Options{Providers: somebody(), BaseURL: other.base, Session: ginauth.SessionOptions{Format: other.format}})
			req := second.browser(t).request(http.MethodGet, "/me", nil)
			req.Header.Set("Cookie", other.cookie+"="+sealed)
			if res := second.browser(t).do(req); res.StatusCode != http.StatusUnauthorized {
				t.Errorf("a token of %s is a session of %v: %d", tt.base, other, res.StatusCode)
			}
		}
	}
}

// The header is Auth.js's own; next-auth 4 does not know it.
func TestFormat_ReturnRedirectIsAuthJSOnly(t *testing.T) {
	t.Parallel()
	app := newApp(t, ginauth.Options{Providers: somebody()})
	b := app.browser(t)
	req := b.request(http.MethodPost, "/api/auth/signin/github", url.Values{"csrfToken": {b.csrf()}})
	req.Header.Set("X-Auth-Return-Redirect", "1")
	if res := b.do(req); res.StatusCode != http.StatusFound {
		t.Errorf("%d", res.StatusCode)
	}
}

func TestFormat_UnknownIsAFault(t *testing.T) {
	t.Parallel()
	_, err := ginauth.New(ginauth.Options{Secret: testSecret, BaseURL: "http://a.example", Session: ginauth.SessionOptions{Format: 7}})
	if err == nil || !strings.Contains(err.Error(), "Session.Format") {
		t.Errorf("got %v", err)
	}
}

// What Auth.js's client takes for nobody, for a failed sign-in and for a form of
// another page is not what next-auth 4's does.
func TestFormat_AnswersOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		format                             ginauth.Format
		cookie, nobody, wrong, csrf, leave string
	}{
		{
			ginauth.NextAuthV4, "next-auth.session-token", "{}",
			"/error?error=CredentialsSignin&provider=credentials", "/signin?csrf=true", "/signout?csrf=true",
		},
		{
			ginauth.AuthJSV5, "authjs.session-token", "null",
			"/error?error=CredentialsSignin&provider=credentials&code=credentials",
			"/signin?error=MissingCSRF", "/signout?error=MissingCSRF",
		},
	} {
		app := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Format: tt.format}})
		b := app.browser(t)
		if res := b.get("/api/auth/session"); res.body != tt.nobody {
			t.Errorf("format %d: nobody is %s", tt.format, res.body)
		}
		update := url.Values{"data": {"x"}}
		if res := b.post("/api/auth/session", update); res.StatusCode != http.StatusBadRequest || res.body != tt.nobody {
			t.Errorf("format %d: an update without token: %d %s", tt.format, res.StatusCode, res.body)
		}
		b.plant(tt.cookie, "not a token")
		if res := b.get("/api/auth/session"); res.body != tt.nobody {
			t.Errorf("format %d: a token that does not open is %s", tt.format, res.body)
		}
		for _, sent := range []struct {
			path, csrf, want string
		}{
			{"/api/auth/callback/credentials", b.csrf(), tt.wrong},
			{"/api/auth/callback/credentials", "", tt.csrf},
			{"/api/auth/signin/credentials", "", tt.csrf},
			{"/api/auth/signout", "", tt.leave},
		} {
			res := b.post(sent.path, url.Values{"csrfToken": {sent.csrf}, "json": {"true"}, "username": {"ada"}})
			var to struct{ URL string }
			decode(t, res.body, &to)
			if to.URL != app.URL+"/api/auth"+sent.want {
				t.Errorf("format %d: %s leads to %s, want %s", tt.format, sent.path, to.URL, sent.want)
			}
		}
	}
}
