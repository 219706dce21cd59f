package mutants

import (
	"go/ast"
	"go/token"
	"go/types"
)

// users finds, for each variable of a package whose value has mutants, the mutants of
// the functions that use it. A variable that other variables are made of is used where
// they are.
func (m *module) users() map[string][]*Mutant {
	within := map[string][]*Mutant{}    // of a function or variable, by file and name
	byVariable := map[string][]string{} // the functions and variables that use one
	for _, s := range m.packages {
		for _, f := range s.files {
			for _, mutant := range f.mutants {
				if mutant.uses == "" {
					within[f.name+" "+mutant.Func] = append(within[f.name+" "+mutant.Func], mutant)
				}
			}
			for _, d := range f.syntax.Decls {
				for user, n := range declared(s, f, d) {
					ast.Inspect(n, func(n ast.Node) bool {
						if id, ok := n.(*ast.Ident); ok {
							if v, ok := s.info.Uses[id].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
								key := v.Pkg().Path() + "." + v.Name()
								byVariable[key] = append(byVariable[key], user)
							}
						}
						return true
					})
				}
			}
		}
	}
	all := map[string][]*Mutant{}
	for variable := range byVariable {
		seen := map[string]bool{}
		var follow func(string)
		follow = func(name string) {
			for _, user := range byVariable[name] {
				if seen[user] {
					continue
				}
				seen[user] = true
				all[variable] = append(all[variable], within[user]...)
				follow(user)
			}
		}
		follow(variable)
	}
	return all
}

// declared are a declaration's function, by file and name, or its variables, by path and
// name.
func declared(s *source, f *file, d ast.Decl) map[string]ast.Node {
	found := map[string]ast.Node{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Body != nil {
			found[f.name+" "+funcName(d)] = d.Body
		}
	case *ast.GenDecl:
		if d.Tok != token.VAR {
			break
		}
		for _, spec := range d.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				found[s.path+"."+name.Name] = spec
			}
		}
	}
	return found
}
