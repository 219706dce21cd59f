package main

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/e2e/languages"
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
	letters := new(postbox)
	r.GET("/factors/letter", letters.show)
	auth, err := ginauth.Register(r.Group("/factors"), ginauth.Options{
		BaseURL: site + "/factors/api/auth", Secret: secret, Cookies: ginauth.CookieOptions{Prefix: "factors"},
		Providers: []ginauth.Provider{known, ginauth.Email{Code: true, Send: letters.send}}, Adapter: users, Now: now, Translations: languages.All(),
		Factors: ginauth.FactorOptions{
			OTP: true, TrustDevice: 30 * 24 * time.Hour,
			Required: func(_ *gin.Context, user ginauth.User) bool { return user.Name == "grace" },
		},
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := auth.LinkCredentials(context.Background(), id); err != nil {
			return err
		}
	}
	r.GET("/factors/me", auth.RequireSession(), func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"Session": ginauth.GetSession(c), "SignOut": auth.SignOutForm(c, "/factors/me")})
	})
	r.GET("/factors/vault", auth.RequireFactor(time.Hour, ginauth.FactorMail), func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"Session": ginauth.GetSession(c)})
	})
	return nil
}
