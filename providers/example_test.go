package providers_test

import (
	"fmt"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers"
)

// All providers of a site come from its environment.
func ExampleFromEnv() {
	for name, value := range map[string]string{
		"GITHUB_ID": "the client id", "GITHUB_SECRET": "the client secret",
		"AUTH_KEYCLOAK_ID": "shop", "AUTH_KEYCLOAK_SECRET": "another", "AUTH_KEYCLOAK_ISSUER": "https://login.example.com/realms/staff",
	} {
		_ = os.Setenv(name, value)
		defer func() { _ = os.Unsetenv(name) }()
	}

	list, err := providers.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = ginauth.Register(gin.New(), ginauth.Options{Providers: list, Secret: "0123456789abcdef0123456789abcdef"})
	fmt.Println(len(list), err)
	// Output: 2 <nil>
}

// One provider by its name. An error says what is missing.
func ExampleNew() {
	_, err := providers.New("mastodon", providers.Settings{ClientID: "shop", ClientSecret: "secret"})
	fmt.Println(err)

	p, err := providers.New("mastodon", providers.Settings{
		ClientID: "shop", ClientSecret: "secret",
		Values: map[string]string{"url": "https://mastodon.example"},
	})
	fmt.Println(p.(ginauth.OAuth).Name, err)
	// Output:
	// providers: mastodon: Settings.Values["url"] is empty; write the instance's address, for instance https://mastodon.example
	// Mastodon <nil>
}

// A program may show what it offers.
func ExampleAll() {
	made, out := 0, 0
	for _, s := range providers.All() {
		if s.LeftOut == "" {
			made++
		} else {
			out++
		}
	}
	fmt.Println(made > 50, out > 10)
	// Output: true true
}
