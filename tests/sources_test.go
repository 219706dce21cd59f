package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// moduleRoot is where the module begins, from here.
const moduleRoot = ".."

// goFiles parses every Go file of this module, tests too, by its path in it.
func goFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	set := token.NewFileSet()
	var read func(dir string)
	read = func(dir string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			info, err := os.Stat(path) // a mutant's tree has links
			switch {
			case err != nil:
				t.Fatal(err)
			case info.IsDir():
				_, err := os.Stat(filepath.Join(path, "go.mod"))
				if err != nil && entry.Name()[0] != '.' && entry.Name() != "node_modules" && entry.Name() != "testdata" { // else another module, or no Go
					read(path)
				}
			case filepath.Ext(path) == ".go":
				name, _ := filepath.Rel(moduleRoot, path)
				if files[filepath.ToSlash(name)], err = parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	read(moduleRoot)
	if len(files) < 100 || files["ginauth.go"] == nil {
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

// caseMappings are the functions that take letters for each other which are not the
// same to a browser, a provider or a database: İ for i, K for k, ſ for s.
var caseMappings = map[string]bool{
	"strings.ToLower": true, "strings.ToUpper": true, "strings.ToTitle": true, "strings.Title": true, "strings.EqualFold": true,
	"strings.ToLowerSpecial": true, "strings.ToUpperSpecial": true,
	"bytes.ToLower": true, "bytes.ToUpper": true, "bytes.ToTitle": true, "bytes.Title": true, "bytes.EqualFold": true,
	"unicode.ToLower": true, "unicode.ToUpper": true, "unicode.ToTitle": true, "unicode.To": true, "unicode.SimpleFold": true,
	"cases.Fold": true, "cases.Lower": true, "cases.Upper": true, "cases.Title": true,
}

// mappedOnPurpose are the places that may use them, and why.
var mappedOnPurpose = map[string]string{
	"ginauthtest/person.go strings.ToUpper":            "initials on a page",
	"internal/oauth/names.go strings.ToUpper":          "a name on a button",
	"internal/pages/signin.go unicode.ToUpper":         "an initial on a page",
	"internal/openid/idtoken.go strings.EqualFold":     "the rule by which encoding/json takes one claim for another",
	"internal/openid/logouttoken.go strings.EqualFold": "the rule by which encoding/json takes one claim for another",
	"providers/environment.go strings.ToUpper":         "names of variables, made of our own identifiers",
	"internal/address/address.go unicode.ToLower":      "refuses what becomes ASCII by it",
	"internal/servertest/answer.go strings.EqualFold":  "a test server's greeting",
}

// mappedThere is code that puts more spellings together on purpose, for counting, or
// makes variants for tests.
var mappedThere = []string{"internal/limit/", "adaptertest/", "internal/urltest/"}

// No code that decides maps the case of letters beyond ASCII: package ascii has the
// rule of protocols.
func TestOwnSources_CaseMapping(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for path, file := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if !ok || !caseMappings[pkg.Name+"."+selector.Sel.Name] {
				return true
			}
			use := filepath.ToSlash(path) + " " + pkg.Name + "." + selector.Sel.Name
			if found[use] = true; mappedOnPurpose[use] == "" && !slices.ContainsFunc(mappedThere, func(dir string) bool { return strings.HasPrefix(use, dir) }) {
				t.Errorf("%s: use package ascii, or say in mappedOnPurpose why all of Unicode is meant", use)
			}
			return true
		})
	}
	for use := range mappedOnPurpose {
		if !found[use] {
			t.Errorf("%s is gone: take it off the list", use)
		}
	}
}
