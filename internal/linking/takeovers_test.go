package linking_test

import (
	"strconv"
	"testing"

	"github.com/ginauth/ginauth/internal/linking"
)

// A sign-in that began before its user was taken over is told apart from a later one.
func TestTakeovers(t *testing.T) {
	t.Parallel()
	var taken linking.Takeovers
	before := taken.Now()
	if taken.Since("ada", before) {
		t.Error("nobody was taken over")
	}
	taken.Add("ada")
	after := taken.Now()
	if !taken.Since("ada", before) || taken.Since("ada", after) || taken.Since("bob", before) {
		t.Error("ada was taken over between the two sign-ins, and bob was not")
	}
}

// Whose takeover was forgotten may be anybody: a sign-in before it does not count.
func TestTakeovers_Forgotten(t *testing.T) {
	t.Parallel()
	var taken linking.Takeovers
	before := taken.Now()
	for i := range 2000 {
		taken.Add(strconv.Itoa(i))
	}
	if !taken.Since("0", before) || !taken.Since("1999", before) {
		t.Error("a takeover is forgotten")
	}
	if now := taken.Now(); taken.Since("0", now) || taken.Since("1999", now) {
		t.Error("a sign-in of now comes after all of them")
	}
}
