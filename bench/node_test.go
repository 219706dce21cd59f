package main

import (
	"errors"
	"os"
	"slices"
	"testing"
)

// TestNodePeers: each reads the right person of a session of either size, and nobody
// from an altered cookie.
func TestNodePeers(t *testing.T) {
	t.Parallel()
	for _, length := range []int{0, largeToken} {
		all, err := newCrowd(2, length)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range nodePeers() {
			if _, err := p.measure(all, 0, 0); errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true" {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			altered := *all
			altered.tokens = []string{alter(all.tokens[0], len(all.tokens[0])/2), all.tokens[1]}
			input := p.input(&altered)
			if input["guarded"] == false {
				continue
			}
			input["altered"] = true
			r, err := askNode(p.program, input, 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"", all.people[1].Subject}; !slices.Equal(r.Subjects, want) {
				t.Errorf("%s read %q, want %q", p.name, r.Subjects, want)
			}
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
