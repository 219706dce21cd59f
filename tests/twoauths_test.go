package tests

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Two Auths of one engine: what one of them finds in a request is nobody's to the other,
// wherever its middleware stands.
func TestTwoAuths_EachItsOwn(t *testing.T) {
	t.Parallel()
	a := newApp(t, ginauth.Options{Providers: somebody()})
	a.engine.HandleMethodNotAllowed = false
	staff, err := ginauth.Register(a.engine, ginauth.Options{
		Providers: somebody(), Secret: testSecret, Logger: a.log.logger(), BasePath: "/staff/auth",
		Cookies: ginauth.CookieOptions{Prefix: "staff"},
	})
	if err != nil {
		t.Fatal(err)
	}
	enter := func(auth *ginauth.Auth, id string) gin.HandlerFunc {
		return func(c *gin.Context) {
			if _, err := auth.SignIn(c, ginauth.User{ID: id, Email: id + "@example.com"}); err != nil {
				t.Error(err)
			}
		}
	}
	a.engine.POST("/enter", enter(a.auth, "ada"))
	a.engine.POST("/staff/enter", enter(staff, "bob"))
	a.engine.POST("/enter/both", enter(staff, "bob"), enter(a.auth, "ada"))
	var result error
	tell := func(c *gin.Context) { c.Status(http.StatusOK) }
	behind := a.engine.Group("/behind", staff.LoadSession())
	behind.GET("/me", a.auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })
	behind.POST("/update", func(c *gin.Context) { _, result = a.auth.Update(c, nil) }, tell)
	behind.POST("/call", func(c *gin.Context) { _, result = a.auth.Client(c) }, tell)
	behind.POST("/leave", func(c *gin.Context) { result = a.auth.SignOut(c) }, tell)
	behind.GET("/bearer", a.auth.AcceptBearer(func(*gin.Context, string) (*ginauth.Session, error) {
		return &ginauth.Session{User: ginauth.User{ID: "carol"}}, nil
	}), a.auth.RequireSession(), func(c *gin.Context) { c.String(http.StatusOK, ginauth.GetSession(c).User.ID) })

	post := func(b *browser, path string) answer {
		req := b.request(http.MethodPost, path, url.Values{})
		req.Header.Set("Origin", a.URL)
		return b.do(req)
	}
	only := a.browser(t)
	post(only, "/staff/enter")
	if res := only.get("/behind/me"); res.StatusCode == http.StatusOK {
		t.Errorf("the other Auth's person is let in as %s", res.body)
	}
	for path, want := range map[string]error{"/behind/update": ginauth.ErrNoSession, "/behind/call": ginauth.ErrNoSession, "/behind/leave": nil} {
		if post(only, path); !errors.Is(result, want) || want == nil && result != nil {
			t.Errorf("%s: %v, want %v", path, result, want)
		}
	}
	req := only.request(http.MethodGet, "/behind/bearer", nil)
	req.Header.Set("Authorization", "Bearer a-token")
	if res := only.do(req); res.StatusCode != http.StatusOK || res.body != "carol" {
		t.Errorf("a bearer token beside the other Auth's session: %d %s", res.StatusCode, res.body)
	}
	both := a.browser(t)
	post(both, "/staff/enter")
	post(both, "/enter")
	if res := both.get("/behind/me"); res.body != "ada" {
		t.Errorf("the person is %d %s, want ada", res.StatusCode, res.body)
	}
	// The one that begins ends no session of the other that begins in the same request.
	at := a.browser(t)
	if res := post(at, "/enter/both"); len(res.Cookies()) < 2 {
		t.Errorf("both sign-ins set %v", res.Cookies())
	}
	if mine, theirs := at.cookie(sessionCookie), at.cookie("staff.session-token"); mine == "" || theirs == "" {
		t.Errorf("the cookies are %q and %q", mine, theirs)
	}
}
