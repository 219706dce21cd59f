package document_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ginauth/ginauth/bench/internal/document"
)

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"what was there goes", "a\n<!-- x -->\nold\nold\n<!-- end x -->\nb\n", "a\n<!-- x -->\nnew\n<!-- end x -->\nb\n"},
		{"nothing was there", "<!-- x -->\n<!-- end x -->\n", "<!-- x -->\nnew\n<!-- end x -->\n"},
		{"other markers stay", "<!-- y -->\n1\n<!-- end y -->\n<!-- x -->\n2\n<!-- end x -->\n",
			"<!-- y -->\n1\n<!-- end y -->\n<!-- x -->\nnew\n<!-- end x -->\n"},
		{"no end", "<!-- x -->\nold\n", ""},
		{"the end comes first", "<!-- end x -->\n<!-- x -->\n", ""},
		{"neither", "text\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := document.Replace(test.text, "x", "new\n")
			if (err != nil) != (test.want == "") || got != test.want {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte("a\n<!-- x -->\n<!-- end x -->\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := document.Write(file, "x", "| 1 |"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if want := "a\n<!-- x -->\n| 1 |\n<!-- end x -->\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if err := document.Write(file, "y", "| 1 |"); err == nil {
		t.Error("a file without the markers was written")
	}
}
