// Command app is the application that the browser suites look at: every way to
// sign in, a guarded page and API, and a React page built by the suite.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// settings are what a suite chooses.
type settings struct {
	issuer, clientID, clientSecret string

	bundle string        // folder with the React page's script
	authJS bool          // for the client of next-auth 5
	maxAge time.Duration // of a session
}

func main() {
	var s settings
	flag.StringVar(&s.issuer, "issuer", "", "OpenID provider")
	flag.StringVar(&s.clientID, "client-id", "app", "client at the provider")
	flag.StringVar(&s.clientSecret, "client-secret", "", "its secret")
	flag.StringVar(&s.bundle, "bundle", "", "folder with app.js, the React page's script")
	flag.BoolVar(&s.authJS, "authjs", false, "sessions of Auth.js, for the client of next-auth 5")
	flag.DurationVar(&s.maxAge, "max-age", time.Hour, "how long a session lasts")
	flag.Parse()
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

func run(s settings) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	site := "http://localhost:" + port
	r := gin.New()
	r.Use(gin.Recovery())
	if err := errors.Join(routes(r, site, s), looks(r, site), account(r, site), factors(r, site)); err != nil {
		return err
	}
	fmt.Println("listening on", site)
	return http.Serve(listener, r)
}
