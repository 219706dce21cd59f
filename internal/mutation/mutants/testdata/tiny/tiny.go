// Package tiny has mutants whose fate is known.
package tiny

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

var errFull = errors.New("tiny: full")

// patience is read before any test begins.
var patience = 2 * time.Second

// Greeting is used by no function of the package, and tested.
var Greeting = "hello"

// Patience is tested.
func Patience() time.Duration { return patience }

// Take is tested at its bounds and with both conjuncts.
func Take(n int, open bool) error {
	if open && n < 3 {
		return nil
	}
	slog.Info("full")
	return errFull
}

// Loose is tested far from its bound.
func Loose(n int) bool { return n > 9 }

// Max has a mutant that nobody can tell: of two equal numbers either is the greater.
func Max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// Clean is tested by package gate alone.
func Clean(name string, done func()) string {
	defer done()
	if name == "" {
		return "nobody"
	}
	return name
}

// Forever ends because its counter grows.
func Forever(n int) (rounds int) {
	for ; n > 0; n = less(n) {
		rounds++
	}
	return rounds
}

func less(n int) int { return n - 1 }

// Least compares values of a type parameter, and none of its mutants may keep the
// package from compiling.
func Least[T cmp.Ordered](a, b T) T {
	if a <= b {
		return a
	}
	return b
}

// Untested is reached by no test.
func Untested() int { return 7 }

// Request has a method that may be left out, a call that the compiler wants, and two
// capacities.
func Request(ctx context.Context, host string) (*http.Request, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	hosts := make(map[string]string, 5)
	hosts[host] = "yes"
	var url strings.Builder
	url.Grow(len(host) + 16)
	url.WriteString("http://" + host)
	return http.NewRequestWithContext(ctx, http.MethodGet, url.String(), http.NoBody)
}
