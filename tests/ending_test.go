package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A callback that returns ErrSignedOut ends the session, whichever callback it is,
// whichever request runs it, and wherever the session is kept: also for a copy of its
// cookie, where anything can know of that.
func TestEnding_ByACallback(t *testing.T) {
	t.Parallel()
	for _, kept := range []struct {
		name    string
		session func(t *testing.T) ginauth.SessionOptions
		copies  bool // end too
	}{
		{"sealed", func(*testing.T) ginauth.SessionOptions { return ginauth.SessionOptions{} }, false},
		{"sealed, with Revocations", func(*testing.T) ginauth.SessionOptions {
			return ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}
		}, true},
		{"on Redis", func(t *testing.T) ginauth.SessionOptions {
			store, _ := keeping[1].open(t)
			return ginauth.SessionOptions{Store: store}
		}, true},
	} {
		for _, callback := range []string{"JWT", "Session"} {
			for _, path := range []string{"/me", "/open", "/api/auth/session", "update", "/change"} {
				t.Run(kept.name+"/"+callback+"/"+path, func(t *testing.T) {
					t.Parallel()
					var banned atomic.Value
					banned.Store("")
					var ended atomic.Int64
					verdict := func(email, of string) error {
						if of == callback && banned.Load() == email {
							return fmt.Errorf("banned: %w", ginauth.ErrSignedOut)
						}
						return nil
					}
					a := membersApp(t, ginauth.Options{
						Session: kept.session(t),
						Callbacks: ginauth.Callbacks{
							JWT:     func(_ *gin.Context, p ginauth.JWTParams) error { return verdict(p.Token.Email, "JWT") },
							Session: func(_ *gin.Context, p ginauth.SessionParams) error { return verdict(p.Token.Email, "Session") },
						},
						Events: ginauth.Events{SignOut: func(_ *gin.Context, e ginauth.SignOutEvent) {
							if e.Token.Email == "ada@example.com" {
								ended.Add(1)
							}
						}},
					})
					a.engine.GET("/open", a.auth.LoadSession(), func(c *gin.Context) {
						if s := ginauth.GetSession(c); s != nil {
							c.String(http.StatusOK, "for %s", s.User.Email)
							return
						}
						c.String(http.StatusOK, "for nobody")
					})
					a.engine.GET("/change", func(c *gin.Context) {
						_, err := a.auth.Update(c, nil)
						c.String(http.StatusOK, "%v %v", errors.Is(err, ginauth.ErrSignedOut), ginauth.GetSession(c) == nil)
					})
					stream := make(chan error, 1)
					listening := make(chan bool)
					a.engine.GET("/events", a.auth.RequireSession(), func(c *gin.Context) {
						ctx, stop := a.auth.SessionContext(c)
						defer stop()
						close(listening)
						<-ctx.Done()
						stream <- context.Cause(ctx)
					})
					ada, other, grace := a.browser(t), a.browser(t), a.browser(t)
					ada.signInAs("ada")
					other.signInAs("ada")
					grace.signInAs("grace")
					copied := sessionCookie + "=" + url.PathEscape(handleOf(ada))
					events := ada.request(http.MethodGet, "/events", nil).WithContext(t.Context())
					go func() { _, _ = ada.Do(events) }()
					<-listening
					csrf := ada.csrf()

					banned.Store("ada@example.com")
					var res answer
					if path == "update" {
						res = ada.update(csrf, map[string]any{})
					} else {
						res = ada.get(path)
					}
					want := map[string]string{"/open": "for nobody", "/api/auth/session": "{}", "update": "{}", "/change": "true true"}[path]
					if path == "/me" && res.StatusCode != http.StatusUnauthorized || path != "/me" && (res.StatusCode != http.StatusOK || res.body != want) {
						t.Errorf("answered %d %s", res.StatusCode, res.body)
					}
					if handleOf(ada) != "" {
						t.Errorf("the cookie is still there; Set-Cookie: %q", res.Header["Set-Cookie"])
					}
					if n := ended.Load(); n != 1 {
						t.Errorf("Events.SignOut was called %d times", n)
					}
					if err := wait(t, stream); !errors.Is(err, ginauth.ErrSessionEnded) {
						t.Errorf("the stream ended with %v", err)
					}
					banned.Store("")
					ada.is("")
					other.is("ada") // that session alone
					grace.is("grace")
					if res := a.send(t, http.MethodGet, "/me", "", "Cookie", copied); (res.StatusCode == http.StatusUnauthorized) != kept.copies {
						t.Errorf("a copy of the cookie: %d %s", res.StatusCode, res.body)
					}
				})
			}
		}
	}
}

// At sign-in there is no session yet: the person is refused.
func TestEnding_AtSignIn(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{JWT: func(*gin.Context, ginauth.JWTParams) error { return ginauth.ErrSignedOut }}})
	b := a.browser(t)
	b.signInAs("ada").refused(t, "AccessDenied")
	b.is("")
}

// A page that opens signs in again after a callback has ended its session.
func TestEnding_LeadsToTheSignInPage(t *testing.T) {
	t.Parallel()
	var banned atomic.Bool
	a := membersApp(t, ginauth.Options{Callbacks: ginauth.Callbacks{Session: func(*gin.Context, ginauth.SessionParams) error {
		if banned.Load() {
			return ginauth.ErrSignedOut
		}
		return nil
	}}})
	b := a.browser(t)
	b.signInAs("ada")
	banned.Store(true)
	req := b.request(http.MethodGet, "/me", nil)
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	res := b.do(req)
	if want := a.URL + "/api/auth/signin?callbackUrl=%2Fme"; res.StatusCode != http.StatusFound || res.Header.Get("Location") != want || handleOf(b) != "" {
		t.Errorf("answered %d to %q with %q", res.StatusCode, res.Header.Get("Location"), res.Header["Set-Cookie"])
	}
}

// While the store is down a session cannot end: the cookie stays, for the next try.
func TestEnding_StoreDown(t *testing.T) {
	t.Parallel()
	kept := keptIn[len(keptIn)-1].open(t)
	var banned atomic.Bool
	a := membersApp(t, ginauth.Options{
		Session: ginauth.SessionOptions{Store: &undeletable{SessionStore: kept.store}},
		Callbacks: ginauth.Callbacks{JWT: func(*gin.Context, ginauth.JWTParams) error {
			if banned.Load() {
				return ginauth.ErrSignedOut
			}
			return nil
		}},
	})
	b := a.browser(t)
	b.signInAs("ada")
	banned.Store(true)
	for _, path := range []string{"/me", "/api/auth/session"} {
		if res := b.get(path); res.StatusCode != http.StatusServiceUnavailable || handleOf(b) == "" {
			t.Errorf("%s answered %d %s, Set-Cookie %q", path, res.StatusCode, res.body, res.Header["Set-Cookie"])
		}
	}
}

// undeletable is a store that is down for those who end a session.
type undeletable struct{ ginauth.SessionStore }

func (*undeletable) Delete(context.Context, string) error { return errors.New("down") }

// Events.SignOut and Events.Session are told of whose session it is.
func TestEvents_SignOutAndSession(t *testing.T) {
	t.Parallel()
	var said []string
	a := membersApp(t, ginauth.Options{Events: ginauth.Events{
		SignOut: func(_ *gin.Context, e ginauth.SignOutEvent) { said = append(said, "out "+e.Token.Email) },
		Session: func(_ *gin.Context, e ginauth.SessionEvent) {
			said = append(said, "session "+e.Session.User.Email+" "+e.Token.Subject)
		},
	}})
	b := a.browser(t)
	b.get("/api/auth/session")
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	b.signInAs("ada")
	b.get("/me")
	b.get("/api/auth/session")
	b.post("/api/auth/signout", url.Values{"csrfToken": {"wrong"}})
	b.post("/api/auth/signout", url.Values{"csrfToken": {b.csrf()}})
	if got, want := fmt.Sprint(said), "[session ada@example.com u-ada out ada@example.com]"; got != want {
		t.Errorf("the events are %s, want %s", got, want)
	}
}
