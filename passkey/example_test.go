package passkey_test

import (
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/passkey"
)

// Passkeys that work on two hosts of a domain.
func ExampleNew() {
	gin.SetMode(gin.TestMode)
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		BaseURL: "https://app.example.com",
		Secret:  "0123456789abcdef0123456789abcdef",
		Adapter: ginauth.MemoryAdapter(), // in a real application: gormadapter.New
		Factors: ginauth.FactorOptions{Passkeys: passkey.New(passkey.Config{
			RPID:    "example.com",
			Origins: []string{"https://app.example.com", "https://www.example.com"},
			Name:    "Example",
		})},
	})
	fmt.Println(err)
	// Output: <nil>
}
