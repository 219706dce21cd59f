package mutants

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/ginauth/ginauth/internal/ascii"
)

// statement finds what can change about a statement as a whole: a call is dropped, a
// branch is never or wrongly taken, a return answers with something else.
func (f *finder) statement(n ast.Stmt, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt:
		f.drop(n, stack[len(stack)-1])
	case *ast.IfStmt:
		f.condition(n.Cond, true)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.condition(n.Cond, false)
		}
	case *ast.SwitchStmt:
		if n.Tag != nil {
			return
		}
		for _, c := range n.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				f.condition(e, true)
			}
		}
	case *ast.ReturnStmt:
		f.answer(n, results(f.s.info, stack))
	}
}

// drop leaves a call out. One in the head of an if or for cannot be.
func (f *finder) drop(n ast.Stmt, parent ast.Node) {
	switch p := parent.(type) {
	case *ast.BlockStmt, *ast.CaseClause:
	case *ast.CommClause:
		if p.Comm == n {
			return
		}
	default:
		return
	}
	if e, ok := n.(*ast.ExprStmt); ok {
		call, ok := e.X.(*ast.CallExpr)
		if !ok || f.callee(call) == "panic" { // a function may end with it
			return
		}
		if f.isLog(call) || f.grows(call) {
			return
		}
	}
	if f.leavesUnused(n) {
		return
	}
	f.wrap(n, f.text(n), "nothing", "if !"+switches+".On(%d) { ", " }")
}

// leavesUnused reports whether the compiler refuses the code without a statement, since
// a variable of the function is used there alone.
func (f *finder) leavesUnused(n ast.Stmt) (unused bool) {
	ast.Inspect(n, func(child ast.Node) bool {
		id, ok := child.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := f.s.info.Uses[id].(*types.Var)
		if !ok || v.IsField() || v.Kind() != types.LocalVar || n.Pos() <= v.Pos() && v.Pos() < n.End() {
			return true
		}
		outside := func(at token.Pos) bool { return at < n.Pos() || n.End() <= at }
		unused = unused || !slices.ContainsFunc(f.s.uses(v), outside)
		return true
	})
	return unused
}

// condition turns one round, and lets a branch never be taken.
func (f *finder) condition(e ast.Expr, branch bool) {
	if !isBool(f.typeOf(e)) || f.s.info.Types[e].Value != nil {
		return
	}
	f.call("Not", nil, e, "!("+f.text(e)+")")
	if branch {
		f.call("False", nil, e, "false")
	}
}

// results are the types that the innermost function around a statement returns.
func results(info *types.Info, stack []ast.Node) *types.Tuple {
	for _, n := range slices.Backward(stack) {
		switch n := n.(type) {
		case *ast.FuncLit:
			return info.Types[n].Type.(*types.Signature).Results()
		case *ast.FuncDecl:
			return info.Defs[n.Name].Type().(*types.Signature).Results()
		}
	}
	return nil
}

// answer changes what a function returns: no error, or a value's zero.
func (f *finder) answer(n *ast.ReturnStmt, want *types.Tuple) {
	if want.Len() != len(n.Results) {
		return // bare, or a call of several results
	}
	for i, e := range n.Results {
		typ, value := want.At(i).Type(), f.s.info.Types[e]
		switch {
		case value.IsNil() || value.Value != nil || f.besideFault(n) && i < len(n.Results)-1:
		case isError(typ):
			f.call("Error", nil, e, "nil")
		case isBool(typ):
			f.call("Not", nil, e, "!("+f.text(e)+")")
		default:
			if literal, ok := e.(*ast.CompositeLit); !ok || len(literal.Elts) > 0 {
				f.call("Zero", typ, e, "zero")
			}
		}
	}
}

// besideFault reports whether a return says, by its last result, that the others mean
// nothing: by an error or by false.
func (f *finder) besideFault(n *ast.ReturnStmt) bool {
	last := n.Results[len(n.Results)-1]
	if len(n.Results) < 2 {
		return false
	}
	value := f.s.info.Types[last]
	if value.Value != nil {
		return value.Value.Kind() == constant.Bool && !constant.BoolVal(value.Value)
	}
	return !value.IsNil() && types.AssignableTo(value.Type, types.Universe.Lookup("error").Type())
}

