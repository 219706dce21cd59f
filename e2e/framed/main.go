// Command framed is an application that other sites show in a frame, on https with
// partitioned cookies, and two such sites around it.
package main

import (
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
)

var (
	// around is a page of another site.
	around = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>Portal</title><link rel="icon" href="data:,"><h1>Portal</h1><iframe title="App" src="{{.}}/"></iframe>`))
	// inside is the application's page: who is signed in, or its own sign-in page.
	inside = template.Must(template.New("").Parse(`<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
{{with .Session}}<p id="who">{{.User.Name}}</p>{{$.SignOut}}
{{else}}<form method="post" action="/api/auth/callback/credentials">{{.CSRF}}<input type="hidden" name="callbackUrl" value="/">
<input name="username" aria-label="Name"><input name="password" type="password" aria-label="Password"><button>Sign in</button></form>{{end}}`))
)

func main() {
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	base := "https://app.framed.localhost:" + port
	app, err := application(base)
	if err != nil {
		log.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, err := url.Parse(base); err == nil && r.Host == u.Host {
			app.ServeHTTP(w, r)
			return
		}
		if err := around.Execute(w, base); err != nil {
			log.Print(err)
		}
	})
	server.StartTLS()
	fmt.Printf("%s is shown by https://127.0.0.1:%s and https://portal.example.localhost:%s\n", base, port, port)
	select {}
}

func application(base string) (http.Handler, error) {
	r := gin.New()
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL: base, Secret: "a secret of this program, for tests alone",
		Cookies: ginauth.CookieOptions{SameSite: http.SameSiteNoneMode, Partitioned: true},
		Pages:   ginauth.Pages{SignIn: "/"},
		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
				if typed["password"] != "difference engine" {
					return nil, nil
				}
				return &ginauth.User{ID: typed["username"], Name: typed["username"]}, nil
			},
		}},
	})
	if err != nil {
		return nil, err
	}
	r.GET("/", auth.LoadSession(), func(c *gin.Context) {
		err := inside.Execute(c.Writer, struct {
			Session       *ginauth.Session
			CSRF, SignOut template.HTML
		}{ginauth.GetSession(c), auth.CSRFField(c), auth.SignOutForm(c, "/")})
		if err != nil {
			log.Print(err)
		}
	})
	return r, nil
}
