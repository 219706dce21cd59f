package adaptertest_test

import (
	"fmt"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/adaptertest"
)

// A test of your own adapter calls this.
func ExampleRun() {
	test := func(t *testing.T) {
		adaptertest.Run(t, func(t testing.TB) ginauth.Adapter {
			return ginauth.MemoryAdapter() // your own, on a database of the test
		})
	}
	fmt.Println(test != nil)
	// Output: true
}

func TestMemoryAdapter(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(testing.TB) ginauth.Adapter { return ginauth.MemoryAdapter() })
}
