package oauth_test

import (
	"fmt"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/oauth"
)

// A service of your own takes its endpoints and where its profile has what.
func Example() {
	forge := oauth.New(oauth.Config{
		Name: "forge", DisplayName: "Forge",
		ClientID: "shop", ClientSecret: "the client secret",
		AuthURL:     "https://forge.example/oauth/authorize",
		TokenURL:    "https://forge.example/oauth/token",
		UserInfoURL: "https://forge.example/api/user",
		Scopes:      []string{"read:user"},
		Fields:      oauth.Fields{ID: "id", Name: "name|login", Email: "email", EmailVerified: "email_verified"},
	})
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Providers: ginauth.Goth(forge),
		Secret:    strings.Repeat("x", 32),
	})
	fmt.Println(forge.DisplayName(), err)
	// Output: Forge <nil>
}

// Faults name the field and what to write.
func ExampleProvider_Validate() {
	forge := oauth.New(oauth.Config{
		Name: "forge", ClientID: "shop", ClientSecret: "the client secret",
		AuthURL:     "https://forge.example/oauth/authorize",
		TokenURL:    "forge.example/oauth/token",
		UserInfoURL: "https://forge.example/api/user",
		Fields:      oauth.Fields{ID: "id"},
	})
	fmt.Println(forge.Validate())
	// Output:
	// oauth: forge: TokenURL is not an http(s) URL: write the service's endpoint, such as https://forge.example/oauth/token
}

// A known service on a server of your own.
func ExampleProvider_With() {
	forge := oauth.New(oauth.Config{
		Name: "forge", ClientID: "shop", ClientSecret: "the client secret",
		AuthURL:     "https://forge.example/oauth/authorize",
		TokenURL:    "https://forge.example/oauth/token",
		UserInfoURL: "https://forge.example/api/user",
		Fields:      oauth.Fields{ID: "id"},
	})
	moved := forge.With(func(c *oauth.Config) { c.UserInfoURL = "https://api.forge.example/user" })
	fmt.Println(moved.Name(), moved.Validate())
	// Output: forge <nil>
}
