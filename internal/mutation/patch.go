package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A Patch takes one defence away.
type Patch struct {
	Name    string // the file's, without its ending
	Attack  string // its number, 33b too; empty where the defence belongs to none
	Defence string // one sentence, what is defended
	Package string // of the test, such as ./internal/oauth
	Run     string // of the test, as go test's -run has it
	Files   []string
	diff    []byte
}

var (
	patchName = regexp.MustCompile(`^(x|[0-9]{2}b?)-[a-z0-9]+(-[a-z0-9]+)*$`)
	testLine  = regexp.MustCompile(`^(\.|(?:\./[a-z0-9]+(?:/[a-z0-9]+)*)) -run (\S+)$`)
	goFile    = regexp.MustCompile(`^([a-z0-9]+/)*[a-z0-9_]+\.(go|html|js)$`)
)

// ParsePatch reads a patch. Its error says what is missing.
func ParsePatch(name string, text []byte) (Patch, error) {
	p := Patch{Name: name}
	fault := func(why string) (Patch, error) { return Patch{}, fmt.Errorf("patch %s: %s", name, why) }
	match := patchName.FindStringSubmatch(name)
	if match == nil {
		return fault("the name is not the attack's number, or x, and what is removed: 03-state")
	}
	if match[1] != "x" {
		p.Attack = match[1]
	}
	at := bytes.Index(text, []byte("--- a/"))
	if at < 0 {
		return fault("there is no diff in it")
	}
	p.diff = text[at:]
	for line := range strings.Lines(string(text[:at])) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "Defence: "); ok {
			p.Defence = rest
		}
		if rest, ok := strings.CutPrefix(line, "Test: "); ok {
			test := testLine.FindStringSubmatch(rest)
			if test == nil {
				return fault("Test: is not a package and a test: ./oidc -run TestX")
			}
			p.Package, p.Run = test[1], test[2]
		}
	}
	if p.Defence == "" || strings.ContainsAny(p.Defence, "|\r") || p.Run == "" {
		return fault("it needs a line Defence: and a line Test: in front of the diff")
	}
	if _, err := regexp.Compile(p.Run); err != nil {
		return fault("Test: has no regular expression")
	}
	for line := range strings.Lines(string(p.diff)) {
		file, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "+++ b/")
		if !ok {
			continue
		}
		if !goFile.MatchString(file) || strings.HasSuffix(file, "_test.go") {
			return fault("it changes a file that holds no code, or a test")
		}
		if !slices.Contains(p.Files, file) {
			p.Files = append(p.Files, file)
		}
	}
	if len(p.Files) == 0 {
		return fault("the diff changes no file")
	}
	return p, nil
}

// ReadPatches reads all patches of a directory, in the order of their names.
func ReadPatches(dir string) (patches []Patch, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	var faults []error
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		p, err := ParsePatch(strings.TrimSuffix(filepath.Base(name), ".patch"), text)
		patches, faults = append(patches, p), append(faults, err)
	}
	return patches, errors.Join(faults...)
}

// Apply makes patched copies of the files below dir, and leaves the tree alone.
func (p Patch) Apply(root, dir string) error {
	for _, file := range p.Files {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	cmd := exec.Command("git", "apply", "-")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(p.diff)
	// Within a repository git would apply to its work tree.
	cmd.Env = append(os.Environ(), "GIT_DIR="+filepath.Join(dir, "none"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("it does not apply: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// ModuleRoot is the directory of the module that the command runs in.
func ModuleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
