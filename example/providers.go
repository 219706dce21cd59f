package main

import (
	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/ginauthtest"
	"github.com/ginauth/ginauth/oidc"
)

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
