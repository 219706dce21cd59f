package main

import (
	"errors"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

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

// localProvider starts an OpenID provider on 127.0.0.1 that knows two people and
// asks neither for a password.
func localProvider() (ginauth.Provider, func() error, error) {
	idp, err := ginauthtest.NewProvider(ginauthtest.Config{})
	if err != nil {
		return nil, nil, err
	}
	return ginauth.OAuth{
		Provider: oidc.New(oidc.Config{
			Name:         "local",
			DisplayName:  "Local ID",
			Issuer:       idp.Issuer(),
			ClientID:     idp.ClientID(),
			ClientSecret: idp.ClientSecret(),
		}),
	}, idp.Close, nil
}
