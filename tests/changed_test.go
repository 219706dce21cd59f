package tests

import (
	"net/http"
	"testing"
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
