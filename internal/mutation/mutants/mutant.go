package mutants

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// A Mutant is one change of the code.
type Mutant struct {
	File   string // from the module's root, with slashes
	Line   int
	Func   string // Name, (*Type).Name, or the variable whose value it is
	Before string // the text that changes, in one line
	After  string // what stands there then

	id         int
	pkg        string
	start, end int    // of the text that is wrapped
	prefix     string // what is put in front, with %d for the id
	suffix     string
	operator   [2]int // where the operator stands that becomes a comma
	inner      bool   // of two that wrap the same text this one is inside
	uses       string // the package's variable whose value it is part of
}

// String is file:line, function and change, in one line.
func (m *Mutant) String() string {
	return fmt.Sprintf("%s:%d %s", m.File, m.Line, m.change())
}

// change is what the list of equivalents knows a mutant by: it does not depend on the
// line.
func (m *Mutant) change() string { return m.Func + ": " + m.Before + " => " + m.After }

// longest is how many bytes of a text a mutant shows.
const longest = 120

// flat is a text in one line.
func flat(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

// A finder walks one file and finds its mutants.
type finder struct {
	m    *module
	s    *source
	f    *file
	name string // of the function or variable
	uses string
}

// find finds all mutants of the module, in an order that depends on its code alone.
func (m *module) find() {
	for _, s := range m.packages {
		for _, f := range s.files {
			if ast.IsGenerated(f.syntax) {
				continue
			}
			find := &finder{m: m, s: s, f: f}
			find.file()
			slices.SortStableFunc(f.mutants, func(a, b *Mutant) int { return a.start - b.start })
		}
	}
	m.all()
}

func (f *finder) file() {
	for _, d := range f.f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				f.name, f.uses = funcName(d), ""
				f.walk(d, d.Body)
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				spec := spec.(*ast.ValueSpec)
				f.name = spec.Names[0].Name
				f.uses = f.s.path + "." + f.name
				for _, value := range spec.Values {
					f.walk(spec, value)
				}
			}
		}
	}
}

func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	return "(" + types.ExprString(d.Recv.List[0].Type) + ")." + d.Name.Name
}

// walk visits what stands in a declaration.
func (f *finder) walk(decl, root ast.Node) {
	ast.PreorderStack(root, []ast.Node{decl}, func(n ast.Node, stack []ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructType, *ast.ArrayType, *ast.InterfaceType, *ast.FuncType:
			return false // nothing in a type can depend on a switch
		case *ast.GenDecl:
			return n.Tok == token.VAR
		case ast.Stmt:
			f.statement(n, stack)
		case ast.Expr:
			return f.expression(n, stack)
		}
		return true
	})
}

// wrap adds a mutant of n, of which before becomes after.
func (f *finder) wrap(n ast.Node, before, after, prefix, suffix string) *Mutant {
	at := f.m.fset.Position(n.Pos())
	m := &Mutant{
		File: f.f.name, Line: at.Line, Func: f.name, Before: flat(before), After: flat(after),
		pkg: f.s.path, start: at.Offset, end: f.m.fset.Position(n.End()).Offset, prefix: prefix, suffix: suffix, uses: f.uses,
	}
	f.f.mutants = append(f.f.mutants, m)
	return m
}

// call wraps an expression in a call of a switch's function. typ is the result's.
func (f *finder) call(function string, typ types.Type, e ast.Expr, after string) *Mutant {
	if typ != nil {
		spelled, ok := f.spell(typ)
		if !ok {
			return nil
		}
		function += "[" + spelled + "]"
	}
	return f.wrap(e, f.text(e), after, switches+"."+function+"(%d, ", ")")
}

func (f *finder) text(n ast.Node) string {
	return string(f.f.text[f.m.fset.Position(n.Pos()).Offset:f.m.fset.Position(n.End()).Offset])
}

// spell writes a type as this file can name it.
func (f *finder) spell(t types.Type) (string, bool) {
	ok := true
	text := types.TypeString(types.Default(t), func(p *types.Package) string {
		if p == f.s.pkg {
			return ""
		}
		for _, spec := range f.f.syntax.Imports {
			if strings.Trim(spec.Path.Value, `"`) != p.Path() {
				continue
			}
			if spec.Name != nil {
				return spec.Name.Name
			}
			return p.Name()
		}
		ok = false
		return ""
	})
	return text, ok
}

func (f *finder) typeOf(e ast.Expr) types.Type { return f.s.info.Types[e].Type }

func isBool(t types.Type) bool {
	basic, ok := t.(*types.Basic)
	return ok && basic.Info()&types.IsBoolean != 0
}

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }
