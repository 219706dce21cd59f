package mutants

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// switches is how mutated code calls the package of the switches. No code has this
// name.
const switches = "mutantSwitch"

//go:embed switch.go.txt
var switchText []byte

func (m *module) switchPath() string { return m.path + "/internal/mutantswitch" }

// An edit puts text in the place of what stands between two offsets.
type edit struct {
	from, to int
	text     string
	order    [4]int
}

// write is a file with its mutants. Its lines are where they were.
func (f *file) write(switchPath string) []byte {
	if len(f.mutants) == 0 {
		return f.text
	}
	name := int(f.syntax.Name.End() - f.syntax.FileStart)
	edits := []edit{{from: name, to: name, text: "; import " + switches + " " + strconv.Quote(switchPath)}}
	for _, m := range f.mutants {
		inner := 0
		if m.inner {
			inner = 1
		}
		// At one offset the ends come first, those of the inner ones before; then the
		// beginnings, those of the outer ones before.
		edits = append(edits,
			edit{from: m.start, to: m.start, text: fmt.Sprintf(m.prefix, m.id), order: [4]int{1, -m.end, inner, m.id}},
			edit{from: m.end, to: m.end, text: m.suffix, order: [4]int{0, -m.start, -inner, -m.id}})
		if m.operator[1] > 0 {
			edits = append(edits, edit{from: m.operator[0], to: m.operator[1], text: ","})
		}
	}
	slices.SortFunc(edits, func(a, b edit) int {
		return cmp.Or(a.from-b.from, slices.Compare(a.order[:], b.order[:]))
	})
	var out strings.Builder
	at := 0
	for _, e := range edits {
		out.Write(f.text[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(f.text[at:])
	return []byte(out.String())
}

// prune drops the mutants that do not compile, such as one that would compare values of
// a type parameter. It knows them by the lines of the compiler's errors.
func (m *module) prune() error {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, "switch.go", switchText, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	importer := m.imports(fset, nil)
	pkg, err := (&types.Config{Importer: importer}).Check(m.switchPath(), fset, []*ast.File{syntax}, nil)
	if err != nil {
		return err
	}
	for _, s := range m.packages {
		if err := m.prunePackage(s, pkg); err != nil {
			return err
		}
	}
	return nil
}

func (m *module) prunePackage(s *source, switches *types.Package) error {
	for {
		fset := token.NewFileSet()
		var syntax []*ast.File
		for _, f := range s.files {
			parsed, err := parser.ParseFile(fset, f.name, f.write(m.switchPath()), parser.SkipObjectResolution)
			if err != nil {
				return fmt.Errorf("%s with its mutants: %w", f.name, err)
			}
			syntax = append(syntax, parsed)
		}
		var faults []types.Error
		config := types.Config{Importer: m.imports(fset, switches), Error: func(err error) { faults = append(faults, err.(types.Error)) }}
		_, _ = config.Check(s.path, fset, syntax, nil)
		if len(faults) == 0 {
			return nil
		}
		dropped := 0
		for _, fault := range faults {
			at := fault.Fset.Position(fault.Pos)
			for _, f := range s.files {
				before := len(f.mutants)
				f.mutants = slices.DeleteFunc(f.mutants, func(m *Mutant) bool { return m.File == at.Filename && m.Line == at.Line })
				dropped += before - len(f.mutants)
			}
		}
		if dropped == 0 {
			return faults[0]
		}
	}
}

// overlay writes the mutated files into dir and the list by which go finds them.
func (m *module) overlay(dir string) (string, error) {
	replace := map[string]string{}
	put := func(path string, text []byte) error {
		copied := filepath.Join(dir, strconv.Itoa(len(replace))+".go")
		replace[path] = copied
		return os.WriteFile(copied, text, 0o644)
	}
	if err := put(filepath.Join(m.root, "internal", "mutantswitch", "switch.go"), switchText); err != nil {
		return "", err
	}
	for _, s := range m.packages {
		for _, f := range s.files {
			if len(f.mutants) == 0 {
				continue
			}
			if err := put(f.path, f.write(m.switchPath())); err != nil {
				return "", err
			}
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o644)
}
