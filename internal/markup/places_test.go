package markup_test

import (
	"errors"
	"html/template"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/ginauth/ginauth/internal/markup"
)

// Attributes whose values are words, and those that hold a URL, are written as
// html/template writes them. A void element of each kind of name is as good as any.
func TestAttributes(t *testing.T) {
	t.Parallel()
	for attr := range strings.FieldsSeq(`alt aria-describedby aria-label aria-labelledby autocapitalize autocomplete class cx cy d data-passkey datetime dir fill
		fill-rule for height id inputmode lang max maxlength min minlength name pattern placeholder r rx ry spellcheck stroke title transform type value
		viewBox width x y action formaction href src ACTION Class`) {
		for _, value := range values {
			same(t, attr, `<i `+attr+`="{{.Text}}">x</i>`, value)
		}
	}
	for attr := range strings.FieldsSeq(`alt class d data-passkey id name title value x`) {
		same(t, attr+" in parts", `<i `+attr+`="{{.Text}}, {{.Other}}">x</i>`, "a b")
	}
	// What runs, loads, or is not known, is refused.
	for attr := range strings.FieldsSeq(`onclick onload onfocus ONERROR srcdoc srcset content ping poster data manifest formtarget target style-x sandbox integrity cite background
		longdesc codebase classid archive profile usemap xlink:href xmlns data-url http-equiv nonce`) {
		if _, err := markup.Parse("x", `<i `+attr+`="{{.Text}}">x</i>`); err == nil || !strings.Contains(err.Error(), attr) && !strings.Contains(err.Error(), strings.ToLower(attr)) {
			t.Errorf("%s: %v", attr, err)
		}
	}
}

