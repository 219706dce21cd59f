package storetest_test

import (
	"fmt"
	"testing"

	"github.com/gin-contrib/sessions/memstore"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/storetest"
)

// A test of your own store calls this.
func ExampleRun() {
	test := func(t *testing.T) {
		storetest.Run(t, func(t testing.TB) ginauth.SessionStore {
			return ginauth.GinStore(memstore.NewStore([]byte("a key"))) // your own, on a server of the test
		})
	}
	fmt.Println(test != nil)
	// Output: true
}

// A test of a store of your own whose server it can kill calls this too.
func ExampleOutage() {
	test := func(t *testing.T, store ginauth.SessionStore, kill, start func()) {
		storetest.Outage(t, store, kill, start)
	}
	fmt.Println(test != nil)
	// Output: true
}
