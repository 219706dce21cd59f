package tests

import (
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// loads runs LoadSession in front of everything, the auth routes included.
func loads(a *app, c *gin.Context) { a.auth.LoadSession()(c) }

// sessionNames are the names of the session's cookies that the browser holds.
func (b *browser) sessionNames() (names []string) {
	b.t.Helper()
	for _, c := range b.cookies() {
		if strings.Contains(c.Name, "session-token") {
			names = append(names, c.Name)
		}
	}
	return names
}

// An application finds out who is signed in on the engine, and guards a group: the
// callbacks run once all the same. A second run could spend a refresh token that
// the first has just got.
func TestFront_CallbacksOnce(t *testing.T) {
	t.Parallel()
	var tokens, sessions atomic.Int32
	a := newApp(t, ginauth.Options{
		Providers: unused(), Session: ginauth.SessionOptions{UpdateAge: -1},
		Callbacks: ginauth.Callbacks{
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				p.Token.Claims["runs"] = tokens.Add(1)
				return nil
			},
			Session: func(*gin.Context, ginauth.SessionParams) error { sessions.Add(1); return nil },
		},
	}, loads)
	cookies := sessionCookie + "=" + sessionFor(t, "ada@example.com", nil)
	res := a.send(t, http.MethodGet, "/me", "", "Cookie", cookies)
	if res.StatusCode != http.StatusOK || !strings.Contains(res.body, "ada@example.com") {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	if tokens.Load() != 1 || sessions.Load() != 1 {
		t.Errorf("the JWT callback ran %d times, the Session callback %d", tokens.Load(), sessions.Load())
	}
	if lines := res.Header["Set-Cookie"]; len(lines) != 1 {
		t.Errorf("Set-Cookie: %q", lines)
	}
	// Whom the first lets pass as nobody, the second does not take for somebody.
	res = a.send(t, http.MethodPost, "/me", "", "Cookie", cookies, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("another site's form: %d", res.StatusCode)
	}
}

// A middleware that seals the session again, into chunks, in the very answer that
// ends or replaces it: nothing of it is left in the browser.
func TestFront_SealsAgainAtSignInAndOut(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{
		Providers: []ginauth.Provider{members()},
		Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.Token.Email == "old@example.com" {
				p.Token.Claims["pad"] = strings.Repeat("p", 5000)
			}
			return nil
		}},
	}, loads)
	for _, row := range []struct {
		path, user string
		cookies    int
	}{
		{"/api/auth/signout", "", 0},
		{"/api/auth/callback/credentials", "ada@example.com", 1},
	} {
		b := a.browser(t)
		csrf := b.csrf()
		b.plant(sessionCookie, sessionFor(t, "old@example.com", nil))
		b.post(row.path, url.Values{"csrfToken": {csrf}, "username": {"ada"}, "password": {adasPassword}})
		if names := b.sessionNames(); len(names) != row.cookies {
			t.Errorf("%s leaves %q", row.path, names)
		}
		if got := b.user(); got != row.user {
			t.Errorf("after %s the browser is %q, want %q", row.path, got, row.user)
		}
	}
}

// A middleware that reads the form, for a language or a method, takes nothing away
// from the auth routes. What they would not read themselves stays unread.
func TestFront_ReadsTheForm(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: unused()}, func(_ *app, c *gin.Context) { _ = c.PostForm("locale") })
	csrf, pair := csrfPair(csrfCookie)
	form := url.Values{"csrfToken": {csrf}, "callbackUrl": {"/bye"}}
	var files strings.Builder
	parts := multipart.NewWriter(&files)
	for name := range form {
		if err := parts.WriteField(name, form.Get(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ contentType, body, leads string }{
		{"application/x-www-form-urlencoded", form.Encode(), "/bye"},
		{"application/x-www-form-urlencoded; charset=utf-8", form.Encode(), "/bye"},
		{"application/x-www-form-urlencoded", "csrfToken=wrong", "/api/auth/signout?csrf=true"},
		{"application/json", `{"csrfToken":"` + csrf + `","callbackUrl":"/bye"}`, "/bye"},
		{parts.FormDataContentType(), files.String(), "/api/auth/signout?csrf=true"},
	} {
		res := a.send(t, http.MethodPost, "/api/auth/signout?csrfToken="+csrf, row.body, "Content-Type", row.contentType,
			"Cookie", pair+"; "+sessionCookie+"="+sessionFor(t, "ada@example.com", nil))
		if got := res.Header.Get("Location"); got != a.URL+row.leads {
			t.Errorf("%s %s: %d, leads to %q", row.contentType, row.body, res.StatusCode, got)
		}
		if c := setCookies(res)[sessionCookie]; (c != nil && c.MaxAge < 0) != (row.leads == "/bye") {
			t.Errorf("%s %s: Set-Cookie: %q", row.contentType, row.body, res.Header["Set-Cookie"])
		}
	}
}
