package markup_test

import (
	"html/template"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ginauth/ginauth/internal/markup"
)

// data is one of each kind that templates read.
type data struct {
	Text, Other string
	Flag        bool
	Number      int
	Page        any
	Nothing     *item
	List        []item
	HTML        template.HTML
	Style       template.CSS
}

type item struct {
	Name string
	Tags []string
}

func example(text string) data {
	return data{
		Text: text, Other: "other", Flag: true, Number: 7, Page: &item{Name: text},
		List: []item{{Name: text, Tags: []string{text, "t"}}, {Name: "second"}}, HTML: "<b>bold</b>", Style: "#123456",
	}
}

// templates are in the part of the language that this package has.
var templates = map[string]string{
	"text":       `<p>{{.Text}}</p>`,
	"attribute":  `<p class="a {{.Text}} b" title="{{.Text}}">x</p>`,
	"address":    `<form method="post" action="{{.Text}}"><a href="{{.Text}}">x</a><img src="{{.Text}}" alt=""></form>`,
	"title":      `<!doctype html><title>{{.Text}} · {{.Other}}</title>{{.Text}}`,
	"markup":     `<p>{{.HTML}}</p>`,
	"style":      `<p style="color:{{.Style}};margin:0">x</p>`,
	"nested":     `{{.Page.Name}}{{with .Page}}{{.Name}}{{$.Other}}{{end}}`,
	"if":         `<p{{if .Flag}} class="{{.Text}}"{{end}}>{{if not .Flag}}a{{else if .Text}}b{{else}}c{{end}}</p>`,
	"with":       `{{with .Text}}<b>{{.}}</b>{{else}}none{{end}}`,
	"or and and": `{{if or .Text .Flag}}1{{end}}{{if and .Text .Flag}}2{{end}}{{or .Text .Other}}{{and .Text .Other}}{{if not (or .Text .List)}}3{{end}}`,
	"eq":         `{{if eq .Text "javascript:x"}}1{{else if eq .Other "other"}}2{{end}}`,
	"number":     `{{.Number}}{{.Flag}}`,
	"range":      `{{range $i, $v := .List}}{{if $i}}, {{end}}{{$v.Name}}{{.Name}}{{range .Tags}}<i>{{.}}</i>{{else}}none{{end}}{{$.Other}}{{end}}`,
	"slashes":    `<br/><input name="{{.Text}}"/><input disabled/><input disabled title="{{.Text}}" required/>`,
	"bare names": `<input required class="{{.Text}}"><input required
	title="{{.Text}}"><input disabled>`,
	"end of a tag":  `<p>{{.Text}}</p><i>x</i>`,
	"empty range":   `{{range .Page.Tags}}a{{else}}none{{end}}`,
	"one variable":  `{{range $v := .List}}{{$v.Name}}{{end}}`,
	"template":      `{{define "a"}}<i class="{{.}}">{{$}}</i>{{end}}{{template "a" .Text}}<p>{{template "a" .Other}}</p>`,
	"in both":       `{{define "a"}}{{.}}{{end}}<a href="{{template "a" .Text}}">{{template "a" .Text}}</a>`,
	"block":         `<main class="x{{block "more" .}} y{{end}}">x</main>`,
	"trimmed":       "  {{- .Text -}}  \n<p>\n{{- /* a comment */ -}}\n</p>",
	"several lines": "<input\n  name=\"{{.Text}}\"\n  required>",
}

// values are what strangers write.
var values = []string{
	"", "plain", `a<b>"c"'d'&e+f` + "`g`", "</title></script><!--", "\x00\xff\u2028", "javascript:alert(1)", "JavaScript:x", " javascript:x",
	"https://example.com/a b?c=d&e=+%41%zz#f", "HTTP://x", "mailto:a@b", "data:text/html,x", "a:b/c", "a/b:c", "//host:1/(x)'", "%", "%4", "é漢🙂", "{{.Text}}", "x onload=y",
}

// html/template executes the same template with the same data, and is right.
func TestAsHTMLTemplate(t *testing.T) {
	t.Parallel()
	for name, text := range templates {
		for _, value := range values {
			same(t, name, text, value)
		}
	}
}

