package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestRegressions: a run is compared with the table of another one.
func TestRegressions(t *testing.T) {
	t.Parallel()
	run := func(plain, jwt, limit, callbacks float64) *table {
		row := func(n float64) map[int]cost { return map[int]cost{0: {nanoseconds: n}, 1: {nanoseconds: 2 * n}} }
		return &table{
			names: []string{ginAlone, limitPrefix + "flat parse", ginauthPlain, "ginauth, callbacks", ginJWT, nextAuthToken},
			costs: map[string]map[int]cost{
				ginAlone: row(100), limitPrefix + "flat parse": row(limit), ginauthPlain: row(plain),
				"ginauth, callbacks": row(callbacks), ginJWT: row(jwt), nextAuthToken: {0: {nanoseconds: 100_000}},
			},
		}
	}
	file := filepath.Join(t.TempDir(), "performance.md")
	text := "before\n<!-- table -->\n" + run(2000, 6000, 1000, 3000).markdown() + "<!-- end table -->\nafter\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		now   *table
		worse int
	}{
		{"the same", run(2000, 6000, 1000, 3000), 0},
		{"another machine", run(4000, 12000, 2000, 6000), 0},
		{"faster", run(1000, 6000, 1000, 1500), 0},
		{"a little slower", run(2400, 6000, 1000, 3000), 0},
		{"a quarter slower", run(2600, 6000, 1000, 3900), 4},
		{"a slower callback alone", run(2000, 6000, 1000, 3700), 2},
		{"one faster peer", run(2000, 4700, 1000, 3000), 2},
	} {
		got, err := test.now.regressions(file)
		if err != nil || len(got) != test.worse {
			t.Errorf("%s: %q %v, want %d", test.name, got, err, test.worse)
		}
	}
	if err := os.WriteFile(file, []byte("<!-- table -->\n<!-- end table -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(1, 1, 1, 1).regressions(file); err == nil {
		t.Error("an empty table is no fault")
	}
}

// TestCommitted: the committed table has the rows of this program, by their names.
func TestCommitted(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/internals/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := readTable(string(raw))
	for _, c := range contestants() {
		if rows[c.name][0] == 0 || rows[c.name][1] == 0 {
			t.Errorf("the table has no %s", c.name)
		}
	}
	for _, p := range nodePeers() {
		if rows[p.name][0] == 0 {
			t.Errorf("the table has no %s", p.name)
		}
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	var all []string
	for _, g := range growths {
		all = append(all, g.of)
		for _, n := range g.numbers[:2] {
			s, headers, people, err := g.open(n)
			if err != nil {
				t.Fatalf("%d %s: %v", n, g.of, err)
			}
			browser := newClient(s, "/", people, headers)
			for i, want := range people {
				if got := browser.get(i); got.saw != want {
					t.Errorf("%d %s: status %d, read %+v, want %+v", n, g.of, got.status, got.saw, want)
				}
			}
		}
	}
	if slices.Sort(all); len(slices.Compact(all)) != len(growths) {
		t.Errorf("two of a name: %q", all)
	}
}
