package recipes

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// ViewAs lets an administrator see the site as another user; an empty UserID ends it. It
// is a type of the program, so that no page can send it.
type ViewAs struct{ UserID string }

// KeepViewAs belongs into Callbacks.JWT.
func KeepViewAs(p ginauth.JWTParams) {
	if v, ok := p.Update.(ViewAs); ok && p.Trigger == ginauth.TriggerUpdate {
		p.Token.Claims["viewAs"] = v.UserID
	}
}

// ViewedUser is whose data to show: the user whom an administrator looks at, else the
// person who is signed in. Use it to read, and GetSession for who acts.
func ViewedUser(c *gin.Context) string {
	if viewed, _ := ginauth.GetToken(c).Claims["viewAs"].(string); viewed != "" {
		return viewed
	}
	return ginauth.GetSession(c).User.ID
}

// ReadOnly is a guard for all routes that change something: it refuses while an
// administrator sees the site as somebody else.
func ReadOnly(c *gin.Context, _ *ginauth.Session) bool {
	if viewed, _ := ginauth.GetToken(c).Claims["viewAs"].(string); viewed == "" {
		return true
	}
	return c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
}
