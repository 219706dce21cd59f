// Command example is a Gin application with sign-in. It needs no account
// anywhere: the identity provider is one that it starts itself.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io/fs"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

//go:embed pages assets
var files embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.Parse()
	if err := run(*addr); err != nil {
		log.Fatal(err)
	}
}

func run(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	list, stop, err := signIns()
	if err != nil {
		return err
	}
	defer stop()

	r := gin.New()
	r.Use(gin.Recovery())
	r.SetHTMLTemplate(template.Must(template.ParseFS(files, "pages/*.html")))
	if err := routes(r, list); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	fmt.Printf("Open http://localhost:%s in a browser. Stop with Ctrl-C.\n", port)
	return http.Serve(listener, r)
}

// routes is the whole of what an application does for sign-in.
func routes(r *gin.Engine, list []ginauth.Provider) error {
	auth, err := ginauth.Register(r, ginauth.Options{
		Providers: list,
		Callbacks: ginauth.Callbacks{JWT: keepAccessToken, Session: passAccessToken},
	})
	if err != nil {
		return err
	}

	// show answers a page with what its template may want.
	show := func(name string) gin.HandlerFunc {
		return func(c *gin.Context) {
			c.HTML(http.StatusOK, name, gin.H{
				"Session": ginauth.GetSession(c),
				"SignOut": auth.SignOutForm(c, "/"),
				"Client":  auth.ClientURL(),
			})
		}
	}

	// Pages that anybody may see, and that know who is signed in.
	r.GET("/", auth.LoadSession(), show("home.html"))
	r.GET("/htmx", auth.LoadSession(), show("htmx.html"))

	// Pages whose script asks who is signed in.
	r.GET("/react", show("react.html"))
	r.GET("/script", show("script.html"))

	// A page, an API and a fragment for signed-in people alone.
	r.GET("/account", auth.RequireSession(), show("account.html"))
	api := r.Group("/api/me", auth.RequireSession())
	api.GET("", func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})
	r.GET("/htmx/fragment", auth.RequireSession(), func(c *gin.Context) {
		c.String(http.StatusOK, "%s, it is %s.", ginauth.GetSession(c).User.Name, time.Now().Format(time.TimeOnly))
	})

	assets, err := fs.Sub(files, "assets")
	if err != nil {
		return err
	}
	r.StaticFS("/assets", http.FS(assets))
	return nil
}

// keepAccessToken puts the provider's access token into the session token.
func keepAccessToken(_ *gin.Context, p ginauth.JWTParams) error {
	if p.Account != nil { // at sign-in
		p.Token.Claims["accessToken"] = p.Account.AccessToken
	}
	return nil
}

// passAccessToken shows it to the pages.
func passAccessToken(_ *gin.Context, p ginauth.SessionParams) error {
	p.Session.Values["accessToken"] = p.Token.Claims["accessToken"]
	return nil
}

// signIns are the ways to sign in: always the local provider, and those whose
// client identifiers are in the environment.
func signIns() (list []ginauth.Provider, stop func() error, err error) {
	if gin.Mode() == gin.ReleaseMode {
		return nil, nil, errors.New("the example's identity provider asks for no password; it does not run in gin's release mode")
	}
	local, stop, err := localProvider()
	if err != nil {
		return nil, nil, err
	}
	fromEnv, err := providers.FromEnv()
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return append([]ginauth.Provider{local}, fromEnv...), stop, nil
}
