package tests

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/internals/faults.md names the tests behind each of its rows, and these exist; no test
// of a fault is left out of it.
func TestFaults_Table(t *testing.T) {
	t.Parallel()
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	missing := map[string]bool{} // in the table
	exists := map[string]bool{}
	err := filepath.WalkDir(moduleRoot, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "node_modules" {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range function.FindAllSubmatch(source, -1) {
			name := string(found[1])
			exists[name] = true
			if strings.HasPrefix(name, "TestFault_") {
				missing[name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../docs/internals/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, words := range told {
		if !strings.Contains(string(text), "- `"+code+"`, on the sign-in page: \""+words+"\"\n") {
			t.Errorf("the words of %s are others: %s", code, words)
		}
	}
	var rows int
	named := regexp.MustCompile("`(Test\\w+)`")
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| fault") {
			continue
		}
		rows++
		tests := named.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(cells) != 5 || len(tests) == 0 {
			t.Errorf("a row of %d cells, with %d tests: %s", len(cells), len(tests), line)
		}
		for _, test := range tests {
			if !exists[test[1]] {
				t.Errorf("there is no %s", test[1])
			}
			delete(missing, test[1])
		}
	}
	if rows == 0 || len(missing) > 0 {
		t.Errorf("of %d rows none names %v", rows, slices.Sorted(maps.Keys(missing)))
	}
}
