package markup

import (
	"fmt"
	"reflect"
	"strings"
	"text/template/parse"
)

// compiler makes steps of parsed templates. It walks them in the order in which they
// write, and so knows the place in the document of every value.
type compiler struct {
	trees map[string]*parse.Tree
	tree  *parse.Tree // the one being compiled, for faults
	calls []string    // the templates around it
}

func (c *compiler) add(name, text string) error {
	trees, err := parse.Parse(name, text, "", "", functions)
	if err != nil {
		return fmt.Errorf("markup: %w", err)
	}
	for name, tree := range trees {
		// The rest of a file that only defines others replaces nothing.
		if c.trees[name] == nil || !parse.IsEmptyTree(tree.Root) {
			c.trees[name] = tree
		}
	}
	return nil
}

func (c *compiler) compile(root string) (*Template, error) {
	body, end, err := c.template(root, place{})
	if err == nil && end.spot != inText {
		err = fmt.Errorf("markup: %s ends within a tag", root)
	}
	if err != nil {
		return nil, err
	}
	return &Template{body}, nil
}

func (c *compiler) fault(n parse.Node, what string) error {
	location, context := c.tree.ErrorContext(n)
	return fmt.Errorf("markup: %s: %s %s", location, context, what)
}

// template compiles a template for one place where it is called.
func (c *compiler) template(name string, at place) ([]step, place, error) {
	tree := c.trees[name]
	if tree == nil {
		return nil, at, fmt.Errorf("markup: there is no template %q", name)
	}
	for _, around := range c.calls {
		if around == name {
			return nil, at, fmt.Errorf("markup: the template %q calls itself", name)
		}
	}
	caller := c.tree
	c.tree, c.calls = tree, append(c.calls, name)
	defer func() { c.tree, c.calls = caller, c.calls[:len(c.calls)-1] }()
	return c.list(tree.Root, at)
}

func (c *compiler) list(l *parse.ListNode, at place) (steps []step, end place, err error) {
	if l == nil {
		return nil, at, nil
	}
	for _, n := range l.Nodes {
		var next step
		if next, at, err = c.node(n, at); err != nil {
			return nil, at, err
		}
		steps = append(steps, next)
	}
	return steps, at, nil
}

func (c *compiler) node(n parse.Node, at place) (step, place, error) {
	switch n := n.(type) {
	case *parse.TextNode:
		written := string(n.Text)
		end, err := at.after(written)
		if err != nil {
			return nil, at, c.fault(n, err.Error())
		}
		return func(w *strings.Builder, _ *scope) error { w.WriteString(written); return nil }, end, nil
	case *parse.ActionNode:
		return c.action(n, at)
	case *parse.TemplateNode:
		return c.called(n, at)
	case *parse.IfNode:
		return c.branch(&n.BranchNode, at, func(s *scope, _ reflect.Value) *scope { return s })
	case *parse.WithNode:
		return c.branch(&n.BranchNode, at, (*scope).in)
	case *parse.RangeNode:
		return c.loop(n, at)
	}
	return nil, at, c.fault(n, "is not supported")
}

// action writes a value, escaped as its place demands.
func (c *compiler) action(n *parse.ActionNode, at place) (step, place, error) {
	if len(n.Pipe.Decl) > 0 {
		return nil, at, c.fault(n, "is not supported: only range declares variables")
	}
	value, err := c.expression(n.Pipe)
	if err != nil {
		return nil, at, err
	}
	escape, err := at.escaper()
	if err != nil {
		return nil, at, c.fault(n, err.Error())
	}
	at.begun = at.spot == inValue
	return func(w *strings.Builder, s *scope) error {
		v, err := value(s)
		if err != nil {
			return err
		}
		if !printed(v) {
			return fmt.Errorf("markup: %s is no text", n)
		}
		written, err := escape(indirect(v))
		w.WriteString(written)
		return err
	}, at, nil
}

func (c *compiler) called(n *parse.TemplateNode, at place) (step, place, error) {
	data := value(func(*scope) (reflect.Value, error) { return reflect.ValueOf(""), nil })
	if n.Pipe != nil {
		var err error
		if data, err = c.expression(n.Pipe); err != nil {
			return nil, at, err
		}
	}
	body, end, err := c.template(n.Name, at)
	if err != nil {
		return nil, at, err
	}
	return func(w *strings.Builder, s *scope) error {
		dot, err := data(s)
		if err != nil {
			return err
		}
		return run(body, w, &scope{dot: dot, vars: map[string]reflect.Value{"$": dot}})
	}, end, nil
}

// branch compiles if and with, whose two ways must end in the same place.
func (c *compiler) branch(n *parse.BranchNode, at place, enter func(*scope, reflect.Value) *scope) (step, place, error) {
	if len(n.Pipe.Decl) > 0 {
		return nil, at, c.fault(n, "is not supported: only range declares variables")
	}
	condition, err := c.expression(n.Pipe)
	if err != nil {
		return nil, at, err
	}
	yes, end, err := c.list(n.List, at)
	if err != nil {
		return nil, at, err
	}
	no, other, err := c.list(n.ElseList, at)
	if err != nil {
		return nil, at, err
	}
	if end, err = end.joined(other); err != nil {
		return nil, at, c.fault(n, err.Error())
	}
	return func(w *strings.Builder, s *scope) error {
		v, err := condition(s)
		if err != nil {
			return err
		}
		if !truth(v) {
			return run(no, w, s)
		}
		return run(yes, w, enter(s, indirect(v)))
	}, end, nil
}

// loop compiles range over a list, whose body must end where it begins.
func (c *compiler) loop(n *parse.RangeNode, at place) (step, place, error) {
	list, err := c.expression(n.Pipe)
	if err != nil {
		return nil, at, err
	}
	body, end, err := c.list(n.List, at)
	if err != nil {
		return nil, at, err
	}
	if end, err = end.joined(at); err != nil {
		return nil, at, c.fault(n, err.Error())
	}
	// A further round begins where one ends: a value may have begun there.
	if body, end, err = c.list(n.List, end); err != nil {
		return nil, at, err
	}
	none, other, err := c.list(n.ElseList, at)
	if err != nil {
		return nil, at, err
	}
	if end, err = end.joined(other); err != nil {
		return nil, at, c.fault(n, err.Error())
	}
	var index, element string
	switch names := n.Pipe.Decl; len(names) {
	case 1:
		element = names[0].Ident[0]
	case 2:
		index, element = names[0].Ident[0], names[1].Ident[0]
	}
	return func(w *strings.Builder, s *scope) error {
		v, err := list(s)
		if err != nil {
			return err
		}
		if v = indirect(v); v.Kind() != reflect.Slice {
			return fmt.Errorf("markup: %s is no list", n.Pipe)
		}
		if v.Len() == 0 {
			return run(none, w, s)
		}
		for i := range v.Len() {
			inner := s.in(v.Index(i))
			if element != "" {
				inner = inner.let(element, v.Index(i))
			}
			if index != "" {
				inner = inner.let(index, reflect.ValueOf(i))
			}
			if err := run(body, w, inner); err != nil {
				return err
			}
		}
		return nil
	}, end, nil
}
