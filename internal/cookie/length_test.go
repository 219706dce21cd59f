package cookie_test

import (
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/cookie"
)

// The length is what a browser sends for the cookies that Put sets.
func TestSentLength(t *testing.T) {
	t.Parallel()
	for _, length := range []int{1, 100, cookie.ChunkSize, cookie.ChunkSize + 1, 2 * cookie.ChunkSize, 2*cookie.ChunkSize + 1, 30_000} {
		sent := 0
		for _, line := range cookie.Put(name, strings.Repeat("t", length), nil, cookie.Attributes{}) {
			pair, _, _ := strings.Cut(line, ";")
			sent += len(pair) + len("; ")
		}
		if got := cookie.SentLength(name, length); got != sent {
			t.Errorf("a token of %d bytes: %d, and a browser sends %d", length, got, sent)
		}
	}
}
