package recipes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/oidc"
)

// elsewhere are the pages whose snippets another test holds, line for line, to code that
// runs.
var elsewhere = []string{
	"docs/metrics.md",    // TestDocument, here
	"docs/nextjs.md",     // holdGuide, in e2e/next.mjs
	"docs/own-signin.md", // TestAppSignIn_Page, in tests
	"docs/passwords.md",  // TestPasswordsPage, in tests
	"docs/testing.md",    // TestTestingPage, in ginauthtest
	"docs/testing-apis.md",
}

// paths are what a snippet means by a qualifier. One with a member is another package's of
// the same name.
var paths = map[string]string{
	"adaptertest": "github.com/ginauth/ginauth/adaptertest",
	"context":     "context",
	"errors":      "errors",
	"fmt":         "fmt",
	"gin":         "github.com/gin-gonic/gin",
	"ginauth":     "github.com/ginauth/ginauth",
	"ginauthtest": "github.com/ginauth/ginauth/ginauthtest",
	"github":      "github.com/markbates/goth/providers/github",
	"gorm":        "gorm.io/gorm",
	"gormadapter": "github.com/ginauth/ginauth/gormadapter",
	"goth":        "github.com/markbates/goth",
	"gothic":      "github.com/markbates/goth/gothic",
	"http":        "net/http",
	"httptest":    "net/http/httptest",
	"io":          "io",
	"log":         "log",
	"mailru":      "github.com/ginauth/ginauth/providers/mailru",
	"maps":        "maps",
	"netip":       "net/netip",
	"oauth":       "github.com/ginauth/ginauth/oauth",
	"passkey":     "github.com/ginauth/ginauth/passkey",
	"oidc":        "github.com/ginauth/ginauth/oidc",
	"os":          "os",
	"providers":   "github.com/ginauth/ginauth/providers",
	"recipes":     "github.com/ginauth/ginauth/recipes",
	"redis":       "github.com/redis/go-redis/v9",
	"redisstore":  "github.com/ginauth/ginauth/redisstore",
	"sessions":    "github.com/gin-contrib/sessions",
	"sha256":      "crypto/sha256",
	"slices":      "slices",
	"slog":        "log/slog",
	"sql":         "database/sql",
	"sqlite":      "github.com/libtnb/sqlite",
	"storetest":   "github.com/ginauth/ginauth/storetest",
	"strings":     "strings",
	"testing":     "testing",
	"texts":       "github.com/ginauth/ginauth/texts",
	"time":        "time",
	"websocket":   "github.com/coder/websocket",

	"redis.NewStore":               "github.com/gin-contrib/sessions/redis",
	"websocket.CloseMessage":       "github.com/gorilla/websocket",
	"websocket.FormatCloseMessage": "github.com/gorilla/websocket",
}

// literals are the structs of which a snippet may show some fields.
var literals = []any{
	ginauth.Options{}, ginauth.SessionOptions{}, ginauth.Callbacks{}, ginauth.Events{}, ginauth.Email{}, ginauth.Credentials{},
	ginauth.Limits{}, ginauth.CookieOptions{}, ginauth.Pages{}, oidc.Config{},
}

var (
	goBlock   = regexp.MustCompile("(?ms)^```go\n(.*?)^```")
	fieldRow  = regexp.MustCompile(`^\s*[A-Z]\w*:\s`)
	qualifier = regexp.MustCompile(`\b([a-z][a-z0-9]*)\.([A-Z]\w*)`)
)

