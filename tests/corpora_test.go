package tests

import (
	"go/ast"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every fuzz target has a corpus that was found by fuzzing, so that each run of the tests
// reads it, and no corpus is left of a target that is gone.
func TestCorpora(t *testing.T) {
	t.Parallel()
	targets := map[string]bool{}
	for path, file := range goFiles(t) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || !strings.HasSuffix(path, "_test.go") {
				continue
			}
			folder := filepath.Join(moduleRoot, filepath.Dir(path), "testdata", "fuzz", f.Name.Name)
			targets[folder] = true
			entries, err := os.ReadDir(folder)
			if (err != nil || len(entries) == 0) && f.Name.Name != "FuzzCookieHeader" { // whose seeds nothing was found beyond so far
				t.Errorf("%s: %s has no corpus; fuzz it, and run .ci/long corpora", path, f.Name.Name)
			}
		}
	}
	if len(targets) < 40 {
		t.Fatalf("found %d fuzz targets", len(targets))
	}
	for folder := range targets {
		entries, err := os.ReadDir(filepath.Dir(folder))
		if err != nil {
			continue // which was told
		}
		for _, entry := range entries {
			if kept := filepath.Join(filepath.Dir(folder), entry.Name()); !targets[kept] {
				t.Errorf("%s is of no target", kept)
			}
		}
	}
}
