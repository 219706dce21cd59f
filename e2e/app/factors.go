package main

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// factors mounts an application with second factors below /factors. Ada may set an app
// up, and Grace, whose password is compiler, must.
func factors(r *gin.Engine, site string) error {
	users := ginauth.MemoryAdapter()
	ids := map[string]string{}
	for name, email := range map[string]string{"ada": "ada@example.com", "grace": "grace.brewster.murray.hopper@naval-research.example.com"} {
		user, err := users.CreateUser(context.Background(), ginauth.User{Name: name, Email: email, EmailVerified: now()}, nil)
		if err != nil {
			return err
		}
		ids[name] = user.ID
	}
	known := passwords()
	known.Authorize = func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
		if typed["password"] != map[string]string{"ada": "engine", "grace": "compiler"}[typed["name"]] || ids[typed["name"]] == "" {
			return nil, nil
		}
		return &ginauth.User{ID: ids[typed["name"]], Name: typed["name"]}, nil
	}
	auth, err := ginauth.Register(r.Group("/factors"), ginauth.Options{
		BaseURL: site + "/factors/api/auth", Secret: secret, Cookies: ginauth.CookieOptions{Prefix: "factors"},
		Providers: []ginauth.Provider{known}, Adapter: users, Now: now,
		Factors: ginauth.FactorOptions{
			OTP: true, TrustDevice: 30 * 24 * time.Hour,
			Required: func(_ *gin.Context, user ginauth.User) bool { return user.Name == "grace" },
		},
	})
	if err != nil {
		return err
	}
	r.GET("/factors/me", auth.RequireSession(), func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"Session": ginauth.GetSession(c), "SignOut": auth.SignOutForm(c, "/factors/me")})
	})
	return nil
}
