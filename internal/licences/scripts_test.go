package licences_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"testing"
)

// A script is JavaScript by other authors in this repository, or what it brings.
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
	return append(all, marks(t))
}

// marks is the set whose drawings internal/pages has as data.
func marks(t *testing.T) script {
	t.Helper()
	raw, err := os.ReadFile("../pages/testdata/marks/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := json.Unmarshal(raw, &lock); err != nil {
		t.Fatal(err)
	}
	set := lock.Packages["node_modules/simple-icons"]
	source, err := os.ReadFile("../pages/marks.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(source, []byte("simple-icons "+set.Version+" ")) {
		t.Errorf("marks.go is not of simple-icons %s", set.Version)
	}
	return script{"simple-icons", set.Version, set.License, "internal/pages/marks.go"}
}
