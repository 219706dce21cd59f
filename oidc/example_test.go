package oidc_test

import (
	"fmt"

	"github.com/ginauth/ginauth/oidc"
)

// New touches no network, so a provider that is down does not keep a program
// from starting.
func ExampleNew() {
	p := oidc.New(oidc.Config{
		Name:         "keycloak",
		DisplayName:  "Our Login",
		Issuer:       "https://login.example.com/realms/staff",
		ClientID:     "shop",
		ClientSecret: "from the environment",
	})
	fmt.Println(p.Validate())
	fmt.Println(p.Name(), "/", p.DisplayName())
	fmt.Println(p)
	// Output:
	// <nil>
	// keycloak / Our Login
	// oidc.Provider{Name: "keycloak", Issuer: "https://login.example.com/realms/staff", ClientID: "shop"}
}

// Each fault names the field and what to write.
func ExampleProvider_Validate() {
	fmt.Println(oidc.New(oidc.Config{Name: "keycloak", Issuer: "login.example.com"}).Validate())
	// Output:
	// oidc: Config.Issuer is not an http(s) URL: write the provider's issuer URL, such as https://login.example.com
	// oidc: Config.ClientID is empty: write the client id that the provider gave this application
}
