package main

import (
	"net/http"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-gonic/gin"
)

// openSCS is scs with its memory store around the engine, as its README has it
// around a mux. The cookie holds a random token, which the store knows or not.
func openSCS(all *crowd) (*site, error) { return openSCSIn(memstore.New(), all) }

func openSCSIn(store scs.Store, all *crowd) (*site, error) {
	sessions := scs.New()
	sessions.Store = store
	sessions.Lifetime = lifetime
	engine := gin.New()
	var next person
	engine.POST("/", func(c *gin.Context) {
		ctx := c.Request.Context()
		if err := sessions.RenewToken(ctx); err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		sessions.Put(ctx, "sub", next.Subject)
		sessions.Put(ctx, "name", next.Name)
		sessions.Put(ctx, "email", next.Email)
		sessions.Put(ctx, "picture", next.Picture)
		if next.AccessToken != "" {
			sessions.Put(ctx, "accessToken", next.AccessToken)
		}
	})
	engine.GET("/", func(c *gin.Context) {
		ctx := c.Request.Context()
		p := person{
			Subject: sessions.GetString(ctx, "sub"), Name: sessions.GetString(ctx, "name"),
			Email: sessions.GetString(ctx, "email"), Picture: sessions.GetString(ctx, "picture"),
			AccessToken: sessions.GetString(ctx, "accessToken"),
		}
		if p.Subject == "" {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		tell(c, p)
	})
	s := &site{handler: sessions.LoadAndSave(engine), cookie: sessions.Cookie.Name}
	return s, s.signIn(all, func(p person) { next = p })
}
