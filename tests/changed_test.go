package tests

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// A session is sealed again when a page asks for it and the JWT callback changed the
// token, in whichever part; the next request finds what was written. What a callback
// writes once more, if in another Go type, changes nothing.
func TestSession_ChangedByACallback(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		write   func(token *ginauth.Token)
		changed bool
	}{
		"nothing":            {func(*ginauth.Token) {}, false},
		"the name":           {func(token *ginauth.Token) { token.Name = "Countess" }, true},
		"the address":        {func(token *ginauth.Token) { token.Email = "countess@example.com" }, true},
		"the picture":        {func(token *ginauth.Token) { token.Picture = "https://img.example/1.png" }, true},
		"the subject":        {func(token *ginauth.Token) { token.Subject = "countess" }, true},
		"the sign-in's time": {func(token *ginauth.Token) { token.AuthTime = token.AuthTime.Add(-time.Hour) }, true},
		"a claim":            {func(token *ginauth.Token) { token.Claims["level"] = 8 }, true},
		"a claim less":       {func(token *ginauth.Token) { delete(token.Claims, "level") }, true},
		"the same claim":     {func(token *ginauth.Token) { token.Claims["level"] = 7 }, false},
		"the same name":      {func(token *ginauth.Token) { token.Name = "Ada" }, false},
	} {
		change := false
		a := newApp(t, ginauth.Options{
			Providers: somebody(),
			Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				switch {
				case p.Trigger == ginauth.TriggerSignIn:
					p.Token.Claims["level"] = 7
				case change:
					row.write(p.Token)
				}
				return nil
			}},
		})
		a.engine.POST("/enter", func(c *gin.Context) {
			if _, err := a.auth.SignIn(c, ginauth.User{ID: "ada", Name: "Ada", Email: "ada@example.com"}); err != nil {
				t.Error(err)
			}
		})
		b := a.browser(t)
		req := b.request(http.MethodPost, "/enter", nil)
		req.Header.Set("Origin", a.URL)
		b.do(req)
		first := b.cookie(sessionCookie)
		change = true
		if res := b.get("/api/auth/session"); res.StatusCode != http.StatusOK || res.signedIn() != row.changed {
			t.Errorf("%s: %d, sealed again: %v", name, res.StatusCode, res.signedIn())
		}
		if row.changed == (b.cookie(sessionCookie) == first) {
			t.Errorf("%s: the cookie is another: %v", name, !row.changed)
		}
		if !row.changed {
			continue
		}
		want := opened(t, forSession, first)
		token := ginauth.Token{Subject: "ada", Name: "Ada", Email: "ada@example.com", AuthTime: time.Unix(int64(want["auth_time"].(float64)), 0), Claims: map[string]any{"level": 7}}
		row.write(&token)
		got := opened(t, forSession, b.cookie(sessionCookie))
		if got["sub"] != token.Subject || got["name"] != token.Name || got["email"] != token.Email || int64(got["auth_time"].(float64)) != token.AuthTime.Unix() {
			t.Errorf("%s: sealed is %v", name, got)
		}
	}
}

// What a callback puts into Claims under a name of the token's own gives way to the token.
func TestToken_NamesOfItsOwn(t *testing.T) {
	t.Parallel()
	names := []string{
		"iat", "exp", "jti", "auth_time", "sub", "name", "email", "picture",
		"ginauth", "ginauth_sid", "ginauth_domain", "ginauth_unlisted", "ginauth_lifetime", "ginauth_since",
	}
	for _, name := range names {
		a := newApp(t, ginauth.Options{
			Providers: somebody(), Cookies: ginauth.CookieOptions{},
			Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				p.Token.Claims[name] = "written by a callback"
				return nil
			}},
		})
		a.engine.POST("/enter", func(c *gin.Context) {
			user := ginauth.User{ID: "ada", Name: "Ada", Email: "ada@example.com", Image: "https://img.example/a.png"}
			if _, err := a.auth.SignIn(c, user); err != nil {
				c.String(http.StatusTeapot, "%v", err)
			}
		})
		b := a.browser(t)
		req := b.request(http.MethodPost, "/enter", nil)
		req.Header.Set("Origin", a.URL)
		if res := b.do(req); res.StatusCode == http.StatusTeapot {
			continue // it was refused, which says more
		}
		if payload := unsealed(t, forSession, b.cookie(sessionCookie)); payload == "" || strings.Contains(payload, "written by a callback") {
			t.Errorf("%s: sealed is %s", name, payload)
		}
	}
}

