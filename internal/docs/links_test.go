package docs_test

import (
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/ascii"
)

const packageSite = "https://pkg.go.dev/github.com/ginauth/ginauth"

var (
	fence      = regexp.MustCompile("(?ms)^```.*?^```")
	inlineCode = regexp.MustCompile("``[^\n]+?``|`[^`\n]+`")
	link       = regexp.MustCompile(`\]\(([^)\s]*(?:\([^)\s]*\)[^)\s]*)*)\)`)
	attribute  = regexp.MustCompile(`(?:href|src|srcset)="([^"]*)"`)
	headingRow = regexp.MustCompile(`(?m)^(#{1,6}) +(.+?) *$`)
	linkText   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	docsPath   = regexp.MustCompile(`\bdocs/[A-Za-z0-9_./-]+\.(?:md|png)\b`)
)

type heading struct {
	level  int
	anchor string
}

// headings are a page's, with the anchors that GitHub gives them.
func headings(text string) (all []heading) {
	seen := map[string]int{}
	for _, m := range headingRow.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		anchor := anchorOf(m[2])
		n := seen[anchor]
		seen[anchor]++
		if n > 0 {
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		all = append(all, heading{len(m[1]), anchor})
	}
	return all
}

// anchorOf is how GitHub makes an anchor of a heading: small letters, no punctuation
// except hyphen and underscore, and a hyphen for each blank.
func anchorOf(title string) string {
	title = linkText.ReplaceAllString(title, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r > 127 && r != '’' && r != '“' && r != '”' && r != '…' && r != '–':
			return r
		}
		return -1
	}, ascii.Lower(title))
}

// links are the targets of a page, those of its pictures too.
func links(text string) (targets []string) {
	text = inlineCode.ReplaceAllString(fence.ReplaceAllString(text, ""), "")
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1])
	}
	for _, m := range attribute.FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// Each link leads to a file, to a heading of a page, or to a well-formed https URL. Other
// sites are not asked: they would make this test depend on them.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	anchors := map[string]map[string]bool{}
	for name, text := range all {
		anchors[name] = map[string]bool{}
		for _, h := range headings(text) {
			anchors[name][h.anchor] = true
		}
	}
	count := 0
	for name, text := range all {
		for _, target := range links(text) {
			count++
			if err := follow(name, target, anchors); err != nil {
				t.Errorf("%s: %s: %v", name, target, err)
			}
		}
	}
	if count < 200 {
		t.Errorf("found %d links", count)
	}
}

// follow is what a reader's browser does on GitHub.
func follow(from, target string, anchors map[string]map[string]bool) error {
	u, err := url.Parse(target)
	if err != nil {
		return err
	}
	if u.Scheme != "" {
		return followOut(u)
	}
	if u.Path == "" && u.Fragment == "" {
		return fmt.Errorf("it leads nowhere")
	}
	to := from
	if u.Path != "" {
		to = path.Join(path.Dir(from), u.Path)
	}
	if strings.HasPrefix(to, "../") && from != to {
		// GitHub's own pages beside the repository, such as ../../issues.
		return fmt.Errorf("it leaves the repository")
	}
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil {
		return fmt.Errorf("there is no %s", to)
	}
	if u.Fragment != "" && strings.HasSuffix(to, ".md") && !anchors[to][u.Fragment] {
		return fmt.Errorf("%s has no heading #%s", to, u.Fragment)
	}
	return nil
}

// followOut checks a URL of another site, and that a package which it names exists.
func followOut(u *url.URL) error {
	switch {
	case u.Scheme == "mailto":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1"):
		return nil
	case u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("write an https URL")
	}
	if rest, ok := strings.CutPrefix("https://"+u.Host+u.Path, packageSite); ok && rest != "" {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(rest))); err != nil {
			return fmt.Errorf("there is no package %s", rest)
		}
	}
	return nil
}

// Comments, error texts, tests and gates name pages too.
func TestPathsInCode(t *testing.T) {
	t.Parallel()
	files := append(found(t, ".go"), found(t, ".mjs")...)
	files = append(files, ".ci/run", ".ci/long", ".ci/quick")
	count := 0
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range docsPath.FindAllString(string(text), -1) {
			count++
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(page))); err != nil {
				t.Errorf("%s names %s, which does not exist", name, page)
			}
		}
	}
	if count < 20 {
		t.Errorf("found %d", count)
	}
}

// The rules of the anchors, by GitHub's own pages.
func TestAnchors(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Before you have an account, somebody else may": "before-you-have-an-account-somebody-else-may",
		"`GET session` and `POST session`":              "get-session-and-post-session",
		"Streams & WebSockets":                          "streams--websockets",
		"The provider’s API":                            "the-providers-api",
		"A [link](x.md) in it":                          "a-link-in-it",
		"snake_case-and-kebab":                          "snake_case-and-kebab",
	} {
		if got := anchorOf(title); got != want {
			t.Errorf("%s: got %s, want %s", title, got, want)
		}
	}
	twice := headings("# A\n\n## B\n\n```sh\n# no heading\n```\n\n## B\n")
	if len(twice) != 3 || twice[2].anchor != "b-1" {
		t.Errorf("got %v", twice)
	}
}
