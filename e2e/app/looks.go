package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/e2e/languages"
	services "github.com/ginauth/ginauth/providers"
	"github.com/ginauth/ginauth/texts"
)

// A postbox keeps the mail that was sent last, and shows it as a page.
type postbox struct{ last atomic.Pointer[ginauth.Mail] }

func (p *postbox) send(_ context.Context, m ginauth.Mail) error {
	if strings.HasPrefix(m.To, "unknown@") {
		return errors.New("the mail server knows no such address")
	}
	p.last.Store(&m)
	return nil
}

func (p *postbox) show(c *gin.Context) {
	if m := p.last.Load(); m != nil {
		c.Data(http.StatusOK, "text/html; charset=utf-8", []byte(m.HTML))
	}
}

// clientOf is a client that nobody signs in with.
func clientOf(id string) services.Settings {
	if id != "apple" {
		return services.Settings{ClientID: "id", ClientSecret: "secret"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return services.Settings{ClientID: "id", Values: map[string]string{
		"team_id": "DEF123GHIJ", "key_id": "ABC123DEFG",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}}
}

// stylesheet makes the pages look like another application.
const stylesheet = `:root {
  --font: Georgia, "Noto Serif", serif;
  --radius: 2px;
  --width: 440px;
  --page: light-dark(#f6f1e7, #1c1917);
  --card: light-dark(#fffdf8, #262220);
  --brand: #7c2d12;
  --brand-edge: light-dark(#7c2d12, #ea7a4d);
  --accent: light-dark(#7c2d12, #fdba74);
}
`

// looks mounts the built-in pages in the further shapes that they take, each
// below a path of its own. Nobody signs in at them.
func looks(r *gin.Engine, site string) error {
	var many []ginauth.Provider // marks, initials, and a picture of the application's
	for _, id := range []string{"google", "apple", "azureadv2", "github", "gitlab", "facebook", "discord", "linkedin", "slack", "spotify", "kakao"} {
		p, err := services.New(id, clientOf(id))
		if err != nil {
			return err
		}
		many = append(many, p)
	}
	many = append(many, ginauth.OAuth{Provider: github.New("id", "secret", ""), ID: "work", Name: "Work", Logo: site + "/work.svg"})
	// A page that may load pictures of this site asks for its icon too.
	r.GET("/favicon.ico", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	for file, color := range map[string]string{"/work.svg": "#c2410c", "/work-dark.svg": "#fdba74"} {
		r.GET(file, func(c *gin.Context) {
			c.Data(http.StatusOK, "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10" width="48" height="48"><path fill="`+color+`" d="M0 0h10L5 10z"/></svg>`))
		})
	}
	r.GET("/look.css", func(c *gin.Context) { c.Data(http.StatusOK, "text/css", []byte(stylesheet)) })
	second := passwords()
	second.ID, second.Name = "staff", "Staff card"
	long := []ginauth.Provider{
		ginauth.OAuth{Provider: github.New("id", "secret", ""), ID: "long", Name: "the Donaudampfschifffahrtsgesellschaft’s internal directory of employees"},
		passwords(),
	}
	links := ginauth.Pages{SignUp: "/register", ForgotPassword: "/forgotten", Terms: "/terms", Privacy: "https://example.com/privacy#cookies"}
	letters := new(postbox)
	r.GET("/letter", letters.show)
	for name, opts := range map[string]ginauth.Options{
		"many": {Providers: append(many, passwords())},
		"form": {Providers: []ginauth.Provider{passwords()}},
		"mail": {Providers: []ginauth.Provider{ginauth.Email{Send: letters.send}}, Adapter: ginauth.MemoryAdapter()},
		"code": {Providers: []ginauth.Provider{ginauth.Email{Code: true, Send: letters.send}}, Adapter: ginauth.MemoryAdapter()},
		"long": {Providers: long, Texts: ginauth.Texts{SiteName: "Königlich Preußische Hauptverwaltung der Analytischen Maschinen"}, Pages: links},
		"arabic": {
			Providers: append(many[:6:6], ginauth.Email{Send: letters.send}, passwords()), Adapter: ginauth.MemoryAdapter(),
			Texts: texts.Arabic, Pages: links,
		},
		"styled": {
			Providers: append(many[:2:2], passwords()), Pages: links,
			Theme: ginauth.Theme{Stylesheet: "/look.css", Logo: "/work.svg", LogoDark: "/work-dark.svg"},
		},
		"brand": {
			Providers: append(ginauth.Goth(github.New("id", "secret", "")), passwords(), second),
			Theme:     ginauth.Theme{BrandColor: "#ffd400"},
			Texts:     ginauth.Texts{SiteName: "Analytical Engines"},
			Pages:     links,
		},
	} {
		opts.BaseURL = site + "/" + name + "/api/auth"
		opts.Secret = secret
		opts.Cookies.Prefix = name
		if opts.Texts.Lang == "" {
			opts.Translations = languages.All()
		}
		if _, err := ginauth.Register(r.Group("/"+name), opts); err != nil {
			return err
		}
	}
	return nil
}
