package main

import (
	"errors"
	"os"
	"slices"
	"testing"
)

// TestNextAuth: next-auth reads the right person from what ginauth has sealed, and
// nobody from an altered cookie.
func TestNextAuth(t *testing.T) {
	t.Parallel()
	for _, length := range []int{0, largeToken} {
		all, err := newCrowd(2, length)
		if err != nil {
			t.Fatal(err)
		}
		value := all.tokens[0]
		r, err := askNode([]string{value, all.tokens[1], alter(value, len(value)/2), alter(value, len(value)-4)}, 0, 0)
		if errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{all.people[0].Subject, all.people[1].Subject, "", ""}; !slices.Equal(r.Subjects, want) {
			t.Errorf("read %q, want %q", r.Subjects, want)
		}
	}
}

// TestRoutes: what is measured of ginauth's own routes works.
func TestRoutes(t *testing.T) {
	t.Parallel()
	all, err := newCrowd(2, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routeCosts {
		start, stop, err := r.open(all)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		do := start()
		for i := range all.people {
			if err := do(i); err != nil {
				t.Errorf("%s: %v", r.name, err)
			}
		}
		if err := stop(); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	all.tokens[0] = alter(all.tokens[0], 200)
	start, _, err := sessionRoute(all)
	if err != nil {
		t.Fatal(err)
	}
	if start()(0) == nil {
		t.Error("GET session takes an altered cookie")
	}
}
