// Package mutants draws mutants of a module's code at random and runs the tests that
// reach them. A mutant that no test notices shows code that may change unnoticed.
// The package knows Go's syntax and types. It does not know which code is a defence.
//
// Every mutant of the code is compiled into the test programs at once, each behind a
// switch that is read from the environment when a program starts. So each package is
// built once, and each test is run once to see which switches it passes.
package mutants

import (
	"bytes"
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
	"regexp"
	"strings"
)

// A module is the code that mutants are drawn from.
type module struct {
	root, path string
	fset       *token.FileSet
	packages   []*source
	tested     []string          // the import paths of all packages of the module
	exports    map[string]string // the compiled form of each package that the code imports
}

// A source is one package of the code.
type source struct {
	path  string
	pkg   *types.Package
	info  *types.Info
	files []*file
	used  map[types.Object][]token.Pos
}

// uses are the places where a variable is read or called.
func (s *source) uses(v types.Object) []token.Pos {
	if s.used == nil {
		s.used = map[types.Object][]token.Pos{}
		for id, used := range s.info.Uses {
			s.used[used] = append(s.used[used], id.Pos())
		}
	}
	return s.used[v]
}

// A file is one of its files.
type file struct {
	name    string // from the module's root
	path    string
	text    []byte
	syntax  *ast.File
	mutants []*Mutant
}

// load reads the packages that match patterns, except those whose import path, from
// the module's root, matches skip.
func load(root string, patterns []string, skip *regexp.Regexp) (*module, error) {
	path, err := goTool(root, "list", "-m")
	if err != nil {
		return nil, err
	}
	m := &module{root: root, path: strings.TrimSpace(path), fset: token.NewFileSet(), exports: map[string]string{}}
	tested, err := goTool(root, "list", "-f", "{{.ImportPath}}\t{{len .TestGoFiles}}\t{{len .XTestGoFiles}}", "./...")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(tested) {
		path, tests, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if tests != "0\t0" && !skip.MatchString(m.local(path)) {
			m.tested = append(m.tested, path)
		}
	}
	compiled, err := goTool(root, append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(compiled) {
		path, export, _ := strings.Cut(strings.TrimSpace(line), "\t")
		m.exports[path] = export
	}
	listed, err := goTool(root, append([]string{"list", "-f", "{{.ImportPath}}\t{{.Dir}}{{range .GoFiles}}\t{{.}}{{end}}"}, patterns...)...)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(listed) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) < 3 || skip.MatchString(m.local(fields[0])) {
			continue
		}
		s, err := m.read(fields[0], fields[1], fields[2:])
		if err != nil {
			return nil, err
		}
		m.packages = append(m.packages, s)
	}
	if len(m.packages) == 0 {
		return nil, errors.New("no package matches " + strings.Join(patterns, " "))
	}
	return m, nil
}

// local is an import path from the module's root, as go test takes it.
func (m *module) local(path string) string {
	return "." + strings.TrimPrefix(path, m.path)
}

func (m *module) read(path, dir string, names []string) (*source, error) {
	s := &source{path: path}
	var syntax []*ast.File
	for _, name := range names {
		f := &file{path: filepath.Join(dir, name)}
		var err error
		if f.name, err = filepath.Rel(m.root, f.path); err != nil {
			return nil, err
		}
		f.name = filepath.ToSlash(f.name)
		if f.text, err = os.ReadFile(f.path); err != nil {
			return nil, err
		}
		if f.syntax, err = parser.ParseFile(m.fset, f.path, f.text, parser.SkipObjectResolution|parser.ParseComments); err != nil {
			return nil, err
		}
		s.files, syntax = append(s.files, f), append(syntax, f.syntax)
	}
	s.info = &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	var err error
	s.pkg, err = (&types.Config{Importer: m.imports(m.fset, nil)}).Check(path, m.fset, syntax, s.info)
	return s, err
}

// imports finds packages in their compiled form, and the one that mutated code
// imports besides.
func (m *module) imports(fset *token.FileSet, switches *types.Package) types.Importer {
	compiled := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if m.exports[path] == "" {
			return nil, fmt.Errorf("%s is not compiled", path)
		}
		return os.Open(m.exports[path])
	})
	return importerFunc(func(path string) (*types.Package, error) {
		if switches != nil && path == m.switchPath() {
			return switches, nil
		}
		return compiled.Import(path)
	})
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// goTool is what the go command prints.
func goTool(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	var complaints bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", args[0], err, complaints.Bytes())
	}
	return string(out), nil
}