// expression finds what can change within an expression, and reports whether to look
// into it.
func (f *finder) expression(e ast.Expr, stack []ast.Node) bool {
	parent := stack[len(stack)-1]
	if value := f.s.info.Types[e]; value.Value != nil {
		if !f.fixed(e, stack) {
			f.constant(e, value, parent)
		}
		return false
	}
	switch e := e.(type) {
	case *ast.CallExpr:
		return !f.isLog(e)
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			if outer, ok := parent.(*ast.BinaryExpr); !ok || outer.Op != e.Op {
				f.chain(e)
			}
		case token.LSS, token.LEQ, token.GTR, token.GEQ:
			f.boundary(e)
		}
		if isBool(f.typeOf(e)) {
			f.value(e, parent)
		}
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			f.value(e, parent)
		}
	}
	return true
}

// value turns a condition round that is kept or passed on. Those of if, for, switch and
// return have their own mutants.
func (f *finder) value(e ast.Expr, parent ast.Node) {
	switch parent.(type) {
	case *ast.AssignStmt, *ast.CallExpr, *ast.KeyValueExpr, *ast.ValueSpec:
		f.call("Not", nil, e, "!("+f.text(e)+")")
	}
}

// chain drops one member of a && b && c, or of a || b || c.
func (f *finder) chain(e *ast.BinaryExpr) {
	var members []ast.Expr
	var flatten func(ast.Expr)
	flatten = func(x ast.Expr) {
		if b, ok := x.(*ast.BinaryExpr); ok && b.Op == e.Op {
			flatten(b.X)
			flatten(b.Y)
			return
		}
		members = append(members, x)
	}
	flatten(e)
	prefix := switches + ".True(%d, "
	if e.Op == token.LOR {
		prefix = switches + ".False(%d, "
	}
	for i, dropped := range members {
		var rest []string
		for j, kept := range members {
			if j != i {
				rest = append(rest, f.text(kept))
			}
		}
		f.wrap(dropped, f.text(e), strings.Join(rest, " "+e.Op.String()+" "), prefix, ")")
	}
}

// boundary takes equality to a comparison, or away from it.
func (f *finder) boundary(e *ast.BinaryExpr) {
	function, other := "", ""
	switch e.Op {
	case token.LSS:
		function, other = "Less", "<="
	case token.LEQ:
		function, other = "LessOrEqual", "<"
	case token.GTR:
		function, other = "Greater", ">="
	case token.GEQ:
		function, other = "GreaterOrEqual", ">"
	}
	m := f.call(function, nil, e, f.text(e.X)+" "+other+" "+f.text(e.Y))
	at := f.m.fset.Position(e.OpPos).Offset
	m.operator = [2]int{at, at + len(e.Op.String())}
	m.inner = true
}

// constant changes a constant: a number by one or to its double, a text to none, a
// bool to the other.
func (f *finder) constant(e ast.Expr, value types.TypeAndValue, parent ast.Node) {
	typ, text := value.Type, f.text(e)
	switch value.Value.Kind() {
	case constant.Bool:
		if isBool(typ) {
			f.call("Not", nil, e, "!("+text+")")
		}
	case constant.String:
		if constant.StringVal(value.Value) != "" {
			f.call("Zero", typ, e, `""`)
		}
	case constant.Int, constant.Float:
		f.number(e, value, parent)
	}
}

func (f *finder) number(e ast.Expr, value types.TypeAndValue, parent ast.Node) {
	typ, text := value.Type, f.text(e)
	small := constant.Compare(constant.BinaryOp(value.Value, token.MUL, value.Value), token.LEQ, constant.MakeInt64(1))
	compared := false // then one step is what boundary does
	if b, ok := parent.(*ast.BinaryExpr); ok {
		switch b.Op {
		case token.LSS, token.LEQ, token.GTR, token.GEQ:
			compared = true
		}
	}
	if !small {
		f.call("Twice", typ, e, "2*("+text+")")
	}
	if types.TypeString(typ, nil) == "time.Duration" && !small {
		return // a nanosecond more is nothing
	}
	if small || !compared {
		f.call("Up", typ, e, "("+text+")+1")
	}
	if !compared {
		f.call("Down", typ, e, "("+text+")-1")
	}
}

