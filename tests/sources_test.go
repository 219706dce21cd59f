package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// moduleRoot is where the module begins, from here.
const moduleRoot = ".."

// goFiles parses every Go file of this module, tests too.
func goFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	set := token.NewFileSet()
	err := filepath.WalkDir(moduleRoot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, err := os.Stat(filepath.Join(path, "go.mod"))
			if path != moduleRoot && (err == nil || entry.Name()[0] == '.' || entry.Name() == "node_modules" || entry.Name() == "testdata") {
				return filepath.SkipDir // another module, or no Go
			}
			return nil
		}
		if filepath.Ext(path) == ".go" {
			files[path], err = parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 || files[filepath.Join(moduleRoot, "ginauth.go")] == nil {
		t.Fatalf("found %d Go files, and not the ones of this module", len(files))
	}
	return files
}

// What SECURITY.md says of our own code: nothing goes past Go's type system or its
// compiler, and nothing runs because a package was imported.
func TestOwnSources(t *testing.T) {
	t.Parallel()
	for path, file := range goFiles(t) {
		for _, imported := range file.Imports {
			if name := strings.Trim(imported.Path.Value, `"`); name == "unsafe" || name == "C" || name == "plugin" {
				t.Errorf("%s imports %s", path, name)
			}
		}
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "//go:linkname") || strings.HasPrefix(comment.Text, "//go:cgo_") {
					t.Errorf("%s has %s", path, comment.Text)
				}
			}
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has a func init", path)
			}
		}
	}
	entries := goModule(t)
	for _, r := range entries.Replace {
		t.Errorf("go.mod replaces %s", r.Old.Path)
	}
}
