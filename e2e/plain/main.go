// Command plain is a site without a framework in the browser: pages rendered on
// the server, ginauth.js, htmx, and streams that end with their session.
package main

import (
	"embed"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

//go:embed *.html
var pages embed.FS

// settings are what a suite asks for.
type settings struct {
	addr, host   string
	url          string
	maxAge       time.Duration
	cookies      ginauth.CookieOptions
	responseMode string
	long, portal bool
}

func main() {
	var s settings
	flag.StringVar(&s.addr, "addr", "127.0.0.1:0", "address to listen on")
	flag.StringVar(&s.host, "host", "", "host name of the site; empty: any that is loopback")
	flag.StringVar(&s.url, "url", "", "the site's address, where a proxy in front has another")
	flag.DurationVar(&s.maxAge, "max-age", time.Hour, "how long an unused session lasts")
	flag.StringVar(&s.cookies.Domain, "domain", "", "domain of the session cookie")
	flag.StringVar(&s.responseMode, "response-mode", "", "how the provider brings its answer")
	flag.BoolVar(&s.long, "long", false, "whether sessions are too long for one cookie")
	flag.BoolVar(&s.portal, "portal", false, "whether other sites may start a sign-in")
	strict := flag.Bool("strict", false, "whether the session cookie is SameSite=Strict")
	flag.Parse()
	if *strict {
		s.cookies.SameSite = http.SameSiteStrictMode
	}
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

func run(s settings) error {
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = idp.Close() }()
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	site, base := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port), ""
	if s.host != "" {
		base = strings.Replace(site, "localhost", s.host, 1)
		site = base
	}
	if s.url != "" {
		base = s.url
	}
	r := gin.New()
	r.SetHTMLTemplate(template.Must(template.ParseFS(pages, "*.html")))
	auth, err := ginauth.Register(r, ginauth.Options{
		BaseURL: base,
		Cookies: s.cookies,
		Secret:  "the secret of a site that is only looked at",
		Providers: []ginauth.Provider{
			ginauth.OAuth{
				Provider: oidc.New(oidc.Config{
					Name: "local", Issuer: idp.Issuer(), ClientID: idp.ClientID(), ClientSecret: idp.ClientSecret(),
					ResponseMode: s.responseMode,
				}),
				ThirdPartyLogin: s.portal,
			},
			ginauth.Credentials{
				Fields:    []ginauth.Field{{Name: "username"}, {Name: "password", Type: "password"}},
				Authorize: authorize,
			},
		},
		Session:   ginauth.SessionOptions{MaxAge: s.maxAge},
		Callbacks: ginauth.Callbacks{JWT: keep(s.long), Session: showNickname},
	})
	if err != nil {
		return err
	}
	routes(r, auth)
	fmt.Printf("%s signs in at %s\n", site, idp.Issuer())
	return http.Serve(listener, r)
}

func authorize(_ *gin.Context, typed map[string]string) (*ginauth.User, error) {
	if typed["username"] != "ada" || typed["password"] != "difference engine" {
		return nil, nil
	}
	return &ginauth.User{ID: "1", Name: "Ada Lovelace", Email: "ada@example.com"}, nil
}

// keep is the JWT callback: it keeps the nickname, and what makes a session long.
func keep(long bool) func(*gin.Context, ginauth.JWTParams) error {
	return func(c *gin.Context, p ginauth.JWTParams) error {
		if long {
			p.Token.Claims["pad"] = strings.Repeat("p", 9000)
		}
		return keepNickname(c, p)
	}
}

func keepNickname(_ *gin.Context, p ginauth.JWTParams) error {
	if data, ok := p.Update.(map[string]any); ok && p.Trigger == ginauth.TriggerUpdate {
		p.Token.Claims["nickname"] = data["nickname"]
	}
	return nil
}

func showNickname(_ *gin.Context, p ginauth.SessionParams) error {
	p.Session.Values["nickname"] = p.Token.Claims["nickname"]
	return nil
}

func routes(r *gin.Engine, auth *ginauth.Auth) {
	show := func(name string) gin.HandlerFunc {
		return func(c *gin.Context) {
			c.HTML(http.StatusOK, name, gin.H{
				"Session": ginauth.GetSession(c), "CSRF": auth.CSRFField(c),
				"SignIn": auth.SignInForm(c, "local", "/forms"), "SignOut": auth.SignOutForm(c, "/forms"),
			})
		}
	}
	r.GET("/script", show("script.html"))
	r.GET("/forms", auth.LoadSession(), show("forms.html"))
	r.GET("/htmx", auth.LoadSession(), show("htmx.html"))
	r.StaticFile("/htmx.js", "../../example/assets/htmx.js")

	mine := r.Group("/mine", auth.RequireSession())
	mine.GET("/page", show("forms.html"))
	mine.GET("/fragment", func(c *gin.Context) { c.String(http.StatusOK, "Hello, %s", ginauth.GetSession(c).User.Name) })
	mine.POST("/note", func(c *gin.Context) {
		c.String(http.StatusOK, "%s noted %s", ginauth.GetSession(c).User.Name, template.HTMLEscapeString(c.PostForm("text")))
	})
	mine.GET("/events", events(auth))
	mine.GET("/socket", socket(auth))
}
