// Package docs_test checks the pages that people read: their links, their spelling, their
// length, the index and the footer. It does not know what the pages say. The Go code in
// them is compiled by the module recipes.
package docs_test

import (
	"flag"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the footer of each page anew, and sort the list of words")

const (
	root     = "../.."
	index    = "docs/README.md"
	maxLines = 300
)

// generated are the parts that another test, or a program, writes.
var generated = regexp.MustCompile(`(?s)<!-- (?:[a-z]+: written by|made by|table -->).*?<!-- end.*?-->`)

// pages are the Markdown files of the repository, by their slash-separated path.
func pages(t testing.TB) map[string]string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil { // an exported tree, as that of .ci/run, is no repository
		out = []byte(strings.Join(found(t, ".md"), "\x00"))
	}
	all := map[string]string{}
	for _, name := range strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }) {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted, and not yet committed
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	if len(all) < 30 {
		t.Fatalf("found %d pages", len(all))
	}
	return all
}

// found are the files whose name has this end, without what npm installed.
func found(t testing.TB, end string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, end) {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// ours says whether a page is one of the documentation, below docs.
func ours(name string) bool { return strings.HasPrefix(name, "docs/") }

// footer is the last line of a page in this folder.
func footer(name string) string {
	up := "../"
	if path.Dir(name) != "docs" {
		up = "../../"
	}
	home := strings.TrimSuffix(up, "../") + "README.md"
	return "\n---\n\n[All pages](" + home + ") · [Package documentation](https://pkg.go.dev/github.com/ginauth/ginauth) · " +
		"[Troubleshooting](" + strings.TrimSuffix(up, "../") + "troubleshooting.md) · [Security](" + up + "SECURITY.md) · " +
		"[Questions and bugs](https://github.com/ginauth/ginauth/issues)\n"
}

// Each page ends with the same footer, so that a reader who came by a search finds the rest.
func TestFooter(t *testing.T) {
	t.Parallel()
	for name, text := range pages(t) {
		if !ours(name) {
			continue
		}
		want := footer(name)
		if strings.HasSuffix(text, want) {
			continue
		}
		if !*update {
			t.Errorf("%s has another footer; run: go test ./internal/docs -run TestFooter -update", name)
			continue
		}
		body, _, _ := strings.Cut(text, "\n---\n\n[All pages]")
		whole := strings.TrimRight(body, "\n") + "\n" + want
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte(whole), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The index leads to every page.
func TestIndex(t *testing.T) {
	t.Parallel()
	all := pages(t)
	linked := map[string]bool{index: true}
	for _, l := range links(all[index]) {
		target, _, _ := strings.Cut(l, "#")
		linked[path.Join(path.Dir(index), target)] = true
	}
	for name := range all {
		if ours(name) && !linked[name] {
			t.Errorf("%s does not lead to %s", index, name)
		}
	}
}

// A page can be read in one sitting. What a test writes into it is for looking up.
func TestLength(t *testing.T) {
	t.Parallel()
	for name, text := range pages(t) {
		if !ours(name) {
			continue
		}
		if lines := strings.Count(generated.ReplaceAllString(text, ""), "\n"); lines > maxLines {
			t.Errorf("%s has %d lines, and may have %d: split it by what a reader wants to do", name, lines, maxLines)
		}
	}
}

// Each page has one title, and its other headings are below it.
func TestHeadings(t *testing.T) {
	t.Parallel()
	for name, text := range pages(t) {
		if !ours(name) {
			continue
		}
		titles := slices.DeleteFunc(headings(text), func(h heading) bool { return h.level > 1 })
		if len(titles) != 1 || !strings.HasPrefix(text, "# ") {
			t.Errorf("%s has %d titles; write one, in its first line", name, len(titles))
		}
		if strings.Contains(text, "\n<<<<<<< ") || strings.Contains(text, "\n>>>>>>> ") {
			t.Errorf("%s has the marks of a merge that was not finished", name)
		}
	}
}
