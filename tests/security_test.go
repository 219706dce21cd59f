package tests

import (
	"encoding/json"
	"go/ast"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tests are the names of the test functions of this module.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for path, file := range goFiles(t) {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

var (
	testName   = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	attackName = regexp.MustCompile(`^TestAttack([0-9]{2}b?)_`)
	attackRow  = regexp.MustCompile(`^\| ([0-9]{2}b?) \| [^|]+ \| (.+) \|$`)
)

// Each test that SECURITY.md names exists, and each test of an attack stands in the
// row of its number. A number that has neither is a gap, and the document says why.
func TestSecurityDocument(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	have := tests(t)
	rows := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		for _, name := range testName.FindAllStringSubmatch(line, -1) {
			if !have[name[1]] {
				t.Errorf("SECURITY.md names %s, which is no test", name[1])
			}
		}
		row := attackRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		if _, ok := rows[row[1]]; ok {
			t.Errorf("SECURITY.md has two rows for attack %s", row[1])
		}
		rows[row[1]] = []string{}
		for _, name := range testName.FindAllStringSubmatch(row[2], -1) {
			rows[row[1]] = append(rows[row[1]], name[1])
		}
	}
	attacks := 0
	for name := range have {
		if !strings.HasPrefix(name, "TestAttack") {
			continue
		}
		attacks++
		number := attackName.FindStringSubmatch(name)
		switch {
		case number == nil:
			t.Errorf("%s names no attack", name)
		case !slices.Contains(rows[number[1]], name):
			t.Errorf("%s does not stand in SECURITY.md's row %s", name, number[1])
		}
	}
	if attacks < 100 {
		t.Errorf("found %d tests of attacks", attacks)
	}
	for number, named := range rows {
		if len(named) == 0 && number != "42" {
			t.Errorf("SECURITY.md names no test for attack %s", number)
		}
		for _, name := range named {
			if !strings.HasPrefix(name, "TestAttack"+number+"_") {
				t.Errorf("SECURITY.md has %s in row %s", name, number)
			}
		}
	}
}

// A module is what go.mod says of it.
type module struct {
	Require []struct {
		Path     string
		Indirect bool
	}
	Replace []struct{ Old struct{ Path string } }
}

func goModule(t *testing.T) (m module) {
	t.Helper()
	raw, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil || len(m.Require) == 0 {
		t.Fatalf("go.mod: %v", err)
	}
	return m
}

// Each direct requirement has its reason in SECURITY.md, and each reason stands for
// one.
func TestDependencyReasons(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "\n| module | what for |")
	table, _, closed := strings.Cut(rest, "\n\n")
	if !ok || !closed {
		t.Fatal("SECURITY.md has no table of modules")
	}
	var said, want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1) {
		said = append(said, row[1])
	}
	for _, r := range goModule(t).Require {
		if !r.Indirect {
			want = append(want, r.Path)
		}
	}
	slices.Sort(said)
	slices.Sort(want)
	if !slices.Equal(said, want) {
		t.Errorf("SECURITY.md gives reasons for %q, go.mod requires %q", said, want)
	}
}