// Each Go snippet of the documentation compiles: a whole program as it is, a fragment
// together with the names of recipes/names.
func TestSnippets(t *testing.T) {
	t.Parallel()
	imports := exported(t)
	names, err := os.ReadFile("names/names.go")
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/internals/*.md", "../client/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	count := 0
	for _, page := range pages {
		if slices.Contains(elsewhere, strings.TrimPrefix(filepath.ToSlash(page), "../")) {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range goBlock.FindAllSubmatchIndex(text, -1) {
			count++
			line := 1 + bytes.Count(text[:block[2]], []byte("\n"))
			if err := compile(string(text[block[2]:block[3]]), string(names), imports); err != nil {
				t.Errorf("%s:%d: %v", page, line, err)
			}
		}
	}
	if count < 40 {
		t.Errorf("found %d snippets", count)
	}
}

// A snippet that does not compile is seen, whatever its form.
func TestSnippets_Wrong(t *testing.T) {
	t.Parallel()
	imports := exported(t)
	names, err := os.ReadFile("names/names.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{
		"package main\n\nfunc main() { ginauth.Register() }\n",
		"auth.NoSuchMethod(c)\n",
		"Session: ginauth.SessionOptions{NoSuchField: 1},\n",
		"NoSuchOption: 1,\n",
		"func f(c *gin.Context) { ginauth.GetSession(c).User.Nickname = 1 }\n",
		"x := undeclared(c)\n",
		"if {\n",
	} {
		if compile(block, string(names), imports) == nil {
			t.Errorf("this compiles: %s", block)
		}
	}
}

// compile type-checks a snippet in each form that it may have, and returns the error of
// the form that came furthest.
func compile(block, names string, imports types.Importer) error {
	block = strings.ReplaceAll(block, "{ … }", "{ }")
	if strings.HasPrefix(block, "package ") {
		return check(imports, block)
	}
	if fieldRow.MatchString(block) {
		return asFields(block, names, imports)
	}
	head := "package names\n" + importsOf(block)
	if _, err := parser.ParseFile(token.NewFileSet(), "", head+block, 0); err == nil {
		return check(imports, names, head+block)
	}
	var first error
	for _, results := range []string{"", "error", "(*ginauth.User, error)", "(*ginauth.Session, error)", "bool"} {
		body := head
		if !strings.Contains(body, `ginauth "`) {
			body += "import ginauth \"github.com/ginauth/ginauth\"\n"
		}
		err := check(imports, names, body+"func _(p ginauth.JWTParams, credentials map[string]string) "+results+" {\n"+block+"\npanic(0)\n}\n")
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// asFields checks a snippet that shows some fields of a struct.
func asFields(block, names string, imports types.Importer) error {
	first := errors.New("these are the fields of no struct that a snippet may show")
	found := false
	for _, literal := range literals {
		kind := reflect.TypeOf(literal)
		text := "package names\n" + importsOf("ginauth.X oidc.X "+block) + "var _ ginauth.Options\nvar _ oidc.Config\nvar _ = " + kind.String() + "{\n" + block + "\n}\n"
		file, err := parser.ParseFile(token.NewFileSet(), "", text, 0)
		if err != nil {
			return err
		}
		if !all(keys(file), func(name string) bool { _, ok := kind.FieldByName(name); return ok }) {
			continue
		}
		if err = check(imports, names, text); err == nil {
			return nil
		}
		if !found { // Session is a field of Options and of Callbacks
			first, found = err, true
		}
	}
	return first
}

func all(names []string, holds func(string) bool) bool {
	return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !holds(name) })
}

// keys are the names of a file's last composite literal.
func keys(file *ast.File) (names []string) {
	last := file.Decls[len(file.Decls)-1].(*ast.GenDecl).Specs[0].(*ast.ValueSpec).Values[0].(*ast.CompositeLit)
	for _, element := range last.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			names = append(names, pair.Key.(*ast.Ident).Name)
		}
	}
	return names
}

// importsOf are the import declarations that a snippet needs.
func importsOf(block string) string {
	wanted := map[string]string{}
	for _, m := range qualifier.FindAllStringSubmatch(block, -1) {
		if path, ok := paths[m[1]]; ok && wanted[m[1]] == "" {
			wanted[m[1]] = path
		}
		if path, ok := paths[m[1]+"."+m[2]]; ok {
			wanted[m[1]] = path
		}
	}
	var b strings.Builder
	for name, path := range wanted {
		_, _ = fmt.Fprintf(&b, "import %s %q\n", name, path)
	}
	return b.String()
}

// check type-checks the files of one package. What a fragment declares and does not use is
// no fault: the page goes on.
func check(imports types.Importer, texts ...string) error {
	set := token.NewFileSet()
	var files []*ast.File
	for _, text := range texts {
		file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	whole := strings.HasPrefix(texts[0], "package main")
	var faults []error
	config := types.Config{Importer: imports, Error: func(err error) {
		if fault := err.(types.Error); whole || !fault.Soft && !strings.Contains(fault.Msg, "is not used") {
			faults = append(faults, errors.New(fault.Msg))
		}
	}}
	_, _ = config.Check(files[0].Name.Name, set, files, nil)
	return errors.Join(faults...)
}

// exported imports packages from what go list compiled.
func exported(t *testing.T) types.Importer {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-json=ImportPath,Export", "./names"}
	for _, path := range paths {
		args = append(args, path)
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v: %s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	files := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Export string }
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		files[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("recipes/names does not import %s", path)
		}
		return os.Open(files[path])
	})
}
