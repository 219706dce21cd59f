// Command beside is a Gin API beside a Next.js app. The two have one sign-in:
// the app's, or with -signs-in this program's.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	signsIn := flag.Bool("signs-in", false, "sign people in here and not in the Next.js app")
	v5 := flag.Bool("v5", false, "the app has next-auth 5")
	updateAge := flag.Duration("update-age", 24*time.Hour, "age at which a guarded request seals a session again")
	absolute := flag.Duration("absolute", 0, "how long a session lasts at most")
	own := flag.Bool("own-lifetime", false, "sign people in here, each session with a lifetime of its own")
	flag.Parse()

	session := ginauth.SessionOptions{UpdateAge: *updateAge, AbsoluteMaxAge: *absolute}
	if *v5 {
		session.Format = ginauth.AuthJSV5
	}
	share := readsSessions
	switch {
	case *own:
		share = signsPeopleInForHours
	case *signsIn:
		share = signsPeopleIn
	}
	r := gin.New()
	auth, err := share(r, session)
	if err != nil {
		log.Fatal(err)
	}
	routes(r, auth)
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	log.Fatal(http.Serve(listener, r))
}

// readsSessions is for an app whose Next.js part signs people in.
func readsSessions(_ *gin.Engine, session ginauth.SessionOptions) (*ginauth.Auth, error) {
	return ginauth.New(ginauth.Options{Session: session})
}

// signsPeopleIn is for an app whose Next.js part only reads sessions.
func signsPeopleIn(r *gin.Engine, session ginauth.SessionOptions) (*ginauth.Auth, error) {
	return ginauth.Register(r, ginauth.Options{
		Session: session,
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{
				{Name: "username", Label: "Username"},
				{Name: "password", Label: "Password", Type: "password"},
			},
			Authorize: authorize,
		}},
		Callbacks: ginauth.Callbacks{JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
			if p.User != nil { // at sign-in
				p.Token.Claims["groups"] = p.User.Values["groups"]
				p.Token.Claims["accessToken"] = "of " + p.User.Email
			}
			return nil
		}},
	})
}

// signsPeopleInForHours gives sessions a lifetime that next-auth has no word for.
func signsPeopleInForHours(r *gin.Engine, session ginauth.SessionOptions) (*ginauth.Auth, error) {
	return ginauth.Register(r, ginauth.Options{
		Session:   session,
		Providers: []ginauth.Provider{ginauth.Credentials{Authorize: authorize}},
		Callbacks: ginauth.Callbacks{
			SignIn: func(_ *gin.Context, p ginauth.SignInParams) error {
				*p.Lifetime = ginauth.Lifetime{MaxAge: time.Hour, AbsoluteMaxAge: 8 * time.Hour, BrowserSession: true}
				return nil
			},
			JWT: func(_ *gin.Context, p ginauth.JWTParams) error {
				if p.User != nil {
					p.Token.Claims["groups"] = p.User.Values["groups"]
				}
				return nil
			},
		},
	})
}

// routes is the API.
func routes(r *gin.Engine, auth *ginauth.Auth) {
	api := r.Group("/go", auth.RequireSession())
	api.GET("/me", func(c *gin.Context) {
		user := ginauth.GetSession(c).User
		groups := ginauth.GetToken(c).Claims["groups"]
		c.JSON(http.StatusOK, gin.H{"name": user.Name, "email": user.Email, "groups": groups})
	})
	api.POST("/notes", func(c *gin.Context) {
		c.String(http.StatusCreated, "A note by %s.", ginauth.GetSession(c).User.Name)
	})
}
