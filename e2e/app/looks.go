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

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
	services "github.com/ginauth/ginauth/providers"
)

func unsent(context.Context, ginauth.Mail) error { return errors.New("no mail is sent here") }

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
	r.GET("/work.svg", func(c *gin.Context) {
		c.Data(http.StatusOK, "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path fill="#c2410c" d="M0 0h10L5 10z"/></svg>`))
	})
	second := passwords()
	second.ID, second.Name = "staff", "Staff card"
	for name, opts := range map[string]ginauth.Options{
		"many": {Providers: append(many, passwords())},
		"form": {Providers: []ginauth.Provider{passwords()}},
		// Their pages alone are looked at: nothing is kept, and nothing sent.
		"mail": {Providers: []ginauth.Provider{ginauth.Email{Send: unsent}}, Adapter: struct{ ginauth.Adapter }{}},
		"code": {Providers: []ginauth.Provider{ginauth.Email{Code: true, Send: unsent}}, Adapter: struct{ ginauth.Adapter }{}},
		"brand": {
			Providers: append(ginauth.Goth(github.New("id", "secret", "")), passwords(), second),
			Theme:     ginauth.Theme{BrandColor: "#ffd400"},
			Texts:     ginauth.Texts{SiteName: "Analytical Engines"},
		},
	} {
		opts.BaseURL = site + "/" + name + "/api/auth"
		opts.Secret = secret
		opts.Cookies.Prefix = name
		if _, err := ginauth.Register(r.Group("/"+name), opts); err != nil {
			return err
		}
	}
	return nil
}
