package providers_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ginauth/ginauth/internal/service"
)

// The line that Register names in place of one of goth's providers compiles as it
// stands there.
func TestReplacementLines(t *testing.T) {
	t.Parallel()
	packages := map[string]string{"ginauth.": "", "providers.": "/providers", "oidc.": "/oidc"}
	for _, name := range []string{"mailru", "reddit", "steam", "tumblr", "x"} {
		packages[name+"."] = "/providers/" + name
	}
	var body strings.Builder
	imports, lines := map[string]bool{}, 0
	for _, s := range service.All() {
		_, line, ok := strings.Cut(s.Unfit, "; write ")
		if !ok {
			continue
		}
		line, _, _ = strings.Cut(line, " with the package ")
		lines++
		left := "_ = "
		if strings.HasPrefix(line, "providers.New(") {
			left = "_, _ = "
		}
		_, _ = fmt.Fprintf(&body, "\t%s%s\n", left, line)
		for prefix, path := range packages {
			if strings.HasPrefix(line, prefix) || strings.Contains(line, "("+prefix) {
				imports[path] = true
			}
		}
	}
	if lines < 10 {
		t.Errorf("%d lines", lines)
	}
	var program strings.Builder
	program.WriteString("package main\n\nimport (\n")
	for path := range imports {
		_, _ = fmt.Fprintf(&program, "\t%q\n", "github.com/ginauth/ginauth"+path)
	}
	program.WriteString(")\n\nfunc main() {\n\tvar key, secret, apiKey, team, keyID, pem string\n\t_, _, _, _, _, _ = key, secret, apiKey, team, keyID, pem\n" + body.String() + "}\n")
	// The program stands in the module for the compiler alone: other tests list the
	// module's packages at the same time.
	dir := t.TempDir()
	module, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	source, list := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(module, "lines", "main.go"): source}})
	if err := errors.Join(err, os.WriteFile(source, []byte(program.String()), 0o644), os.WriteFile(list, overlay, 0o644)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-overlay", list, "-o", filepath.Join(dir, "lines"), "./lines")
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, program.String())
	}
}
