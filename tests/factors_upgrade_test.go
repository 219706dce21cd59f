package tests

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/internal/factor"
	"github.com/ginauth/ginauth/internal/token"
)

// What an earlier release wrote into a session of the factors that somebody gave counts on,
// and what a release with another secret, prefix or session wrote does not.
func TestFactors_OfAnEarlierRelease(t *testing.T) {
	t.Parallel()
	a := membersApp(t, ginauth.Options{})
	a.engine.GET("/methods", a.auth.RequireSession(), func(c *gin.Context) {
		var methods []string
		for _, f := range ginauth.GetSession(c).Factors {
			methods = append(methods, string(f.Method))
		}
		c.String(http.StatusOK, strings.Join(methods, " "))
	})
	for _, row := range []struct{ purpose, secret, session, want string }{
		{"ginauth.factors.next-auth", testSecret, "s-1", "password"},
		{"ginauth.factors.staff", testSecret, "s-1", ""},
		{"next-auth", testSecret, "s-1", ""},
		{"ginauth.factors.next-auth", strings.Repeat("other ", 8), "s-1", ""},
		{"ginauth.factors.next-auth", testSecret, "s-2", ""},
	} {
		keys, err := token.NewDigest(row.purpose, row.secret)
		if err != nil {
			t.Fatal(err)
		}
		claim := factor.Claim(keys, "ada", row.session, []factor.Proof{{Method: "password", At: time.Now(), Provider: "credentials", Account: "mark"}})
		session := sessionFor(t, "ada@example.com", map[string]any{"sub": "ada", "ginauth_sid": "s-1", factorsClaim: claim})
		if res := a.send(t, http.MethodGet, "/methods", "", "Cookie", sessionCookie+"="+session); res.StatusCode != http.StatusOK || res.body != row.want {
			t.Errorf("%+v: %d, the factors are %q", row, res.StatusCode, res.body)
		}
	}
}
