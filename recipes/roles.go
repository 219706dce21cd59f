package recipes

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// Roles keeps a person's role in the session and looks it up again once a minute, so that
// a role which somebody else changed counts within a minute, without a new sign-in.
type Roles struct {
	Of func(ctx context.Context, userID string) (string, error) // from your database
}

// Keep is Callbacks.JWT.
func (r Roles) Keep(c *gin.Context, p ginauth.JWTParams) error {
	seen, _ := p.Token.Claims["roleSeen"].(string)
	at, err := time.Parse(time.RFC3339, seen)
	if err == nil && time.Since(at) < time.Minute {
		return nil
	}
	role, err := r.Of(c, p.Token.Subject)
	if err != nil {
		return err // 500, and the session stays
	}
	if role == "banned" {
		return ginauth.ErrSignedOut
	}
	p.Token.Claims["role"] = role
	p.Token.Claims["roleSeen"] = time.Now().UTC().Format(time.RFC3339)
	return nil
}

// HasRole is a guard.
func HasRole(role string) ginauth.Guard {
	return func(c *gin.Context, _ *ginauth.Session) bool {
		return ginauth.GetToken(c).Claims["role"] == role
	}
}
