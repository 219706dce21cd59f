package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// source parses the files of a package, without its tests.
func source(t testing.TB, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// text is the value of a string literal, of the first one of a sum.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return text(e.X)
	case *ast.BasicLit:
		if value, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return value
		}
	}
	return ""
}

// Each error code and each reason is in the HTTP reference.
func TestReference_Codes(t *testing.T) {
	t.Parallel()
	page, count := pages(t)["docs/http.md"], 0
	for _, file := range source(t, "internal/errorcode") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.GenDecl)
			if !ok || spec.Tok != token.CONST {
				return true
			}
			for _, s := range spec.Specs {
				for _, value := range s.(*ast.ValueSpec).Values {
					count++
					if code := text(value); !strings.Contains(page, "`"+code+"`") {
						t.Errorf("docs/http.md does not have the code %s", code)
					}
				}
			}
			return false
		})
	}
	if count < 25 {
		t.Errorf("found %d codes", count)
	}
}

// Each route is in the HTTP reference.
func TestReference_Routes(t *testing.T) {
	t.Parallel()
	page, count := pages(t)["docs/http.md"], 0
	files := source(t, ".")
	constants := map[string]string{}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == len(spec.Names) {
				for i, name := range spec.Names {
					constants[name.Name] = text(spec.Values[i])
				}
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || spec.Names[0].Name != "routes" {
				return true
			}
			for _, pair := range spec.Values[0].(*ast.CompositeLit).Elts {
				count++
				key := pair.(*ast.KeyValueExpr).Key
				name := text(key)
				if sum, ok := key.(*ast.BinaryExpr); ok {
					name += constants[sum.Y.(*ast.Ident).Name]
				}
				if strings.HasSuffix(name, " ") || !strings.Contains(page, name) {
					t.Errorf("docs/http.md does not have the route %s", name)
				}
			}
			return false
		})
	}
	if count < 14 {
		t.Errorf("found %d routes", count)
	}
}

// Each option is in the table of options.
func TestReference_Options(t *testing.T) {
	t.Parallel()
	page, count := pages(t)["docs/configuration.md"], 0
	prefixes := map[string]string{"Options": "", "SessionOptions": "Session.", "CookieOptions": "Cookies.", "Callbacks": "Callbacks."}
	for _, file := range source(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			prefix, wanted := prefixes[spec.Name.Name]
			if !wanted {
				return false
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					count++
					if !strings.Contains(page, "`"+prefix+name.Name) {
						t.Errorf("docs/configuration.md does not have the option %s%s", prefix, name.Name)
					}
				}
			}
			return false
		})
	}
	if count < 35 {
		t.Errorf("found %d options", count)
	}
}

// levels are the methods that write a line.
var levels = map[string]bool{"Debug": true, "Info": true, "Warn": true, "Error": true, "DebugContext": true, "InfoContext": true, "WarnContext": true, "ErrorContext": true}

// Each line that the library writes is on the page about the log. The page may have its
// beginning alone.
func TestReference_Log(t *testing.T) {
	t.Parallel()
	var known []string
	for _, code := range inlineCode.FindAllString(pages(t)["docs/log.md"], -1) {
		known = append(known, strings.Trim(code, "`"))
	}
	seen := map[string]bool{}
	for _, file := range source(t, ".") {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && levels[method.Sel.Name] {
				for _, arg := range call.Args {
					if line, ok := message(arg, method.X); ok {
						seen[line] = true
						break
					}
				}
			}
			return true
		})
	}
	for line := range seen {
		if !begins(line, known) {
			t.Errorf("docs/log.md does not have the line %q", line)
		}
	}
	if len(seen) < 30 {
		t.Errorf("found %d lines", len(seen))
	}
}

// message is the text of a line: that of a logger begins with the library's name, that of
// the refusals gets it later, and is the first text with a blank in it.
func message(arg, receiver ast.Expr) (string, bool) {
	value := text(arg)
	if line, ok := strings.CutPrefix(value, "ginauth: "); ok {
		return line, line != ""
	}
	log, ok := receiver.(*ast.SelectorExpr)
	return value, ok && log.Sel.Name == "refusals" && strings.Contains(value, " ")
}

func begins(line string, known []string) bool {
	for _, k := range known {
		if len(k) > 12 && strings.HasPrefix(line, k) {
			return true
		}
	}
	return false
}

// The comment of each public package shows how the package is used.
func TestReference_PackageComments(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{
		".", "oidc", "oauth", "providers", "providers/mailru", "providers/reddit", "providers/steam", "providers/tumblr", "providers/x",
		"gormadapter", "redisstore", "adaptertest", "storetest", "ginauthtest", "texts", "passkey",
	} {
		shows := false
		for _, file := range source(t, dir) {
			shows = shows || strings.Contains(file.Doc.Text(), "\n\t")
		}
		if !shows {
			t.Errorf("the comment of package %s has no code", dir)
		}
	}
}
