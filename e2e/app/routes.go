package main

import (
	"html/template"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/e2e/languages"
	"github.com/ginauth/ginauth/oidc"
)

// secret seals nothing that outlives a test.
var secret = strings.Repeat("browser suite ", 4)

// ahead is how far a suite has moved the application's clock, in nanoseconds.
var ahead atomic.Int64

func now() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }

// page holds a React page, or what only signed-in people see.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{if .Session}}Guarded{{else}}React{{end}}</title>
<link rel="icon" href="data:,">
</head>
<body>
<main>
{{with .Session}}<h1>Guarded</h1><p id="guarded">{{.User.Email}}</p>{{$.SignOut}}
{{else}}<h1>React</h1><div id="root"></div><script src="/bundle/app.js"></script>
{{end}}<p><a href="/">React</a> <a href="/account">Account</a> <a href="/private">Private</a></p>
</main>
</body>
</html>
`))

// routes mounts the application.
func routes(r *gin.Engine, site string, s settings) error {
	format := ginauth.NextAuthV4
	if s.authJS {
		format = ginauth.AuthJSV5
	}
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL:   site,
		Secret:    secret,
		Providers: providers(s),
		Session:   ginauth.SessionOptions{MaxAge: s.maxAge, Format: format},
		Now:       now,
		Callbacks: ginauth.Callbacks{JWT: remember, Session: pass},

		Translations: languages.All(),
	})
	if err != nil {
		return err
	}
	r.SetHTMLTemplate(page)
	for _, path := range []string{"/", "/required", "/polling"} {
		r.GET(path, func(c *gin.Context) { c.HTML(http.StatusOK, "page", gin.H{}) })
	}
	r.Static("/bundle", s.bundle)

	r.GET("/account", auth.RequireSession(), func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"Session": ginauth.GetSession(c), "SignOut": auth.SignOutForm(c, "/")})
	})
	// Without a form, whose token alone would keep the page out of every cache.
	r.GET("/private", auth.RequireSession(), func(c *gin.Context) {
		c.HTML(http.StatusOK, "page", gin.H{"Session": ginauth.GetSession(c)})
	})
	r.GET("/api/me", auth.RequireSession(), func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})
	r.POST("/clock", func(c *gin.Context) {
		d, err := time.ParseDuration(c.Query("ahead"))
		if err != nil {
			c.AbortWithStatus(http.StatusBadRequest)
			return
		}
		ahead.Store(int64(d))
	})
	nobody := func(*gin.Context, *ginauth.Session) bool { return false }
	r.GET("/refused", auth.RequireSession(nobody), func(*gin.Context) {})
	return nil
}

func providers(s settings) []ginauth.Provider {
	list := ginauth.Goth(
		oidc.New(oidc.Config{
			Name: "work", DisplayName: "Work ID",
			Issuer: s.issuer, ClientID: s.clientID, ClientSecret: s.clientSecret,
		}),
		github.New("id", "secret", ""),
		google.New("id", "secret", ""),
	)
	return append(list, passwords())
}

// passwords knows one person.
func passwords() ginauth.Credentials {
	return ginauth.Credentials{
		Fields: []ginauth.Field{
			{Name: "name", Label: "Name", Placeholder: "ada"},
			{Name: "password", Label: "Password", Type: "password"},
		},
		Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
			if typed["name"] != "ada" || typed["password"] != "engine" {
				return nil, nil
			}
			return &ginauth.User{ID: "1815", Name: "Ada Lovelace", Email: "ada@example.com"}, nil
		},
	}
}

// remember keeps the provider's access token, and the one thing that a page may
// change in its session.
func remember(_ *gin.Context, p ginauth.JWTParams) error {
	if p.Account != nil && p.Account.AccessToken != "" { // at sign-in with a provider
		p.Token.Claims["accessToken"] = p.Account.AccessToken
	}
	if p.Trigger == ginauth.TriggerUpdate {
		update, _ := p.Update.(map[string]any)
		if colour, ok := update["colour"].(string); ok {
			p.Token.Claims["colour"] = colour
		}
	}
	return nil
}

// pass shows the browser what remember kept.
func pass(_ *gin.Context, p ginauth.SessionParams) error {
	for _, name := range []string{"accessToken", "colour"} {
		if value, ok := p.Token.Claims[name]; ok {
			p.Session.Values[name] = value
		}
	}
	return nil
}
