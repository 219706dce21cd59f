package docs_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/servertest"
)

const words = "testdata/words.txt"

var (
	address    = regexp.MustCompile(`https?://[^\s)>]+|[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+`)
	htmlTag    = regexp.MustCompile(`<[^>]*>`)
	identifier = regexp.MustCompile(`\b[A-Za-z]*[a-z][A-Z]\w*|\b\w*_\w*\b|\b\w*\d\w*\b|(?:\.{0,2}/)?[\w.*-]+(?:/[\w.*-]+)+|\b[\w-]+\.(?:go|md|mjs|js|json|tsv|yml|txt|example|com)\b`)
)

// prose is what of a page is English: no code, no address, no identifier, nothing that a
// test writes.
func prose(text string) string {
	for _, what := range []*regexp.Regexp{generated, fence, inlineCode} {
		text = what.ReplaceAllString(text, " ")
	}
	text = linkText.ReplaceAllString(text, "$1")
	for _, what := range []*regexp.Regexp{address, htmlTag, identifier} {
		text = what.ReplaceAllString(text, " ")
	}
	return strings.NewReplacer("’s", "", "'s", "", "’", "'", "“", " ", "”", " ", "*", " ", "|", " ").Replace(text)
}

// Each word is in hunspell's British dictionary, or in the list beside this file: names of
// programs and services, and words of this field.
func TestSpelling(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("hunspell")
	if err != nil {
		servertest.Missing(t, "hunspell")
	}
	texts := map[string]string{}
	all := "A sentense with one wrong word.\n" // so that a run which finds nothing is seen
	for name, text := range pages(t) {
		texts[name] = prose(text)
		all += texts[name] + "\n"
	}
	wrong := misspelt(t, program, all)
	if !slices.Contains(wrong, "sentense") {
		t.Errorf("hunspell does not find a wrong word, only %q", wrong)
	}
	for _, word := range wrong {
		whole := regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`)
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			if whole.MatchString(texts[name]) {
				t.Errorf("%s: %q is not in the dictionary; correct it, or add it to internal/docs/%s, sorted", name, word, words)
			}
		}
	}
}

// misspelt are the words that neither the dictionary nor the list knows.
func misspelt(t *testing.T, program, text string) (wrong []string) {
	t.Helper()
	cmd := exec.Command(program, "-l", "-i", "utf-8", "-d", "en_GB", "-p", words)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	wrong = strings.Fields(string(out))
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

// The list is sorted, and has no word that no page uses, so that it can be read.
func TestWords(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile(words)
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, text := range pages(t) {
		all += prose(text) + "\n"
	}
	kept := slices.Sorted(slices.Values(strings.Fields(string(list))))
	kept = slices.DeleteFunc(slices.Compact(kept), func(word string) bool { return !strings.Contains(all, word) })
	want := strings.Join(kept, "\n") + "\n"
	switch {
	case want == string(list):
	case *update:
		if err := os.WriteFile(words, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("internal/docs/%s is not sorted, or has words that no page uses; run: go test ./internal/docs -run TestWords -update", words)
	}
}
