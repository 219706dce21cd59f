package oidc_test

import (
	"fmt"
	"os"

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

// A preset is told what the service's console shows, the place first.
func ExampleGoogle() {
	p := oidc.Google("1234.apps.googleusercontent.com", "from the environment")
	fmt.Println(p.Validate(), p.Name())
	// Output: <nil> google
}

// More than the default scopes: those of the default are then to be named too.
func ExampleXero() {
	p := oidc.Xero("shop", "from the environment", "openid", "profile", "email", "offline_access")
	fmt.Println(p.Validate(), p.Name())
	// Output: <nil> xero
}

// LinkedIn and Slack take no code verifier, so they need the secret.
func ExampleLinkedIn() {
	fmt.Println(oidc.LinkedIn("shop", "").Validate())
	// Output: oidc: LinkedIn: ClientSecret is empty: write the client secret that the provider gave this application
}

func ExampleSlack() {
	p := oidc.Slack("25259531569.11152291", "from the environment")
	fmt.Println(p.Name(), p.RefusesPKCE())
	// Output: slack true
}

// An empty base URL means gitlab.com.
func ExampleGitLab() {
	fmt.Println(oidc.GitLab("", "shop", "from the environment"))
	fmt.Println(oidc.GitLab("https://gitlab.example.com/", "shop", "from the environment"))
	// Output:
	// oidc.Provider{Name: "gitlab", Issuer: "https://gitlab.com", ClientID: "shop"}
	// oidc.Provider{Name: "gitlab", Issuer: "https://gitlab.example.com", ClientID: "shop"}
}

// Auth0's issuer ends in a slash, which the preset sees to.
func ExampleAuth0() {
	fmt.Println(oidc.Auth0("example.eu.auth0.com", "shop", "from the environment"))
	// Output: oidc.Provider{Name: "auth0", Issuer: "https://example.eu.auth0.com/", ClientID: "shop"}
}

func ExampleOkta() {
	fmt.Println(oidc.Okta("https://example.okta.com/oauth2/default", "shop", "from the environment"))
	// Output: oidc.Provider{Name: "okta", Issuer: "https://example.okta.com/oauth2/default", ClientID: "shop"}
}

// The ID of a user pool names its region too.
func ExampleCognito() {
	fmt.Println(oidc.Cognito("eu-west-1_AbCdEfGhI", "shop", "from the environment"))
	fmt.Println(oidc.Cognito("eu-west-1", "shop", "from the environment").Validate())
	// Output:
	// oidc.Provider{Name: "cognito", Issuer: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI", ClientID: "shop"}
	// oidc: Cognito: user pool ID is "eu-west-1": write it as the console has it, such as eu-west-1_AbCdEfGhI
}

func ExampleKeycloak() {
	fmt.Println(oidc.Keycloak("https://login.example.com/realms/staff", "shop", "from the environment"))
	// Output: oidc.Provider{Name: "keycloak", Issuer: "https://login.example.com/realms/staff", ClientID: "shop"}
}

func ExampleZitadel() {
	fmt.Println(oidc.Zitadel("https://example.zitadel.cloud", "shop", "from the environment"))
	// Output: oidc.Provider{Name: "zitadel", Issuer: "https://example.zitadel.cloud", ClientID: "shop"}
}

func ExampleAuthentik() {
	fmt.Println(oidc.Authentik("https://auth.example.com/application/o/shop/", "shop", "from the environment"))
	// Output: oidc.Provider{Name: "authentik", Issuer: "https://auth.example.com/application/o/shop/", ClientID: "shop"}
}

// One organization by its directory (tenant) ID, or many.
func ExampleEntra() {
	one := oidc.Entra("11111111-2222-3333-4444-555555555555", "shop", "from the environment")
	many := oidc.Entra("organizations", "shop", "from the environment")
	many.SetName("microsoftonline")
	fmt.Println(one.Validate(), one.Name())
	fmt.Println(many.Validate(), many.Name())
	// Output:
	// <nil> azureadv2
	// <nil> microsoftonline
}

// The key is the .p8 file that Apple lets you download once.
func ExampleApple() {
	p := oidc.Apple(oidc.AppleConfig{
		ClientID:   "com.example.web",
		TeamID:     "TEAM123456",
		KeyID:      "KEY1234567",
		PrivateKey: os.Getenv("APPLE_PRIVATE_KEY"),
	})
	fmt.Println(p.Name(), p.FormPost())
	fmt.Println(p.Validate())
	// Output:
	// apple true
	// oidc: Apple: PrivateKey is not PEM: write the text of the .p8 file that Apple let you download, with its BEGIN and END lines
}

// A user flow of Azure AD B2C, by its address.
func ExampleAzureB2C() {
	p := oidc.AzureB2C("https://example.b2clogin.com/example.onmicrosoft.com/B2C_1_signin/v2.0", "client id", "client secret")
	fmt.Println(p.Name(), p.Validate())
	// Output: azure-ad-b2c <nil>
}

// An organization in Microsoft's cloud for the US government, with the subject of
// NextAuth.js.
func ExampleNewEntra() {
	p := oidc.NewEntra(oidc.EntraConfig{
		Tenant: "9f4a3c1e-5b7d-4e2a-8c60-1d2b3a4f5e6c", Host: oidc.EntraUSGov,
		ClientID: "client id", ClientSecret: "client secret", SubjectSub: true,
	})
	fmt.Println(p.DisplayName(), p.Validate())
	// Output: Microsoft <nil>
}

// Keycloak in a container: browsers reach it at its public address, this program
// inside of the network.
func ExampleProvider_With() {
	p := oidc.Keycloak("https://login.example.com/realms/staff", "client id", "client secret").With(func(c *oidc.Config) {
		c.BackChannel = "http://keycloak:8080"
	})
	fmt.Println(p.Name(), p.Validate())
	// Output: keycloak <nil>
}

// Access tokens of an authorization server, beside sessions.
func ExampleNewBearer() {
	verify, err := oidc.NewBearer(oidc.BearerConfig{
		Issuer:   "https://login.example.com",
		Audience: "https://api.example.com",
	})
	fmt.Println(verify != nil, err)
	_, err = oidc.NewBearer(oidc.BearerConfig{Issuer: "https://login.example.com"})
	fmt.Println(err)
	// Output:
	// true <nil>
	// oidc: BearerConfig.Audience is empty: write what the authorization server calls this API, such as https://api.example.com
}
