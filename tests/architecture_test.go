package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	modulePath      = "github.com/ginauth/ginauth"
	architecture    = "../docs/internals/architecture.md"
	ginModule       = "github.com/gin-gonic/gin"
	gothModule      = "github.com/markbates/goth"
	sessionsModule  = "github.com/gin-contrib/sessions"
	minPackageWords = 6 // of the comment's first sentence
)

// testTools are the packages that only tests and gates use.
var testTools = regexp.MustCompile(`^(internal/(docs|licences|mailtest|mutation|procgroup|servertest|urltest)|tests)(/|$)`)

// A packageEntry is one package of go list, with paths below the module, "." for
// the root.
type packageEntry struct {
	ImportPath, Doc string
	GoFiles         []string
	Imports         []string
	TestImports     []string
	XTestImports    []string
}

// packages lists the module's packages.
func packages(t testing.TB) map[string]packageEntry {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]packageEntry{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p packageEntry
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Imports, p.TestImports, p.XTestImports = ours(p.Imports), ours(p.TestImports), ours(p.XTestImports)
		all[short(p.ImportPath)] = p
	}
}

func short(path string) string {
	if path == modulePath {
		return "."
	}
	return strings.TrimPrefix(path, modulePath+"/")
}

// ours keeps the imports of this module, and the frameworks that it stands between:
// gin, goth and gin-contrib's sessions.
func ours(imports []string) (kept []string) {
	for _, path := range imports {
		switch path {
		case ginModule:
			kept = append(kept, "gin")
		case gothModule:
			kept = append(kept, "goth")
		case sessionsModule:
			kept = append(kept, "sessions")
		default:
			if path == modulePath || strings.HasPrefix(path, modulePath+"/") {
				kept = append(kept, short(path))
			}
		}
	}
	slices.Sort(kept)
	return kept
}

func internalOne(path string) bool { return strings.HasPrefix(path, "internal/") }

// Arrows run inwards: the packages around the root import it, the root imports what is
// below internal, and nothing there imports either.
func TestArchitecture_Arrows(t *testing.T) {
	t.Parallel()
	all := packages(t)
	for path, p := range all {
		for _, to := range p.Imports {
			if fault := arrow(path, to); fault != "" && all[to].ImportPath != "" {
				t.Errorf("%s imports %s: %s", path, to, fault)
			}
		}
		for _, to := range slices.Concat(p.TestImports, p.XTestImports) {
			if internalOne(path) && to == "." {
				t.Errorf("the tests of %s import the root: tests of the whole are in tests", path)
			}
		}
	}
	if len(all) < 30 {
		t.Errorf("go list knows %d packages", len(all))
	}
}

// arrow says why one package must not import the other, or nothing.
func arrow(from, to string) string {
	switch {
	case testTools.MatchString(from):
		if !internalOne(to) {
			return "a tool of the tests imports internal packages alone"
		}
	case testTools.MatchString(to):
		return "only tests import it"
	case from == "internal/corrected" && to == "oauth":
		return "" // corrected services are made as anybody makes a service, and oauth does not know the root
	case internalOne(from) && !internalOne(to):
		return "an internal package gets what it needs handed in"
	case from == "." && !internalOne(to):
		return "the root does not know the packages around it"
	case from == "oauth" && to == ".":
		return "it makes providers of goth, for any program"
	case to == "example" || to == "adaptertest":
		return "nothing builds on it"
	}
	return ""
}

// The arrows that must not be are found.
func TestArchitecture_Rules(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		from, to string
		allowed  bool
	}{
		{".", "internal/token", true},
		{"oidc", "internal/openid", true},
		{"gormadapter", ".", true},
		{"providers", "oidc", true},
		{"internal/oauth", "internal/fetch", true},
		{"internal/urltest", "internal/servertest", true},
		{"internal/token", ".", false},
		{"internal/oauth", "oidc", false},
		{".", "oidc", false},
		{".", "redisstore", false},
		{"oidc", ".", true},
		{"oauth", ".", false},
		{".", "internal/servertest", false},
		{"internal/limit", "internal/mailtest", false},
		{"gormadapter", "adaptertest", false},
		{"internal/mailtest", ".", false},
	} {
		if fault := arrow(row.from, row.to); (fault == "") != row.allowed {
			t.Errorf("%s imports %s: %q", row.from, row.to, fault)
		}
	}
}

var mapRow = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|([^|]*)\\|$")

// The map in docs/internals/architecture.md has each package with what it imports, and
// each package has a comment.
func TestArchitecture_Map(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	all, seen := packages(t), map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		row := mapRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		path := row[1]
		if path == "ginauth" {
			path = "."
		}
		p, ok := all[path]
		if path == "." { // it puts the internal packages together: most of them
			p.Imports = slices.DeleteFunc(slices.Clone(p.Imports), internalOne)
		}
		switch imports := strings.Join(p.Imports, ", "); {
		case !ok:
			t.Errorf("the map has %s, which is no package", path)
		case seen[path]:
			t.Errorf("the map has %s twice", path)
		case imports != strings.TrimSpace(row[4]):
			t.Errorf("the map says %s imports %q; it imports %q", path, row[4], imports)
		}
		seen[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		p := all[path]
		if !seen[path] && len(p.GoFiles) > 0 {
			t.Errorf("the map lacks a row: | `%s` | what it knows | what it does not know | %s |", path, strings.Join(p.Imports, ", "))
		}
		if len(p.GoFiles) > 0 && len(strings.Fields(p.Doc)) < minPackageWords {
			t.Errorf("%s has no package comment that says what it knows", path)
		}
	}
}
