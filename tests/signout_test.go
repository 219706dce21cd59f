package tests

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
)

// A request is under way when the person signs out, and its answer comes after
// that of the sign-out: it must not bring the session back, or a sign-out at a
// shared computer ends nothing.
func TestSignOut_OvertakesSlowAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, method, path string }{
		{"GET session", http.MethodGet, "/api/auth/session"},
		{"POST session", http.MethodPost, "/api/auth/session"},
		{"a guarded page that seals again", http.MethodGet, "/me"},
		{"Update", http.MethodPost, "/change"},
	} {
		for _, who := range []string{"the same", "the same, sealed again", "next-auth's", "another person"} {
			t.Run(row.name+"/"+who, func(t *testing.T) {
				t.Parallel()
				arrived, release := make(chan struct{}), make(chan struct{})
				arrive := sync.OnceFunc(func() { close(arrived) }) // an update runs again on what another request made
				idp := newIDP(t, ginauthtest.Config{})
				a := newApp(t, ginauth.Options{
					Providers: ginauth.Goth(local(idp, "local")), Session: ginauth.SessionOptions{UpdateAge: -1},
					Callbacks: ginauth.Callbacks{Session: func(c *gin.Context, _ ginauth.SessionParams) error {
						if c.GetHeader("X-Slow") != "" {
							arrive()
							<-release
						}
						return nil
					}},
				})
				a.engine.POST("/change", func(c *gin.Context) {
					if _, err := a.auth.Update(c, nil); err != nil {
						c.String(http.StatusUnauthorized, err.Error())
					}
				})
				b := a.browser(t)
				b.signIn(idp, "local")
				if who == "next-auth's" { // which does not say when the person signed in
					b.plant(sessionCookie, seal(t, testSecret, []byte(`{"sub":"ada","email":"ada@example.com","jti":"j"}`)))
				}
				csrf := url.Values{"csrfToken": {b.csrf()}}
				var pairs []string
				for _, c := range b.cookies() {
					pairs = append(pairs, c.Name+"="+c.Value)
				}
				slow := make(chan answer, 1)
				go func() {
					body := ""
					if row.method == http.MethodPost {
						body = csrf.Encode()
					}
					slow <- a.send(t, row.method, row.path, body, "Cookie", strings.Join(pairs, "; "), "X-Slow", "1",
						"Content-Type", "application/x-www-form-urlencoded")
				}()
				select {
				case <-arrived:
				case res := <-slow:
					t.Fatalf("the slow answer came at once: %d %s", res.StatusCode, res.body)
				}
				switch who {
				case "the same, sealed again":
					b.get("/api/auth/session")
				case "another person":
					b = a.browser(t)
					b.get(as(t, idp, b.begin("local", "/"), idp.People()[1].Subject).String())
					csrf.Set("csrfToken", b.csrf())
				}
				b.post("/api/auth/signout", csrf)
				close(release)
				if res := <-slow; res.signedIn() != (who == "another person") {
					t.Errorf("the late answer is %d with Set-Cookie: %q", res.StatusCode, res.Header["Set-Cookie"])
				}
				if got := b.user(); got != "" {
					t.Errorf("signed out, the browser is %s", got)
				}
			})
		}
	}
}

// A page that asks once more, before the answer to its sign-out has deleted the
// cookie, gets no new one.
func TestSignOut_NoNewCookieForTheOld(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, ginauthtest.Config{})
	a := newApp(t, ginauth.Options{Providers: ginauth.Goth(local(idp, "local")), Session: ginauth.SessionOptions{UpdateAge: -1}})
	b := a.browser(t)
	b.signIn(idp, "local")
	old := sessionCookie + "=" + b.cookie(sessionCookie)
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	for _, path := range []string{"/api/auth/session", "/me"} {
		if res := a.send(t, http.MethodGet, path, "", "Cookie", old); res.signedIn() {
			t.Errorf("%s: %d with %q", path, res.StatusCode, res.Header["Set-Cookie"])
		}
	}
	b.signIn(idp, "local") // in the same second, perhaps: another session all the same
	if got := b.user(); got != "ada@example.com" {
		t.Errorf("signed in again, the browser is %q", got)
	}
}
