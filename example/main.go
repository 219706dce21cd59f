// Command example is a Gin application with sign-in. It needs no account anywhere: it
// starts its own identity provider. It uses public packages only.
package main

import (
	"embed"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

//go:embed pages assets
var files embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	own := flag.Bool("own-pages", false, "a sign-in page of the application's own, built of ginauth's forms")
	flag.Parse()
	if err := run(*addr, *own); err != nil {
		log.Fatal(err)
	}
}

func run(addr string, own bool) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	providers, stop, err := signIns()
	if err != nil {
		return err
	}
	defer stop()

	r := gin.New()
	r.Use(gin.Recovery(), policy)
	r.SetHTMLTemplate(template.Must(template.ParseFS(files, "pages/*.html")))
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	site := "http://localhost:" + port
	if err := routes(r, site, providers, own); err != nil {
		return err
	}
	fmt.Printf("Open %s in a browser. Stop with Ctrl-C.\n", site)
	return http.Serve(listener, r)
}
