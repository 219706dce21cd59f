package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	mutation "github.com/ginauth/ginauth/internal/mutation"
	"github.com/ginauth/ginauth/internal/servertest"
)

const (
	root = "../.."
	docs = root + "/docs/internals/defences.md"
)

func patches(t testing.TB) []mutation.Patch {
	t.Helper()
	all, err := mutation.ReadPatches("patches")
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	return all
}

// A patch that does not apply any more, or whose test is gone, is found here and not
// by the long run.
func TestPatches(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		servertest.Missing(t, "git")
	}
	for _, p := range patches(t) {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := p.Apply(root, dir); err != nil {
				t.Fatal(err)
			}
			for _, file := range p.Files {
				before, err := os.ReadFile(filepath.Join(root, file))
				if err != nil {
					t.Fatal(err)
				}
				after, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil || string(before) == string(after) {
					t.Errorf("%s stays as it was, %v", file, err)
				}
			}
			for name := range strings.SplitSeq(p.Run, "|") {
				if !isTest(t, filepath.Join(root, p.Package), name) {
					t.Errorf("%s has no test %s", p.Package, name)
				}
			}
		})
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// isTest reports whether a package has a test that a regular expression matches.
func isTest(t *testing.T, dir, name string) bool {
	t.Helper()
	name, _, _ = strings.Cut(name, "/")
	match, err := regexp.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, function := range testFunction.FindAllStringSubmatch(string(text), -1) {
			if match.MatchString(function[1]) {
				return true
			}
		}
	}
	return false
}

func TestTable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), mutation.Table(patches(t))) {
		t.Error("docs/internals/defences.md has another table; go run ./internal/mutation -run '^$' -write docs/internals/defences.md")
	}
}

func TestWriteTable(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "table.md")
	all := []mutation.Patch{{Attack: "33b", Defence: "a cookie", Package: "./tests", Run: "TestA|TestB"}, {Defence: "a key", Package: "./oidc", Run: "TestC"}}
	const (
		begin = "above\n<!-- made by go run ./internal/mutation -write -->\n"
		end   = "<!-- end -->\nbelow\n"
	)
	for _, before := range []string{begin + end, begin + "an old table\n" + end} {
		if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := mutation.WriteTable(name, all); err != nil {
			t.Fatal(err)
		}
		want := begin + "| attack | defence removed | test that goes red |\n|---|---|---|\n" +
			"| 33b | a cookie | `TestA\\|TestB` |\n|  | a key | `oidc TestC` |\n" + end
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("got %s, %v", got, err)
		}
	}
	if err := os.WriteFile(name, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mutation.WriteTable(name, all); err == nil {
		t.Error("a file without marks was written to")
	}
}

const honest = "Defence: a sentence\nTest: ./oidc -run TestX\n\n--- a/oidc/config.go\n+++ b/oidc/config.go\n@@ -1 +1 @@\n-a\n+b\n"

func TestParsePatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, fault string }{
		{"03-state", honest, ""},
		{"33b-cookie", honest, ""},
		{"x-redis", strings.Replace(honest, "./oidc -run TestX", ". -run TestX/one_row|TestY", 1), ""},
		{"3-state", honest, "the name"},
		{"state", honest, "the name"},
		{"03-../state", honest, "the name"},
		{"03-state", strings.Replace(honest, "Defence: ", "Defense: ", 1), "Defence:"},
		{"03-state", strings.Replace(honest, "a sentence", "a | sentence", 1), "Defence:"},
		{"03-state", strings.Replace(honest, "Test: ", "", 1), "Test:"},
		{"03-state", strings.Replace(honest, "./oidc", "./../oidc", 1), "Test:"},
		{"03-state", strings.Replace(honest, "TestX", "Test(", 1), "Test:"},
		{"03-state", strings.Replace(honest, "+++ b/oidc/config.go", "+++ b/oidc/config_test.go", 1), "a test"},
		{"03-state", strings.Replace(honest, "+++ b/oidc/config.go", "+++ b/../config.go", 1), "no code"},
		{"03-state", strings.Replace(honest, "+++ b/oidc/config.go\n", "", 1), "no file"},
		{"03-state", "Defence: a\nTest: . -run TestX\n", "no diff"},
	} {
		p, err := mutation.ParsePatch(tt.name, []byte(tt.text))
		if tt.fault == "" {
			if err != nil || len(p.Files) != 1 || p.Files[0] != "oidc/config.go" || p.Defence != "a sentence" {
				t.Errorf("%s: %+v, %v", tt.name, p, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s %q: %v, want %q", tt.name, tt.text, err, tt.fault)
		}
	}
}

// Whatever a patch says, it names files of the tree and a test, or is refused.
func FuzzParsePatch(f *testing.F) {
	f.Add("03-state", honest)
	f.Add("x-y", "--- a/\n+++ b//etc/passwd.go\n")
	f.Add("33b-z", strings.ReplaceAll(honest, "\n", "\r\n"))
	f.Fuzz(func(t *testing.T, name, text string) {
		p, err := mutation.ParsePatch(name, []byte(text))
		if err != nil {
			return
		}
		if p.Defence == "" || p.Run == "" || len(p.Files) == 0 || !strings.HasPrefix(p.Package, ".") {
			t.Errorf("took %+v", p)
		}
		for _, path := range append(p.Files, p.Package, p.Name) {
			if !filepath.IsLocal(path) {
				t.Errorf("%q leads out of the tree", path)
			}
		}
	})
}
