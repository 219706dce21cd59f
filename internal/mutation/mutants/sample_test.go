package mutants_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/mutation/mutants"
)

func tiny(t *testing.T) mutants.Options {
	t.Helper()
	root, err := filepath.Abs("testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	return mutants.Options{
		Root: root, Packages: []string{"./..."}, Skip: regexp.MustCompile(`^\./nowhere`), Number: 1000, Seed: 1, AtOnce: 2, Grace: time.Second,
		Equivalents: filepath.Join(root, "equivalents.txt"), Killers: true, Out: t.Output(),
	}
}

// The sample holds each place of the code once: with several seeds, a known fate of each
// mutant.
func TestSample(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a shell bounds the memory of a mutant")
	}
	o := tiny(t)
	o.Traces = t.TempDir()
	want := map[string]bool{ // whether a test finds it
		"Take: open && n < 3 => n < 3":                     true,
		"Take: open && n < 3 => open":                      true,
		"Take: n < 3 => n <= 3":                            true,
		"Take: open && n < 3 => false":                     true,
		"Take: errFull => nil":                             true,
		"Loose: n > 9 => n >= 9":                           false,
		"Loose: n > 9 => !(n > 9)":                         true,
		"Clean: defer done() => nothing":                   true, // by another package
		`Clean: "nobody" => ""`:                            true,
		"patience: 2 * time.Second => 2*(2 * time.Second)": true, // read before any test
		`Greeting: "hello" => ""`:                          true,
		"Forever: n > 0 => !(n > 0)":                       true,
		"less: 1 => (1)-1":                                 true,  // a loop without end
		"Untested: 7 => 2*(7)":                             false, // its test is red anyway
	}
	met := map[string]bool{}
	for seed := range uint64(5) {
		var out bytes.Buffer
		o.Seed, o.Out = seed, &out
		score, err := mutants.Sample(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "TestRed is red on the code as it is") {
			t.Errorf("a red test is not named: %s", &out)
		}
		if score.Equivalent > 1 || score.Percent() < 50 || score.Percent() >= 100 {
			t.Errorf("seed %d: %+v\n%s", seed, score, &out)
		}
		for line := range strings.Lines(out.String()) {
			for change, found := range want {
				if !strings.Contains(line, " "+change+" ") {
					continue
				}
				met[change] = true
				if strings.HasPrefix(line, "found: ") != found {
					t.Errorf("found %v is wrong: %s", !found, line)
				}
			}
		}
	}
	for change := range want {
		if !met[change] {
			t.Errorf("never drawn: %s", change)
		}
	}
}

// One seed draws one sample, and another seed another.
func TestAll(t *testing.T) {
	t.Parallel()
	o := tiny(t)
	all, stale, err := mutants.All(o)
	if err != nil || len(stale) > 0 {
		t.Fatal(stale, err)
	}
	var changes []string
	for _, m := range all {
		if m.File != "tiny.go" || m.Line == 0 {
			t.Errorf("%+v", m)
		}
		changes = append(changes, m.Func+": "+m.Before+" => "+m.After)
	}
	draw := func(seed uint64) string {
		var drawn []string
		for _, m := range mutants.Draw(all, 5, seed) {
			drawn = append(drawn, m.String())
		}
		return strings.Join(drawn, "\n")
	}
	if again := draw(3); again != draw(3) || again == draw(4) || strings.Count(draw(3), "\n") != 4 {
		t.Errorf("%s\n\n%s", draw(3), draw(4))
	}
	// Words and capacities decide nothing, an empty method is GET, and without cancel() the
	// code does not compile.
	for _, never := range []string{"slog", "tiny: full", "MethodGet", ": 5", ": 16", "Grow", "cancel()"} {
		if slices.ContainsFunc(changes, func(c string) bool { return strings.Contains(c, never) }) {
			t.Errorf("%s has a mutant", never)
		}
	}
	if !slices.Contains(changes, `Request: url.WriteString("http://" + host) => nothing`) {
		t.Errorf("a call has no mutant: %q", changes)
	}
}

func TestReadEquivalents(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "equivalents.txt")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# a\n\na/b.go (*T).F: x // y => z // why // not\n")
	want := mutants.Equivalent{File: "a/b.go", Change: "(*T).F: x // y => z // why", Reason: "not"}
	if got, err := mutants.ReadEquivalents(name); err != nil || !slices.Equal(got, []mutants.Equivalent{want}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, line := range []string{"a.go F: x => y", "a.go F: x => y // ", "a.go F x => y // why", "a.go F: x // why", "F:x=>y // why"} {
		write(line + "\n")
		if got, err := mutants.ReadEquivalents(name); err == nil || !strings.Contains(err.Error(), ":1:") {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	if got, err := mutants.ReadEquivalents(name + ".none"); err != nil || len(got) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// An entry that fits no mutant is named.
	write("tiny.go Max: a > b => a == b // why\n")
	o := tiny(t)
	o.Equivalents = name
	if _, stale, err := mutants.All(o); err != nil || len(stale) != 1 {
		t.Errorf("%+v, %v", stale, err)
	}
}

// The list of this module fits its code.
func TestEquivalents(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	o := mutants.Options{
		Root: root, Packages: []string{".", "./internal/..."}, Equivalents: filepath.Join(root, "internal", "mutation", "equivalents.txt"),
		Skip: regexp.MustCompile(mutants.NotDeciding),
	}
	all, stale, err := mutants.All(o)
	if err != nil || len(all) < 1000 {
		t.Fatal(len(all), err)
	}
	for _, e := range stale {
		t.Errorf("no mutant is %s %s", e.File, e.Change)
	}
}
