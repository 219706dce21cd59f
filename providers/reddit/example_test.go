package reddit_test

import (
	"fmt"
	"net/url"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/providers/reddit"
)

func ExampleNew() {
	p := reddit.New("client id", "client secret")
	auth, err := ginauth.New(ginauth.Options{
		Providers: ginauth.Goth(p),
		Secret:    "32 bytes or more, from the environment",
	})
	fmt.Println(auth != nil, err)
	fmt.Println(p)
	// Output:
	// true <nil>
	// reddit.Provider{Name: "reddit", ClientID: "client id"}
}

// A refresh token, and a name that Reddit can tell from others.
func ExampleProvider_WithUserAgent() {
	provider := ginauth.OAuth{
		Provider:   reddit.New("client id", "client secret").WithUserAgent("web:com.example.shop:v1.2 (by /u/somebody)"),
		AuthParams: url.Values{"duration": {"permanent"}},
	}
	auth, err := ginauth.New(ginauth.Options{
		Providers: []ginauth.Provider{provider},
		Secret:    "32 bytes or more, from the environment",
	})
	fmt.Println(auth != nil, err)
	// Output: true <nil>
}
