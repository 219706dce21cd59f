package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/pprof"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/bench/internal/process"
)

// What a server is told in its environment.
const (
	envSecret = "BENCH_SECRET"
	envAnswer = "BENCH_ANSWER" // the JSON that an endpoint answers which asks nobody
)

// The ways in which the Gin application's endpoint is guarded.
const (
	open      = "open"
	headers   = "headers"  // open, with the two headers that the guard sets
	contexts  = "contexts" // and something put where the guard puts the session
	guardedV4 = "v4"
	guardedV5 = "v5"
)

// A person is what every endpoint answers.
type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Image string `json:"image"`
}

// serve is the Gin application, until the program that started it closes stdin. With a
// name of a file it writes its CPU profile there.
func serve(guard, profile string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	engine, err := application(guard, "http://"+listener.Addr().String())
	if err != nil {
		return err
	}
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ended := make(chan error, 1)
	go func() { ended <- http.Serve(listener, engine) }()
	go func() { ended <- process.Left() }()
	process.Announce(listener.Addr().String())
	return <-ended
}

// application has one endpoint, which says who is signed in.
func application(guard, site string) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	switch guard {
	case open, headers, contexts:
		var somebody person
		if err := json.Unmarshal([]byte(os.Getenv(envAnswer)), &somebody); err != nil {
			return nil, fmt.Errorf("%s: %w", envAnswer, err)
		}
		engine.GET("/", frame(guard, &somebody), func(c *gin.Context) { c.JSON(http.StatusOK, somebody) })
		return engine, nil
	}
	session := ginauth.SessionOptions{}
	if guard == guardedV5 {
		session.Format = ginauth.AuthJSV5
	}
	auth, err := ginauth.New(ginauth.Options{Secret: os.Getenv(envSecret), BaseURL: site, Session: session})
	if err != nil {
		return nil, err
	}
	engine.GET("/", auth.RequireSession(), func(c *gin.Context) {
		user := ginauth.GetSession(c).User
		c.JSON(http.StatusOK, person{user.Name, user.Email, user.Image})
	})
	return engine, nil
}

type somebodyKey struct{}

// frame does what any middleware of the guard's kind has to do around its work.
func frame(guard string, somebody *person) gin.HandlerFunc {
	return func(c *gin.Context) {
		if guard == open {
			return
		}
		c.Header("Cache-Control", "private, no-cache, no-store")
		c.Header("Vary", "Cookie")
		if guard == contexts {
			c.Set("somebody", somebody)
			c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), somebodyKey{}, somebody))
		}
	}
}
