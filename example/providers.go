package main

import (
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
	"github.com/ginauth/ginauth/providers"
)

// signIns are the ways to sign in: always the local provider, a mail and a password,
// and the services whose client identifiers are in the environment.
func signIns() (list []ginauth.Provider, stop func() error, err error) {
	if gin.Mode() == gin.ReleaseMode {
		return nil, nil, errors.New("the example's identity provider asks for no password; it does not run in gin's release mode")
	}
	local, stop, err := localProvider()
	if err != nil {
		return nil, nil, err
	}
	fromEnv, err := providers.FromEnv()
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	typed, err := passwords()
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return append(append([]ginauth.Provider{local}, fromEnv...), email(), typed), stop, nil
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
