package cookie_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/cookie"
)

// The four sizes follow one another, each with the longest cookies that the one before
// does not take.
func TestSealed(t *testing.T) {
	t.Parallel()
	last, bytes := cookie.Fits, 0
	most := map[cookie.Size]int{}
	for claims := range 20 << 10 {
		n, size := cookie.Sealed(name, claims)
		if size != last && size != last+1 || n < bytes {
			t.Fatalf("%d bytes of claims: %d in cookies, size %d after %d", claims, n, size, last)
		}
		last, bytes = size, n
		most[size] = n
	}
	if last != cookie.TooLong || most[cookie.Fits] > 3000 || most[cookie.LongAnswer] > cookie.LargeSession || most[cookie.LongRequest] > cookie.MaxSent {
		t.Errorf("the longest of each are %v", most)
	}
}

// A session that was not seen is taken away with all the chunks that it may have.
func TestUnseen(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, cookie.ChunkSize + 1, 5*cookie.ChunkSize - 1} {
		unseen := cookie.Unseen(name, 5*cookie.ChunkSize).Names()
		for _, line := range cookie.Put(name, strings.Repeat("t", length), nil, cookie.Attributes{}) {
			set, _, _ := strings.Cut(line, "=")
			if !slices.Contains(unseen, set) {
				t.Errorf("a session of %d bytes leaves %s behind", length, set)
			}
		}
	}
}