func same(t *testing.T, name, text, value string) {
	t.Helper()
	var want, got strings.Builder
	if err := template.Must(template.New("x").Parse(text)).Execute(&want, example(value)); err != nil {
		t.Fatal(err)
	}
	ours, err := markup.Parse("x", text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := ours.Execute(&got, example(value)); err != nil || got.String() != want.String() {
		t.Errorf("%s of %q:\n%q, %v\nhtml/template:\n%q", name, value, got.String(), err, want.String())
	}
}

func FuzzAsHTMLTemplate(f *testing.F) {
	for _, value := range values {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"text", "attribute", "address", "title"} {
			same(t, name, templates[name], value)
		}
	})
}

// A value that stands where it could run or load something is refused before
// anything is rendered, and so is what this package cannot do.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"script":               `<script>{{.Text}}</script>`,
		"style element":        `<style>{{.Text}}</style>`,
		"text area":            `<TEXTAREA>{{.Text}}</TEXTAREA>`,
		"comment":              `<!-- {{.Text}} -->`,
		"handler":              `<p onclick="{{.Text}}">`,
		"frame document":       `<p srcdoc="{{.Text}}">`,
		"source set":           `<img srcset="{{.Text}}">`,
		"refresh":              `<meta http-equiv="refresh" content="{{.Text}}">`,
		"unknown attribute":    `<p data-href="{{.Text}}">`,
		"no quotes":            `<p class={{.Text}}>`,
		"single quotes":        `<p class='{{.Text}}'>`,
		"an attribute's name":  `<p {{.Text}}>`,
		"an element's name":    `<{{.Text}}>`,
		"the end of a name":    `<p{{.Text}}>`,
		"a name in parts":      `<scr{{if .Flag}}ipt{{end}}>{{.Text}}`,
		"a name of two":        `<p on{{if .Flag}}title="{{.Text}}"{{end}}>`,
		"doctype":              `<!doctype {{.Text}}>`,
		"within a URL":         `<a href="/x?{{.Text}}">`,
		"a URL of two":         `<a href="{{.Text}}{{.Other}}">`,
		"a URL of ways":        `<a href="{{if .Flag}}/x{{end}}{{.Text}}">`,
		"two ends":             `<p{{if .Flag}} class="{{end}}>`,
		"a loop that moves on": `{{range .List}}<p {{end}}`,
		"half a tag":           `<p class="{{.Text}}`,
		"two commands":         `{{.Text | html}}`,
		"a function":           `{{printf "%s" .Text}}`,
		"a call":               `{{.Text.Method 1}}`,
		"a variable":           `{{$x := .Text}}`,
		"a number":             `{{1}}`,
		"break":                `{{range .List}}{{break}}{{end}}`,
		"a missing template":   `{{template "none" .}}`,
		"a loop of templates":  `{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`,
		"an open action":       `{{.Text`,
		"eq of one":            `{{if eq .Text}}{{end}}`,
		"eq of three":          `{{if eq .Text .Other .Text}}{{end}}`,
		"not of two":           `{{if not .Text .Other}}{{end}}`,
		"not of none":          `{{if not}}{{end}}`,
		"or of none":           `{{if or}}{{end}}`,
		"or of a number":       `{{if or .Text 1}}{{end}}`,
		"a variable of if":     `{{if $x := .Text}}{{$x}}{{end}}`,
		"a variable of with":   `{{with $x := .Text}}{{$x}}{{end}}`,
		"range of two":         `{{range .List | html}}{{end}}`,
		"script in a branch":   `{{if .Flag}}<script>{{.Text}}</script>{{end}}`,
		"script in the other":  `{{if .Flag}}{{else}}<script>{{.Text}}</script>{{end}}`,
		"script in a loop":     `{{range .List}}<script>{{.Name}}</script>{{end}}`,
		"script of no loop":    `{{range .List}}{{else}}<script>{{.Text}}</script>{{end}}`,
		"script in a template": `{{define "a"}}<script>{{.}}</script>{{end}}{{template "a" .Text}}`,
		"data of two commands": `{{define "a"}}{{end}}{{template "a" .Text | html}}`,
		"an end of no tag":     `</>{{.Text}}`,
		"an end, cut":          `</`,
		"a sign, cut":          `a <`,
		"a sign before space":  `a < b`,
		"a name by a slash":    `<p{{if .Flag}} /class{{end}}="{{.Text}}">`,
	} {
		if _, err := markup.Parse("x", text); err == nil || !strings.HasPrefix(err.Error(), "markup: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fault of the data writes nothing at all.
func TestExecuteFault(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no such field":      `half a page{{.Missing}}`,
		"of a text":          `half a page{{.Text.Missing}}`,
		"a list":             `half a page{{.List}}`,
		"no list":            `half a page{{range .Text}}{{end}}`,
		"a word for style":   `half a page<p style="{{.Text}}">`,
		"markup for words":   `half a page<p title="{{.HTML}}">`,
		"in a loop":          `half a page{{range .List}}{{.Missing}}{{end}}`,
		"in a template":      `{{define "a"}}half a page{{.Missing}}{{end}}{{template "a" .}}`,
		"without data":       `{{define "a"}}half a page{{.Missing}}{{end}}{{template "a"}}`,
		"in a condition":     `half a page{{if not .Missing}}{{end}}`,
		"first of eq":        `half a page{{if eq .Missing .Text}}{{end}}`,
		"second of eq":       `half a page{{if eq .Text .Missing}}{{end}}`,
		"in or":              `half a page{{if or .Missing .Flag}}{{end}}`,
		"in and":             `half a page{{if and .Flag .Missing}}{{end}}`,
		"a list of none":     `half a page{{range .Missing}}{{end}}`,
		"data of a template": `{{define "a"}}{{end}}half a page{{template "a" .Missing}}`,
		"on the way yes":     `half a page{{if .Flag}}{{.Missing}}{{end}}`,
		"on the way no":      `half a page{{if not .Flag}}{{else}}{{.Missing}}{{end}}`,
		"within with":        `half a page{{with .Text}}{{.Missing}}{{end}}`,
		"with another":       `half a page{{with .Missing}}{{end}}`,
		"else of a range":    `half a page{{range .Page.Tags}}{{else}}{{.Missing}}{{end}}`,
		"of nothing":         `half a page{{.Nothing.Missing}}`,
	} {
		parsed, err := markup.Parse("x", text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var b strings.Builder
		if err := parsed.Execute(&b, example("x")); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v after %q", name, err, b.String())
		}
	}
}

// A later file replaces what an earlier one defines, and the blank rest of a file
// replaces nothing.
func TestParseFS(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"t/layout.html": {Data: []byte(`{{define "layout"}}{{block "head" .}}default{{end}}:{{template "content" .}}{{end}}`)},
		"t/page.html":   {Data: []byte("\n{{define \"content\"}}{{.}}{{end}}\n")},
		"t/broken.html": {Data: []byte(`{{define "content"}}{{.`)},
		"t/head.html":   {Data: []byte(`{{define "head"}}own{{end}}`)},
	}
	for want, names := range map[string][]string{
		"default:x": {"t/layout.html", "t/page.html"},
		"own:x":     {"t/layout.html", "t/page.html", "t/head.html"},
	} {
		parsed, err := markup.ParseFS(files, "layout", names...)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := parsed.Execute(&b, "x"); err != nil || b.String() != want {
			t.Errorf("%q, %v, want %q", b.String(), err, want)
		}
	}
	for _, names := range [][]string{{"t/none.html"}, {"t/layout.html", "t/broken.html"}, {"t/layout.html"}} {
		if _, err := markup.ParseFS(files, "layout", names...); err == nil {
			t.Errorf("%q: what is not there, or is broken, was read", names)
		}
	}
}

func BenchmarkExecute(b *testing.B) {
	parsed, err := markup.Parse("x", templates["range"])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := parsed.Execute(io.Discard, example("x")); err != nil {
			b.Fatal(err)
		}
	}
}
