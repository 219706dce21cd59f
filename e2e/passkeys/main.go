// Command passkeys is a site with passwords and passkeys, and a page that asks for a
// fresh proof.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/e2e/languages"
	"github.com/ginauth/ginauth/passkey"
)

func main() {
	strict := flag.Bool("strict", false, "whether the site's own policy lets no script run")
	flag.Parse()
	if err := run(*strict); err != nil {
		log.Fatal(err)
	}
}

// names are of the people, who have the password "difference engine".
var names = []string{"ada", "bob"}

func run(strict bool) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	site := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	users := ginauth.MemoryAdapter()
	known := map[string]ginauth.User{}
	for _, name := range names {
		if known[name], err = users.CreateUser(context.Background(), ginauth.User{Name: name, Email: name + "@example.com", EmailVerified: time.Now()}, nil); err != nil {
			return err
		}
	}
	r := gin.New()
	if strict {
		r.Use(func(c *gin.Context) { c.Header("Content-Security-Policy", "default-src 'none'") })
	}
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL: site,
		Secret:  "the secret of a site that is only looked at",
		Adapter: users,
		Factors: ginauth.FactorOptions{Passkeys: passkey.New(passkey.Config{Name: "Engines"})},
		Session: ginauth.SessionOptions{Revocations: ginauth.MemoryRevocations()},

		AccountPage:  true,
		Translations: languages.All(),

		Providers: []ginauth.Provider{ginauth.Credentials{
			Fields: []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
			Authorize: func(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
				user, ok := known[typed["username"]]
				if !ok || typed["password"] != "difference engine" {
					return nil, nil
				}
				return &user, nil
			},
		}},
	})
	if err != nil {
		return err
	}
	for _, user := range known {
		if err := auth.LinkCredentials(context.Background(), user.ID); err != nil {
			return err
		}
	}
	r.GET("/", auth.LoadSession(), func(c *gin.Context) {
		name := "nobody"
		if s := ginauth.GetSession(c); s != nil {
			name = s.User.Name
			for _, f := range s.Factors {
				name += " by " + string(f.Method)
			}
		}
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(`<!doctype html><html lang="en"><title>Site</title><link rel="icon" href="data:,"><p id="who">`+name+`</p>
<a href="/api/auth/signin">Sign in</a> <a href="/api/auth/passkeys">Passkeys</a> <a href="/vault">Vault</a>
<script type="module">import * as ginauth from '`+auth.ClientURL()+`'; window.ginauth = ginauth</script></html>`))
	})
	r.GET("/vault", auth.RequireFactor(time.Hour, ginauth.FactorPasskey), func(c *gin.Context) {
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(`<!doctype html><html lang="en"><title>Vault</title><link rel="icon" href="data:,"><body>the vault</body></html>`))
	})
	fmt.Println(site, "is ready")
	return http.Serve(listener, r)
}
