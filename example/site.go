package main

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

// routes is everything that an application does for sign-in. site is the address
// that the links in mails lead to; in production it comes from NEXTAUTH_URL.
func routes(r *gin.Engine, site string, providers []ginauth.Provider, own bool) error {
	var pages ginauth.Pages
	if own {
		pages.SignIn = "/login"
	}
	if fromEnv := os.Getenv("NEXTAUTH_URL"); fromEnv != "" {
		site = fromEnv
	}
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL: site,
		// In memory, so that nothing is left behind, and the first build need not
		// compile a database. Package gormadapter keeps both in SQLite, PostgreSQL or
		// MySQL.
		Adapter:   ginauth.MemoryAdapter(),
		Session:   ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},
		Providers: providers,
		Callbacks: ginauth.Callbacks{SignIn: remember, JWT: keepInToken, Session: passToPage},
		Pages:     pages,
		// People look after their account at /api/auth/account.
		AccountPage: true,
	})
	if err != nil {
		return err
	}

	// show answers a page with what its template may want.
	show := func(name string) gin.HandlerFunc {
		return func(c *gin.Context) {
			shown := gin.H{"Session": ginauth.GetSession(c), "SignOut": auth.SignOutForm(c, "/")}
			if own {
				shown["Menu"] = auth.AccountMenu(c, "/")
			}
			c.HTML(http.StatusOK, name, shown)
		}
	}

	// Public pages that know who is signed in.
	r.GET("/", auth.LoadSession(), show("home.html"))
	r.GET("/htmx", auth.LoadSession(), show("htmx.html"))

	// The sign-in page of -own-pages. Its forms are ginauth's, its words and its look the
	// application's.
	r.GET("/login", func(c *gin.Context) {
		back := c.DefaultQuery("callbackUrl", "/")
		c.HTML(http.StatusOK, "login.html", gin.H{
			"Providers": auth.ProviderButtons(c, back), "Mail": auth.SignInForm(c, "email", back),
			"CSRF": auth.CSRFField(c), "Back": back, "Failed": c.Query("error") != "",
		})
	})

	// Pages whose script asks who is signed in.
	r.GET("/react", show("react.html"))
	r.GET("/script", show("script.html"))

	// A page, a fragment and an API for signed-in people only.
	r.GET("/account", auth.RequireSession(), show("account.html"))
	r.GET("/htmx/fragment", auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, "%s, it is %s.", ginauth.GetSession(c).User.Name, time.Now().Format(time.TimeOnly))
	})
	api := r.Group("/api/me", auth.RequireSession())
	api.GET("", func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})
	api.GET("/clock", clock(auth))

	assets, err := fs.Sub(files, "assets")
	if err != nil {
		return err
	}
	r.StaticFS("/assets", http.FS(assets))
	return nil
}

// clock sends the server's time each second, as server-sent events, until the
// session ends or the page goes.
func clock(auth *ginauth.Auth) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx, stop := auth.SessionContext(c)
		defer stop()
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		now := time.Now()
		c.Stream(func(io.Writer) bool {
			c.SSEvent("time", now.Format(time.TimeOnly))
			select {
			case now = <-tick.C:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}
}

// policy lets pages load what this server serves, and nothing inline: a script
// that an attacker smuggles into a page does not run. The auth routes' own pages
// have a policy of their own.
func policy(c *gin.Context) {
	c.Header("Content-Security-Policy",
		"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	c.Header("X-Content-Type-Options", "nosniff")
}
