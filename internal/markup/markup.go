// Package markup renders HTML templates that are written in a part of the language
// of html/template: fields, if, with, range, template, define, block, and, or, not
// and eq. What it writes is what html/template writes.
//
// It exists for the size of programs. html/template can call any method of its data
// by name, so the linker keeps every method of every type of a program that executes
// a template: 6.6 MB of one that has ten lines. This package reads fields alone.
//
// A value may stand in text and in a double-quoted attribute whose meaning is known.
// Parse refuses a template with a value elsewhere. It does not know what is rendered.
package markup

import (
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"text/template/parse"
)

// A Template is immutable and safe for concurrent use.
type Template struct{ body []step }

// A step writes one part of a document.
type step func(w *strings.Builder, s *scope) error

// scope is what a template sees while it is executed.
type scope struct {
	dot  reflect.Value
	vars map[string]reflect.Value // "$" is the data that the template was given
}

// ParseFS reads the named files, of which a later one may replace what an earlier
// one defines, and returns the template called root.
func ParseFS(files fs.FS, root string, names ...string) (*Template, error) {
	c := compiler{trees: map[string]*parse.Tree{}}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if err := c.add(path.Base(name), string(text)); err != nil {
			return nil, err
		}
	}
	return c.compile(root)
}

// Parse is ParseFS for one text, whose own name is root where it defines none of
// that name.
func Parse(root, text string) (*Template, error) {
	c := compiler{trees: map[string]*parse.Tree{}}
	if err := c.add(root, text); err != nil {
		return nil, err
	}
	return c.compile(root)
}

// Execute writes the document of data. A template that asks for a field that data
// has not got is an error, after which w holds nothing.
func (t *Template) Execute(w io.Writer, data any) error {
	var b strings.Builder
	v := reflect.ValueOf(data)
	if err := run(t.body, &b, &scope{dot: v, vars: map[string]reflect.Value{"$": v}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func run(steps []step, w *strings.Builder, s *scope) error {
	for _, step := range steps {
		if err := step(w, s); err != nil {
			return err
		}
	}
	return nil
}

// in returns the scope of a block in which dot is another value.
func (s *scope) in(dot reflect.Value) *scope { return &scope{dot: dot, vars: s.vars} }

// let returns a scope with one more variable.
func (s *scope) let(name string, v reflect.Value) *scope {
	vars := make(map[string]reflect.Value, len(s.vars)+1)
	for name, v := range s.vars {
		vars[name] = v
	}
	vars[name] = v
	return &scope{dot: s.dot, vars: vars}
}

// A value finds what an expression stands for.
type value func(s *scope) (reflect.Value, error)

// functions are those of text/template that expressions may call.
var functions = map[string]any{"and": struct{}{}, "or": struct{}{}, "not": struct{}{}, "eq": struct{}{}}

// expression compiles a pipeline without declarations.
func (c *compiler) expression(pipe *parse.PipeNode) (value, error) {
	if len(pipe.Cmds) != 1 {
		return nil, c.fault(pipe, "a pipeline of several commands is not supported")
	}
	args := pipe.Cmds[0].Args
	if name, ok := args[0].(*parse.IdentifierNode); ok {
		return c.call(name, args[1:])
	}
	if len(args) != 1 {
		return nil, c.fault(pipe, "a call of a method is not supported")
	}
	return c.operand(args[0])
}

func (c *compiler) operand(n parse.Node) (value, error) {
	switch n := n.(type) {
	case *parse.DotNode:
		return func(s *scope) (reflect.Value, error) { return s.dot, nil }, nil
	case *parse.FieldNode:
		return func(s *scope) (reflect.Value, error) { return members(s.dot, n.Ident) }, nil
	case *parse.VariableNode:
		return func(s *scope) (reflect.Value, error) { return members(s.vars[n.Ident[0]], n.Ident[1:]) }, nil
	case *parse.StringNode:
		return func(*scope) (reflect.Value, error) { return reflect.ValueOf(n.Text), nil }, nil
	case *parse.PipeNode:
		return c.expression(n)
	}
	return nil, c.fault(n, "is not supported")
}

func (c *compiler) call(name *parse.IdentifierNode, args []parse.Node) (value, error) {
	if n := len(args); n == 0 || name.Ident == "not" && n != 1 || name.Ident == "eq" && n != 2 {
		return nil, c.fault(name, "has the wrong number of arguments")
	}
	values := make([]value, len(args))
	for i, arg := range args {
		var err error
		if values[i], err = c.operand(arg); err != nil {
			return nil, err
		}
	}
	switch name.Ident {
	case "not":
		return func(s *scope) (reflect.Value, error) {
			v, err := values[0](s)
			return reflect.ValueOf(!truth(v)), err
		}, nil
	case "eq":
		return func(s *scope) (reflect.Value, error) {
			a, err := values[0](s)
			if err != nil {
				return a, err
			}
			b, err := values[1](s)
			return reflect.ValueOf(text(a) == text(b)), err
		}, nil
	}
	until := name.Ident == "or" // the first value that is true, or the first that is not
	return func(s *scope) (v reflect.Value, err error) {
		for _, value := range values {
			if v, err = value(s); err != nil || truth(v) == until {
				break
			}
		}
		return v, err
	}, nil
}

// members follows the names of fields.
func members(v reflect.Value, names []string) (reflect.Value, error) {
	for _, name := range names {
		at := indirect(v)
		if at.Kind() != reflect.Struct {
			return v, fmt.Errorf("markup: %s is asked of what has no fields", name)
		}
		if v = at.FieldByName(name); !v.IsValid() {
			return v, fmt.Errorf("markup: %s has no field %s", at.Type(), name)
		}
	}
	return v, nil
}

func indirect(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer { // nil leads to no value at all
		v = v.Elem()
	}
	return v
}

// truth is what if and with go by: anything except a zero or empty value.
func truth(v reflect.Value) bool {
	switch v = indirect(v); v.Kind() {
	case reflect.Invalid:
		return false
	case reflect.Slice, reflect.Array, reflect.Map:
		return v.Len() > 0
	case reflect.Struct:
		return true
	}
	return !v.IsZero()
}

// text is how a value is written. What is no text, number or flag has none.
func text(v reflect.Value) string {
	switch v = indirect(v); v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprint(v.Int())
	case reflect.Bool:
		return fmt.Sprint(v.Bool())
	}
	return ""
}

// printed reports whether a value has a text.
func printed(v reflect.Value) bool {
	switch indirect(v).Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return true
	}
	return false
}

// Texts of these types are markup and style already, as in html/template.
var (
	htmlType = reflect.TypeFor[template.HTML]()
	cssType  = reflect.TypeFor[template.CSS]()
)