// A body that breaks off, or that is none, is no input.
func TestRoutes_BodyBreaksOff(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	for name, row := range map[string]struct {
		body   io.ReadCloser
		status int
	}{
		"none":       {nil, http.StatusFound},
		"breaks off": {io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)), http.StatusBadRequest},
	} {
		req := httptest.NewRequest(http.MethodPost, a.URL+"/api/auth/signout", nil)
		req.Body = row.body
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		a.engine.ServeHTTP(w, req)
		if w.Code != row.status {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, row.status)
		}
	}
}

// The functions for a user take any context, one of gin's without a request too.
func TestUsers_AnyContext(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody(), Adapter: ginauth.MemoryAdapter(), Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()}})
	bare, _ := gin.CreateTestContext(httptest.NewRecorder())
	for name, ctx := range map[string]context.Context{"gin's": bare, "another": t.Context()} {
		if err := a.auth.RevokeUser(ctx, "ada"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := a.auth.DeleteUser(ctx, "ada"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for what, err := range map[string]error{"RevokeUser": a.auth.RevokeUser(ctx, ""), "DeleteUser": a.auth.DeleteUser(ctx, "")} {
			if err == nil {
				t.Errorf("%s: %s of nobody", name, what)
			}
		}
		if list, err := a.auth.Sessions(ctx, ""); err == nil || len(list) > 0 || errors.Is(err, ginauth.ErrNotSupported) {
			t.Errorf("%s: the sessions of nobody: %v, %v", name, list, err)
		}
	}
}

// A session of before sessions had a name of their own keeps the name by which it was
// known, whatever a callback changes of what that was made of.
func TestSession_KeepsItsName(t *testing.T) {
	t.Parallel()
	signedIn := time.Now().Add(-time.Hour).Truncate(time.Second)
	for name, change := range map[string]func(token *ginauth.Token){
		"the name":           func(token *ginauth.Token) { token.Name = "Countess" },
		"the subject":        func(token *ginauth.Token) { token.Subject = "countess" },
		"the sign-in's time": func(token *ginauth.Token) { token.AuthTime = token.AuthTime.Add(-time.Minute) },
		"both":               func(token *ginauth.Token) { token.Subject, token.AuthTime = "countess", time.Time{} },
	} {
		a := newApp(t, ginauth.Options{
			Providers: somebody(),
			Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				change(p.Token)
				return nil
			}},
		})
		b := a.browser(t)
		b.plant(sessionCookie, sessionFor(t, "ada@example.com", map[string]any{"sub": "ada", "auth_time": signedIn.Unix()}))
		if res := b.get("/api/auth/session"); !res.signedIn() {
			t.Fatalf("%s: %d %s", name, res.StatusCode, res.body)
		}
		want := fmt.Sprintf("session:%d:ada", signedIn.Unix())
		if got := opened(t, forSession, b.cookie(sessionCookie))["ginauth_sid"]; got != want {
			t.Errorf("%s: the session is now called %v, want %v", name, got, want)
		}
	}
}

// A sign-in at a provider that there is not is told to the log; the page that shows the
// ways to sign in is not one.
func TestRoutes_UnknownProviderIsTold(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method, path string
		told         bool
	}{
		{http.MethodPost, "/api/auth/signin/nowhere", true}, {http.MethodGet, "/api/auth/callback/nowhere", true},
		{http.MethodGet, "/api/auth/signin/nowhere", false}, {http.MethodGet, "/api/auth/signin", false}, {http.MethodPost, "/api/auth/signout", false},
	} {
		a := newApp(t, ginauth.Options{Providers: somebody()})
		b := a.browser(t)
		b.do(b.request(row.method, row.path, nil))
		if told := strings.Contains(a.log.String(), "names no provider"); told != row.told {
			t.Errorf("%s %s: told %v\n%s", row.method, row.path, told, a.log)
		}
	}
}
