package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/ginauth/ginauth"
)

func unsent(context.Context, ginauth.Mail) error { return errors.New("no mail is sent here") }

// looks mounts the built-in pages in the further shapes that they take, each
// below a path of its own. Nobody signs in at them.
func looks(r *gin.Engine, site string) error {
	var many []goth.Provider
	for i := range 9 {
		p := github.New("id", "secret", "")
		p.SetName(fmt.Sprintf("provider-%d", i+1))
		many = append(many, p)
	}
	second := passwords()
	second.ID, second.Name = "staff", "Staff card"
	for name, opts := range map[string]ginauth.Options{
		"many": {Providers: append(ginauth.Goth(many...), passwords())},
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
