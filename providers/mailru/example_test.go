package mailru_test

import (
	"fmt"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers/mailru"
)

func ExampleNew() {
	p := mailru.New("client id", "client secret")
	auth, err := ginauth.New(ginauth.Options{
		Providers: ginauth.Goth(p),
		Secret:    "32 bytes or more, from the environment",
	})
	fmt.Println(auth != nil, err)
	fmt.Println(p)
	// Output:
	// true <nil>
	// mailru.Provider{Name: "mailru", ClientID: "client id"}
}
