package tests

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/token"
)

// Claims without a field are read when somebody asks for them: all handlers of a request
// at once, and the session that is sealed again. The claims that decide are always read.
func TestToken_FurtherClaims(t *testing.T) {
	t.Parallel()
	ring, err := token.V4.Keyring("", testSecret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	seal := func(t *testing.T, change map[string]any) string {
		t.Helper()
		claims := map[string]any{
			"sub": "u-1", "name": "Ada", "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix(), "jti": "j",
			"level": 7, "roles": []string{"admin", "editor"}, "note": "a \"note\"",
		}
		for name, value := range change {
			claims[name] = value
		}
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return ring.Seal(payload)
	}
	const want = `{"level":7,"note":"a \"note\"","roles":["admin","editor"]}`
	a := membersApp(t, ginauth.Options{Session: ginauth.SessionOptions{UpdateAge: time.Hour}})
	a.engine.GET("/claims", a.auth.RequireSession(), func(c *gin.Context) {
		var all [8]string
		var asked sync.WaitGroup
		for i := range all {
			asked.Go(func() {
				raw, err := json.Marshal(ginauth.GetToken(c.Request.Context()).Claims)
				if err != nil {
					t.Error(err)
				}
				all[i] = string(raw)
			})
		}
		asked.Wait()
		for _, one := range all {
			if one != all[0] {
				t.Errorf("two handlers of a request read %s and %s", one, all[0])
			}
		}
		c.String(http.StatusOK, all[0])
	})
	for _, row := range []struct {
		name   string
		change map[string]any
		status int
	}{
		{"young", nil, http.StatusOK},
		{"due", map[string]any{"iat": now.Add(-2 * time.Hour).Unix()}, http.StatusOK},
		{"expired", map[string]any{"exp": now.Add(-time.Hour).Unix()}, http.StatusUnauthorized},
		{"not yet", map[string]any{"nbf": now.Add(time.Hour).Unix()}, http.StatusUnauthorized},
		{"a time that is a text", map[string]any{"auth_time": "now"}, http.StatusUnauthorized},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			res := a.send(t, http.MethodGet, "/claims", "", "Cookie", sessionCookie+"="+seal(t, row.change))
			if res.StatusCode != row.status {
				t.Fatalf("answered %d %s", res.StatusCode, res.body)
			}
			if row.status != http.StatusOK {
				return
			}
			if res.body != want {
				t.Errorf("the handler reads %s", res.body)
			}
			for _, again := range res.Cookies() {
				second := a.send(t, http.MethodGet, "/claims", "", "Cookie", again.Name+"="+again.Value)
				if second.body != want {
					t.Errorf("sealed again, it has %s", second.body)
				}
			}
			if due := row.name == "due"; due != (len(res.Cookies()) == 1) {
				t.Errorf("%d cookies", len(res.Cookies()))
			}
		})
	}
}
