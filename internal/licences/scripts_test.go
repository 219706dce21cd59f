package licences_test

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
)

// A script is JavaScript by other authors in this repository.
type script struct{ name, version, licence, file string }

// bundled are the packages of which esbuild puts something into the example's
// React page, as its --metafile says.
var bundled = []string{"@babel/runtime", "next-auth", "react", "react-dom", "scheduler"}

var htmxVersion = regexp.MustCompile(`version:"([0-9.]+)"`)

func scripts(t *testing.T) (all []script) {
	t.Helper()
	source, err := os.ReadFile("../../example/assets/htmx.js")
	if err != nil {
		t.Fatal(err)
	}
	version := htmxVersion.FindSubmatch(source)
	if version == nil {
		t.Fatal("htmx.js does not say its version")
	}
	all = append(all, script{"htmx", string(version[1]), "0BSD", "example/assets/htmx.js"})

	raw, err := os.ReadFile("../../example/react/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	for _, name := range bundled {
		p := lock.Packages["node_modules/"+name]
		all = append(all, script{name, p.Version, p.License, "example/assets/react.js"})
	}
	return all
}
