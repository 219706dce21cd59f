package pages_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// document is a parsed page: what the browser makes of the bytes, and not what the
// bytes look like.
type document struct{ root *html.Node }

func parse(t *testing.T, body string) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return document{root}
}

// all returns the elements of one of the names, in the order of the page; every element without a name.
func (d document) all(names ...string) []*html.Node {
	var found []*html.Node
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && (len(names) == 0 || slices.Contains(names, n.Data)) {
			found = append(found, n)
		}
	}
	return found
}

// one returns the only element of a name.
func (d document) one(t *testing.T, name string) *html.Node {
	t.Helper()
	found := d.all(name)
	if len(found) != 1 {
		t.Fatalf("%d %s elements, want 1", len(found), name)
	}
	return found[0]
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what the element says, without elements hidden from assistive technology.
func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if attr(n, "aria-hidden") == "true" {
		return ""
	}
	var b strings.Builder
	for child := range n.ChildNodes() {
		b.WriteString(text(child))
	}
	return strings.TrimSpace(b.String())
}

// byClass returns the text of the only element of a class, "" without one.
func (d document) byClass(t *testing.T, class string) string {
	t.Helper()
	var found []string
	for _, n := range d.all() {
		if slices.Contains(strings.Fields(attr(n, "class")), class) {
			found = append(found, text(n))
		}
	}
	if len(found) > 1 {
		t.Fatalf("%d elements of class %s", len(found), class)
	}
	return strings.Join(found, "")
}

// values are the name and value of a form's inputs.
func values(form *html.Node) map[string]string {
	all := make(map[string]string)
	for _, in := range (document{form}).all("input") {
		all[attr(in, "name")] = attr(in, "value")
	}
	return all
}
