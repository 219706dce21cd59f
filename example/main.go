// Command example is a Gin application with sign-in. It needs no account
// anywhere: the identity provider is one that it starts itself.
package main

import (
	"embed"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth"
)

//go:embed pages
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
	providers, stop, err := providers()
	if err != nil {
		return err
	}
	defer stop()

	r := gin.New()
	r.Use(gin.Recovery())
	r.SetHTMLTemplate(template.Must(template.ParseFS(files, "pages/*.html")))
	if err := routes(r, providers); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	fmt.Printf("Open http://localhost:%s in a browser. Stop with Ctrl-C.\n", port)
	return http.Serve(listener, r)
}

// routes is the whole of what an application does for sign-in.
func routes(r *gin.Engine, providers []ginauth.Provider) error {
	auth, err := ginauth.Register(r, ginauth.Options{Providers: providers})
	if err != nil {
		return err
	}

	// A page that anybody may see, and that greets who is signed in.
	r.GET("/", auth.LoadSession(), page("home.html"))

	// A page and an API for signed-in people alone.
	r.GET("/account", auth.RequireSession(), page("account.html"))
	api := r.Group("/api/me", auth.RequireSession())
	api.GET("", func(c *gin.Context) {
		c.JSON(http.StatusOK, ginauth.GetSession(c))
	})

	r.StaticFileFS("/style.css", "pages/style.css", http.FS(files))
	return nil
}

func page(name string) gin.HandlerFunc {
	return func(c *gin.Context) {
		c.HTML(http.StatusOK, name, ginauth.GetSession(c))
	}
}

// providers are the ways to sign in: always the local provider, and those whose
// client identifiers are in the environment.
func providers() (list []ginauth.Provider, stop func() error, err error) {
	if gin.Mode() == gin.ReleaseMode {
		return nil, nil, errors.New("the example's identity provider asks for no password; it does not run in gin's release mode")
	}
	local, stop, err := localProvider()
	if err != nil {
		return nil, nil, err
	}
	list = append(list, local)
	if id := os.Getenv("GITHUB_ID"); id != "" {
		list = append(list, ginauth.Goth(github.New(id, os.Getenv("GITHUB_SECRET"), ""))...)
	}
	if id := os.Getenv("GOOGLE_ID"); id != "" {
		list = append(list, ginauth.Goth(google.New(id, os.Getenv("GOOGLE_SECRET"), "", "openid", "email", "profile"))...)
	}
	return list, stop, nil
}
