// Package licences_test compares docs/internals/licences.md with the modules that are linked. It
// does not know what they are for.
package licences_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

var update = flag.Bool("update", false, "write the tables in docs/internals/licences.md anew")

const document = "../../docs/internals/licences.md"

// The tables stand between these lines.
const (
	tablesBegin = "<!-- tables: written by go test ./internal/licences -update -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// allowed are the licences, by SPDX, that only ask to be passed on with a
// program. Any other needs a decision first.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT"}

// Every module that is linked stands in docs/internals/licences.md with its licences, and has
// no other than those allowed.
func TestLicences(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("\n| module | version | licence | linked by |\n|---|---|---|---|\n")
	modules := linkedModules(t)
	if len(modules) < 30 {
		t.Fatalf("found %d modules", len(modules))
	}
	for _, m := range modules {
		ids := licencesOf(t, m)
		hold(t, m.path, ids)
		mark := ""
		if notices, _ := filepath.Glob(filepath.Join(m.dir, "NOTICE*")); len(notices) > 0 {
			mark = ", with a NOTICE"
		}
		_, _ = fmt.Fprintf(&b, "| `%s` | %s | %s%s | %s |\n", m.path, m.version, strings.Join(ids, ", "), mark, quoted(m.entries))
	}
	b.WriteString("\n| package | modules that it links |\n|---|---|\n")
	counts := countsOf(modules)
	for _, path := range slices.Sorted(maps.Keys(counts)) {
		_, _ = fmt.Fprintf(&b, "| `%s` | %d |\n", short(path), counts[path])
	}
	checkCount(t, counts[module])
	b.WriteString("\n| from npm | version | licence | in |\n|---|---|---|---|\n")
	for _, s := range scripts(t) {
		hold(t, s.name, []string{s.licence})
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", s.name, s.version, s.licence, s.file)
	}
	b.WriteString("\n")
	checkTables(t, b.String())
}

func hold(t *testing.T, what string, ids []string) {
	t.Helper()
	for _, id := range ids {
		if !slices.Contains(allowed, id) {
			t.Errorf("%s has the licence %q, which is not among %v", what, id, allowed)
		}
	}
}

func quoted(paths []string) string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = "`" + short(path) + "`"
	}
	return strings.Join(names, ", ")
}

// countsOf counts the modules that each public package links.
func countsOf(modules []*linkedModule) map[string]int {
	counts := map[string]int{}
	for _, m := range modules {
		for _, path := range m.by {
			if public(path) {
				counts[path]++
			}
		}
	}
	return counts
}

// checkCount holds SECURITY.md to the modules that the root package links.
func checkCount(t *testing.T, n int) {
	t.Helper()
	text, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("the root package alone gets %d modules", n); !strings.Contains(string(text), want) {
		t.Errorf("SECURITY.md does not say that %s", want)
	}
}

func checkTables(t *testing.T, tables string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tablesBegin)
	_, after, closed := strings.Cut(rest, tablesEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the tables", document)
	}
	want := before + tablesBegin + tables + tablesEnd + after
	switch {
	case want == string(text):
	case *update:
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s says something else than what is linked; run: go test ./internal/licences -update", document)
	}
}

var (
	licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([-._].*)?$`)
	// noticeFile lists what a module took from others, in words that no licence has.
	noticeFile = regexp.MustCompile(`(?i)^license-3rd-party`)
)

// pictureLicence is that of modernc.org/memory's logo, which no program has in it.
const pictureLicence = "LICENSE-LOGO"

// leastKnown is how much of a licence's text, in percent, has to be that of licences
// which are known: what else it says may be a condition.
const leastKnown = 90

// licencesOf reads the licences of what is linked of a module: of each package the
// files in its directory and in all above it.
func licencesOf(t *testing.T, m *linkedModule) (ids []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, dir := range m.dirs {
		for ; !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			ids = append(ids, licencesIn(t, dir)...)
			if dir == m.dir {
				break
			}
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		t.Errorf("%s has no licence", m.path)
	}
	return ids
}

func licencesIn(t *testing.T, dir string) (ids []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.IsDir() || !licenceFile.MatchString(file.Name()) || file.Name() == pictureLicence || filepath.Ext(file.Name()) == ".go" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found := licensecheck.Scan(text)
		if len(found.Match) == 0 || found.Percent < leastKnown && !noticeFile.MatchString(file.Name()) {
			t.Errorf("%s: %.0f %% of it is the text of a licence that is known", filepath.Join(dir, file.Name()), found.Percent)
		}
		for _, match := range found.Match {
			ids = append(ids, match.ID)
		}
	}
	return ids
}