// fixed reports whether a constant has to stay, or decides nothing: the index in a
// list, a capacity, the method GET of a new request, for which net/http takes an empty
// one, what is returned beside an error or beside false, the words of an error.
func (f *finder) fixed(e ast.Expr, stack []ast.Node) bool {
	switch p := stack[len(stack)-1].(type) {
	case *ast.KeyValueExpr:
		if p.Key != e {
			break
		}
		list, ok := stack[len(stack)-2].(*ast.CompositeLit)
		if !ok {
			return true
		}
		if _, isMap := f.typeOf(list).Underlying().(*types.Map); !isMap {
			return true
		}
	case *ast.CallExpr:
		method := map[string]int{"net/http.NewRequest": 0, "net/http.NewRequestWithContext": 1}
		if at, ok := method[f.callee(p)]; ok && p.Args[at] == e && constant.StringVal(f.s.info.Types[e].Value) == http.MethodGet {
			return true
		}
	case *ast.ReturnStmt:
		if p.Results[len(p.Results)-1] != e && f.besideFault(p) {
			return true
		}
	}
	inner := ast.Node(e)
	for _, n := range slices.Backward(stack) {
		if call, ok := n.(*ast.CallExpr); ok && (f.isMessage(call) || f.grows(call) || f.isCapacity(call, inner)) {
			return true
		}
		inner = n
	}
	return false
}

// isCapacity reports whether an argument says how many elements a slice or a map will
// take without another allocation.
func (f *finder) isCapacity(call *ast.CallExpr, arg ast.Node) bool {
	if f.callee(call) != "make" || arg == call.Args[0] {
		return false
	}
	_, isMap := f.typeOf(call.Args[0]).Underlying().(*types.Map)
	return isMap || len(call.Args) == 3 && arg == call.Args[2]
}

// grows reports whether a call only allocates what would grow by itself.
func (f *finder) grows(call *ast.CallExpr) bool {
	switch f.callee(call) {
	case "strings.Builder.Grow", "bytes.Buffer.Grow", "slices.Grow":
		return true
	}
	return false
}

// callee names the function of a call: its package's path, the type of a method's
// receiver, and its name.
func (f *finder) callee(call *ast.CallExpr) string {
	var name *ast.Ident
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	default:
		return ""
	}
	used := f.s.info.Uses[name]
	switch {
	case used == nil:
		return ""
	case used.Pkg() == nil:
		return used.Name()
	}
	receiver := ""
	if f, ok := used.(*types.Func); ok && f.Signature().Recv() != nil {
		t := f.Signature().Recv().Type()
		if pointer, ok := t.(*types.Pointer); ok {
			t = pointer.Elem()
		}
		if named, ok := t.(*types.Named); ok {
			receiver = named.Obj().Name() + "."
		}
	}
	return used.Pkg().Path() + "." + receiver + used.Name()
}

// isLog reports whether a call writes to the log, which decides nothing.
func (f *finder) isLog(call *ast.CallExpr) bool {
	return strings.HasPrefix(f.callee(call), "log/slog.")
}

// isMessage reports whether a call makes the words of an error. Functions of the code
// that do so are named for it.
func (f *finder) isMessage(call *ast.CallExpr) bool {
	switch name := f.callee(call); {
	case name == "errors.New", name == "fmt.Errorf", name == "panic":
		return true
	case ascii.EqualFold(path.Ext(name), ".fault"), strings.HasSuffix(name, ".faults.add"),
		strings.HasSuffix(name, "/internal/redact.Told"), strings.HasSuffix(name, "/internal/refusal.Log.Warn"):
		return true
	}
	return f.isLog(call)
}
