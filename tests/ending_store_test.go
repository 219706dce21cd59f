package tests

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/servertest"
	"github.com/ginauth/ginauth/redisstore"
)

// brittle is a store that deletes nothing while it is broken.
type brittle struct {
	*redisstore.Store
	broken bool
}

func (s *brittle) Delete(ctx context.Context, handle string) error {
	if s.broken {
		return errors.New("down")
	}
	return s.Store.Delete(ctx, handle)
}

// A callback ends a session by a wrapped ErrSignedOut, in each place that runs it, also
// while the store deletes nothing: then nobody is taken for signed out.
func TestEnding_WrappedAndStoreDown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		method, path string
		broken       bool
		want         int
	}{
		{http.MethodGet, "/me", false, 401}, {http.MethodGet, "/open", false, 200}, {http.MethodGet, "/api/auth/session", false, 200},
		{http.MethodHead, "/me", false, 401},
		{http.MethodGet, "/me", true, 503}, {http.MethodGet, "/open", true, 503}, {http.MethodGet, "/api/auth/session", true, 503},
	} {
		for _, by := range []string{"JWT", "Session"} {
			t.Run(fmt.Sprint(row, by), func(t *testing.T) {
				t.Parallel()
				store := &brittle{Store: redisstore.New(redisClient(t, servertest.Redis(t)), redisstore.Options{})}
				ends := false
				end := func(name string) error {
					if ends && by == name {
						return fmt.Errorf("banned: %w", fmt.Errorf("today: %w", ginauth.ErrSignedOut))
					}
					return nil
				}
				a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{Store: store}, Callbacks: ginauth.Callbacks{
					JWT:     func(*gin.Context, ginauth.JWTParams) error { return end("JWT") },
					Session: func(*gin.Context, ginauth.SessionParams) error { return end("Session") },
				}})
				a.engine.GET("/open", a.auth.LoadSession(), func(c *gin.Context) { c.JSON(200, ginauth.GetSession(c)) })
				b := a.browser(t)
				b.signInAs("ada")
				ends, store.broken = true, row.broken
				res := b.do(b.request(row.method, row.path, nil))
				if res.StatusCode != row.want {
					t.Errorf("answered %d %s", res.StatusCode, res.body)
				}
				ends = false
				if in := b.get("/me").StatusCode == http.StatusOK; in != row.broken {
					t.Errorf("signed in afterwards: %v", in)
				}
			})
		}
	}
}