// Elements whose content is no markup to a browser (HTML §13.2.6.2 and 4, raw text,
// RCDATA, plaintext and template) are refused, except the title, whose content is text.
func TestElements(t *testing.T) {
	t.Parallel()
	for name := range strings.FieldsSeq(`script style textarea noscript noembed noframes iframe xmp plaintext template SCRIPT NoScript`) {
		if _, err := markup.Parse("x", `a<`+name+`>{{.Text}}</`+name+`>`); err == nil || !strings.Contains(err.Error(), strings.ToLower(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range strings.FieldsSeq(`a b h1 scripts styles x-script svg path title TITLE`) {
		for _, value := range values {
			same(t, name, `a<`+name+`>{{.Text}}</`+name+`>{{.Other}}`, value)
			same(t, name+" with an attribute", `a<`+name+` class="b" hidden>{{.Text}}</`+name+`>{{.HTML}}`, value)
		}
	}
	for _, text := range []string{`<title>{{.HTML}}</title>`, `<title class="x">{{.HTML}}</title>`, `<title hidden>{{.HTML}}</title>`, `<p class="{{.HTML}}">`} {
		parsed, err := markup.Parse("x", text)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := parsed.Execute(&b, example("x")); err == nil || b.Len() > 0 {
			t.Errorf("%s writes %q", text, b.String())
		}
	}
}

// Numbers of every size, what is true and what is nothing are what they are to
// html/template.
func TestKinds(t *testing.T) {
	t.Parallel()
	type kinds struct {
		I         int
		I8        int8
		I16       int16
		I32       int32
		I64       int64
		B         bool
		S         string
		Slice     []string
		Map       map[string]int
		Array     [2]int
		None      [0]int
		Struct    struct{ A int }
		Pointer   *struct{ A int }
		Interface any
		F         float64
		Func      func()
	}
	text := `{{.I}},{{.I8}},{{.I16}},{{.I32}},{{.I64}},{{.B}},{{.S}}` +
		`{{range $i, $s := .Slice}}{{$i}}{{$s}}{{end}}`
	for field := range strings.FieldsSeq("I I8 I16 I32 I64 B S Slice Map Array None Struct Pointer Interface F") {
		text += `{{if .` + field + `}}` + field + `{{else}}-{{end}}{{with .` + field + `}}+{{end}}{{if not .` + field + `}}!{{end}}{{if and .` + field + ` .I}}&{{end}}{{if or .` + field + ` .I}}|{{end}}`
	}
	for name, data := range map[string]kinds{
		"zero": {}, "full": {1, -8, 16, -32, 1 << 60, true, "s", []string{"a", "b"}, map[string]int{"a": 1}, [2]int{0, 1}, [0]int{}, struct{ A int }{}, &struct{ A int }{}, "x", 0.5, nil},
		"empty": {Slice: []string{}, Map: map[string]int{}, Interface: ""}, "one": {I8: 1, I16: 1, I32: 1, I64: 1, Slice: []string{""}},
	} {
		var want, got strings.Builder
		if err := template.Must(template.New("x").Parse(text)).Execute(&want, data); err != nil {
			t.Fatal(err)
		}
		ours, err := markup.Parse("x", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := ours.Execute(&got, data); err != nil || got.String() != want.String() {
			t.Errorf("%s: %q, %v\nhtml/template: %q", name, got.String(), err, want.String())
		}
	}
	// What has no text of its own is refused, where html/template writes something.
	for field := range strings.FieldsSeq("Slice Map Array Struct Pointer F Func Interface") {
		ours, err := markup.Parse("x", "half a page{{."+field+"}}")
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := ours.Execute(&b, kinds{Pointer: &struct{ A int }{}}); err == nil || b.Len() > 0 {
			t.Errorf("%s is written as %q", field, b.String())
		}
	}
}

// Where two ways meet, a value behind them stands in one place.
func TestWays(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"tags":                         `<p{{if .Flag}} class="a"{{else}} title="b"{{end}}>{{.Text}}</p>`,
		"a tag or none":                `{{if .Flag}}<i>{{.Text}}</i>{{end}}{{.Text}}`,
		"words in a value":             `<p class="{{if .Flag}}a{{end}}{{.Text}}">x</p>`,
		"words on one way":             `<p class="{{if .Flag}}{{.Text}}{{else}}{{end}} b">x</p>`,
		"a URL on both":                `<a href="{{if .Flag}}{{.Text}}{{else}}{{.Other}}{{end}}">x</a>`,
		"a URL at the end":             `<a href="{{if .Flag}}{{.Text}}{{end}}">x</a>`,
		"a loop in a value":            `<p class="a{{range .List}} {{.Name}}{{end}}">x</p>`,
		"a loop in a tag":              `<p{{range .List}} title="{{.Name}}"{{end}}>x</p>`,
		"a loop over none":             `<p>{{range .Page.Tags}}<i>{{.}}</i>{{else}}<b>none</b>{{end}}{{.Text}}</p>`,
		"with in a tag":                `<p{{with .Page}} class="{{.Name}}"{{end}} title="{{.Text}}">x</p>`,
		"a slash in a tag":             `<br /><br/ ><p/class="{{.Text}}">x</p><i/>{{.Text}}`,
		"an end, alone":                `<i>{{.Text}}</i ><i></I>{{.Text}}`,
		"digits in a URL":              `<a href="{{.Text}}">0123456789</a>`,
		"a template in a tag":          `{{define "a"}} class="{{.}}"{{end}}<p{{template "a" .Text}}>{{.Text}}</p>`,
		"a slash behind a name":        `<p hidden/class="{{.Text}}">x</p>`,
		"a template that begins a URL": `{{define "a"}}<a href="{{end}}{{template "a"}}{{.Text}}">x</a>`,
		"a URL behind a loop":          `<a class="{{range .List}}a{{end}}" href="{{.Text}}">x</a>`,
		"nothing":                      `{{with .Nothing}}{{.Name}}{{else}}none{{end}}{{if .Nothing}}1{{end}}{{if not .Nothing}}2{{end}}`,
		"a template of none":           `{{define "a"}}<b>{{if .}}{{.}}{{else}}none{{end}}</b>{{end}}{{template "a"}}{{.Text}}`,
	} {
		for _, value := range append(values, "09azAZ/!#$&*+,/:;=?@[]-._~", "0:9", "/0/9") {
			if name == "a template of none" && value != "plain" {
				continue
			}
			same(t, name, text, value)
		}
	}
	for name, text := range map[string]string{
		"an attribute's name, half":       `<p class{{.Text}}="x">`,
		"in front of the quote":           `<p class={{.Text}}"x">`,
		"in front of a URL's quote":       `<a href={{.Text}}"x">`,
		"in front of a style's quote":     `<p style={{.Style}}"x">`,
		"data of two commands":            `{{define "a"}}x{{end}}{{template "a" .Text | not}}`,
		"a list of two commands":          `{{range .List | not}}x{{end}}`,
		"a URL that began on one way":     `<a href="{{if .Flag}}{{.Text}}{{end}}{{.Other}}">`,
		"a URL that began on the other":   `<a href="{{if .Flag}}{{else}}{{.Text}}{{end}}{{.Other}}">`,
		"a URL that began in a loop":      `<a href="{{range .List}}{{.Name}}{{end}}">`,
		"a name on one way":               `<p{{if .Flag}} {{end}}class="{{.Text}}">`,
		"a name on the other":             `<p{{if .Flag}}{{else}} {{end}}class="{{.Text}}">`,
		"a value in another attribute":    `<p {{if .Flag}}class="a{{else}}title="b{{end}}">`,
		"a loop that begins a tag":        `{{range .List}}<p {{end}}class="{{.Text}}">`,
		"a loop that ends a tag":          `<p {{range .List}}>{{end}}`,
		"an else of another place":        `{{range .List}}<i>x</i>{{else}}<i {{end}}>`,
		"a comment":                       `a<!--b-->{{.Text}}`,
		"a sign in front of a digit":      `<1>{{.Text}}`,
		"an end in front of a digit":      `</1>{{.Text}}`,
		"a value without a name":          `<p ="{{.Text}}">`,
		"a value without quotes, in text": `<p class=a>`,
		"a value within one":              `<p class="a"title={{.Text}}>`,
	} {
		if _, err := markup.Parse("x", text); err == nil || !strings.HasPrefix(err.Error(), "markup: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fault names the template, its line, and what is wrong there.
func TestFaults_Name(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\n<script>{{.Text}}</script>": "script", "a\n<p class='b'>": "class", "a\n<p onclick=\"{{.Text}}\">": "onclick", "a\n<a href=\"/{{.Text}}\">": "href",
		"a\n{{.Text | not}}": "several commands", "a\n{{printf .Text}}": "printf", "a\n{{if .Flag}}<p {{end}}>": "different places", "a\n<p {{.Text}}>": "within a tag", "a <": "&lt;",
		"a\n{{not}}": "arguments",
	} {
		_, err := markup.Parse("page", text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "page") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := markup.Parse("page", "<p"); err == nil || !strings.Contains(err.Error(), "page ends within a tag") {
		t.Errorf("%v", err)
	}
}

// failing is a writer that fails.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// The error of a writer is Execute's.
func TestExecute_Writer(t *testing.T) {
	t.Parallel()
	parsed, err := markup.Parse("x", "text")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	if err := parsed.Execute(failing{full}, nil); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// A page without data is one whose data is false.
func TestExecute_NoData(t *testing.T) {
	t.Parallel()
	const text = `{{if .}}a{{else}}b{{end}}{{if not .}}c{{end}}{{define "d"}}{{if .}}d{{else}}<i title="{{.}}">{{.}}</i>{{end}}{{end}}`
	for _, text := range []string{text, text + `{{template "d"}}`} {
		var want, got strings.Builder
		if err := template.Must(template.New("x").Parse(text)).Execute(&want, nil); err != nil {
			t.Fatal(err)
		}
		ours, err := markup.Parse("x", text)
		if err != nil {
			t.Fatal(err)
		}
		if err := ours.Execute(&got, nil); err != nil || got.String() != want.String() {
			t.Errorf("%q, %v; html/template: %q", got.String(), err, want.String())
		}
	}
}

// A file that is not there, or that cannot be parsed, is named.
func TestParseFS_Faults(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"t/root.html": {Data: []byte(`{{define "root"}}x{{end}}`)}, "t/broken.html": {Data: []byte(`{{define "other"}}{{.`)}}
	if _, err := markup.ParseFS(files, "root", "t/root.html", "t/none.html"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := markup.ParseFS(files, "root", "t/root.html", "t/broken.html"); err == nil || !strings.Contains(err.Error(), "broken.html") {
		t.Errorf("%v", err)
	}
	if _, err := markup.Parse("root", `{{define "other"}}x{{end}}{{template "none"}}`); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("%v", err)
	}
}
