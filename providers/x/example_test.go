package x_test

import (
	"fmt"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers/x"
)

func ExampleNew() {
	p := x.New("client id", "client secret")
	auth, err := ginauth.New(ginauth.Options{
		Providers: ginauth.Goth(p),
		Secret:    "32 bytes or more, from the environment",
	})
	fmt.Println(auth != nil, err)
	fmt.Println(p)
	// Output:
	// true <nil>
	// x.Provider{Name: "twitter", ClientID: "client id"}
}
