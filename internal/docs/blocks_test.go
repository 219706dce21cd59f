package docs_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	block       = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```")
	goPackage   = regexp.MustCompile(`\bgo (?:-C (\S+) )?(?:run|test|build|vet)\b[^#|;&]*?\s(\./[\w./-]+)`)
	remote      = regexp.MustCompile(`\bgo run github\.com/ginauth/ginauth/([\w/-]+)`)
	npmFolder   = regexp.MustCompile(`\bnpm --prefix (\S+)`)
	gate        = regexp.MustCompile(`\bbash (\.ci/\w+)`)
	knownBlocks = map[string]bool{
		"go": true, "sh": true, "js": true, "jsx": true, "mjs": true, "json": true, "html": true, "css": true, "ini": true, "nginx": true,
		"haproxy": true, "ts": true, "yaml": true, "dockerfile": true, "text": true, "sql": true, "": true,
	}
)

// What a page tells a reader to run is there, and what it shows as JSON is JSON. The Go of
// the pages is compiled by the module recipes.
func TestBlocks(t *testing.T) {
	t.Parallel()
	commands := 0
	for name, page := range pages(t) {
		for _, m := range block.FindAllStringSubmatch(page, -1) {
			switch kind, body := m[1], m[2]; {
			case !knownBlocks[kind]:
				t.Errorf("%s has a block of %s; name a language of knownBlocks", name, kind)
			case kind == "json":
				for line := range strings.Lines(body) { // one value on each line, or one in all
					if !json.Valid([]byte(line)) && !json.Valid([]byte(body)) {
						t.Errorf("%s: this is no JSON: %s", name, line)
					}
				}
			case kind == "sh" && name != "docs/getting-started.md" || kind == "":
				commands += missing(t, name, body)
			}
		}
		for _, code := range inlineCode.FindAllString(page, -1) {
			commands += missing(t, name, strings.Trim(code, "`"))
		}
	}
	if commands < 40 {
		t.Errorf("found %d commands", commands)
	}
}

// missing reports the paths in commands that do not exist, and counts the others.
func missing(t *testing.T, page, commands string) (found int) {
	t.Helper()
	var paths []string
	for _, m := range goPackage.FindAllStringSubmatch(commands, -1) {
		if m[2] != "./..." {
			paths = append(paths, filepath.Join(m[1], m[2]))
		}
	}
	for _, re := range []*regexp.Regexp{remote, npmFolder, gate} {
		for _, m := range re.FindAllStringSubmatch(commands, -1) {
			paths = append(paths, m[1])
		}
	}
	for _, p := range paths {
		if _, err := os.Stat(filepath.Join(root, p)); err != nil {
			t.Errorf("%s tells to run %s, which does not exist", page, p)
		}
	}
	return len(paths)
}
