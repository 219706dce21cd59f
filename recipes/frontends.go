package recipes

import (
	"net/http"
	"net/url"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// CrossOrigin lets the pages of another origin, such as https://app.example.com, send
// requests with this site's cookies. Use it on the engine, before Register.
func CrossOrigin(origin string) gin.HandlerFunc {
	return cors.New(cors.Config{
		AllowOrigins:     []string{origin},
		AllowMethods:     []string{"GET", "POST", "PUT", "PATCH", "DELETE"},
		AllowHeaders:     []string{"Content-Type"},
		AllowCredentials: true,
		MaxAge:           time.Hour,
	})
}

// SendToSignIn leads people who are not signed in to another site of yours that signs them
// in, and back. It comes after LoadSession. accounts is that site's origin, and self this
// one's, which accounts lists in AllowedRedirects.
func SendToSignIn(accounts, self string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if ginauth.GetSession(c) == nil {
			back := url.QueryEscape(self + c.Request.URL.RequestURI())
			c.Redirect(http.StatusSeeOther, accounts+"/api/auth/signin?callbackUrl="+back)
			c.Abort()
		}
	}
}

// ShowFeatures is Callbacks.Session: the page reads which features are on for the person
// in the session's member "features". enabled runs at each guarded request, so let it
// answer from memory.
func ShowFeatures(enabled func(userID string) []string) func(*gin.Context, ginauth.SessionParams) error {
	return func(_ *gin.Context, p ginauth.SessionParams) error {
		p.Session.Values["features"] = enabled(p.Token.Subject)
		return nil
	}
}

// HasFeature is a guard.
func HasFeature(enabled func(userID string) []string, name string) ginauth.Guard {
	return func(_ *gin.Context, s *ginauth.Session) bool {
		for _, feature := range enabled(s.User.ID) {
			if feature == name {
				return true
			}
		}
		return false
	}
}
