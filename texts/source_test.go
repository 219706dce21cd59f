package texts_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/ginauth/ginauth"
)

// languages are the exported languages of the package by their names. They are read from
// the source, since a list would miss the language that somebody forgot to list. A
// declaration that cannot be read fails the test.
func languages(t *testing.T) map[string]ginauth.Texts {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ginauth.Texts{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if err := read(declaration, all); err != nil {
				t.Fatalf("%s: %v: write var Language = ginauth.Texts{…} with a literal for each text", file, err)
			}
		}
	}
	return all
}

// read puts the languages of a declaration into all.
func read(declaration ast.Decl, all map[string]ginauth.Texts) error {
	general, ok := declaration.(*ast.GenDecl)
	if ok && general.Tok == token.IMPORT {
		return nil
	}
	if !ok || general.Tok != token.VAR {
		return fmt.Errorf("a %T is no language", declaration)
	}
	for _, spec := range general.Specs {
		spec := spec.(*ast.ValueSpec)
		if len(spec.Names) != len(spec.Values) {
			return fmt.Errorf("%s has no value of its own", spec.Names[0])
		}
		for i, name := range spec.Names {
			var l ginauth.Texts
			if err := fill(reflect.ValueOf(&l).Elem(), spec.Values[i]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if name.IsExported() {
				all[name.Name] = l
			}
		}
	}
	return nil
}

// fill puts a literal into the text, the struct or the map that to is.
func fill(to reflect.Value, from ast.Expr) error {
	if to.Kind() == reflect.String {
		literal, ok := from.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return fmt.Errorf("a %T is no text", from)
		}
		text, err := strconv.Unquote(literal.Value)
		to.SetString(text)
		return err
	}
	composite, ok := from.(*ast.CompositeLit)
	if !ok {
		return fmt.Errorf("a %T has no fields", from)
	}
	if to.Kind() == reflect.Map {
		to.Set(reflect.MakeMap(to.Type()))
	}
	for _, element := range composite.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return fmt.Errorf("a %T has no name", element)
		}
		if err := put(to, pair); err != nil {
			return err
		}
	}
	return nil
}

// put puts a pair of a literal into the struct or the map that to is.
func put(to reflect.Value, pair *ast.KeyValueExpr) error {
	if to.Kind() == reflect.Map {
		var key, value string
		if err := fill(reflect.ValueOf(&key).Elem(), pair.Key); err != nil {
			return err
		}
		if err := fill(reflect.ValueOf(&value).Elem(), pair.Value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		to.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(value))
		return nil
	}
	name, ok := pair.Key.(*ast.Ident)
	if !ok {
		return fmt.Errorf("a %T is no field", pair.Key)
	}
	field := to.FieldByName(name.Name)
	if !field.IsValid() {
		return fmt.Errorf("no field %s", name)
	}
	if err := fill(field, pair.Value); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
