package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// testTimeout bounds the test of a mutant: one that never ends counts as found.
const testTimeout = time.Minute

// try makes a mutant and runs its test. found says how the test went red; the
// error is why it did not.
func (p Patch) try(root, dir string) (found string, err error) {
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	overlay, err := p.overlay(root, tree)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "mutant")
	if err := build(root, p.Package, binary, "-overlay", overlay); err != nil {
		return "", fmt.Errorf("it does not compile: %w", err)
	}
	// A test that reads "../SECURITY.md" must find it in the mutant, which a link to
	// its package's directory would lead out of.
	if err := os.MkdirAll(filepath.Join(tree, p.Package), 0o755); err != nil {
		return "", err
	}
	if err := fill(root, tree); err != nil {
		return "", err
	}
	out, err := runTest(tree, p.Package, binary, p.Run, testTimeout)
	switch {
	case err != nil && strings.Contains(out, "panic: test timed out"):
		return "red: no end within " + testTimeout.String(), nil
	case err != nil && strings.Contains(out, "--- FAIL"):
		return "red: " + failed(out), nil
	case err != nil && strings.Contains(out, "panic: "):
		return "red: panic", nil
	case err != nil:
		return "", fmt.Errorf("its test did not run: %w: %s", err, out)
	case strings.Contains(out, "no tests to run"):
		return "", errors.New("there is no such test: " + p.Run)
	case strings.Contains(out, "--- SKIP") && !strings.Contains(out, "--- PASS"):
		return "", errors.New("its test was skipped: what it needs is not installed")
	}
	return "", errors.New("survived: " + p.Run + " stayed green")
}

// failed names the first test of an output that failed.
func failed(out string) string {
	_, rest, _ := strings.Cut(out, "--- FAIL: ")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// overlay writes the patched files below tree, and beside it the list by which go
// finds them in place of the module's.
func (p Patch) overlay(root, tree string) (string, error) {
	if err := p.Apply(root, tree); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, file := range p.Files {
		replace[filepath.Join(root, file)] = filepath.Join(tree, file)
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := tree + ".json"
	return name, os.WriteFile(name, list, 0o644)
}

// fill puts links to the module's files beside the patched ones, for tests that read
// files: some read the source itself.
func fill(root, tree string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		from, to := filepath.Join(root, e.Name()), filepath.Join(tree, e.Name())
		patched, err := os.Lstat(to)
		switch {
		case err != nil:
			err = os.Symlink(from, to)
		case patched.IsDir():
			err = fill(from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func build(root, pkg, binary string, flags ...string) error {
	args := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-gcflags=-l", "-o", binary}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// runTest runs tests where go test would, in their package's directory.
func runTest(root, pkg, binary, run string, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout+10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.run="+run, "-test.timeout="+timeout.String())
	cmd.Dir = filepath.Join(root, pkg)
	cmd.WaitDelay = time.Second // servers that a test started may hold the output open
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// green runs the tests of all patches on the unchanged code.
func green(root, scratch string, patches []Patch) error {
	runs := map[string][]string{}
	for _, p := range patches {
		if !slices.Contains(runs[p.Package], p.Run) {
			runs[p.Package] = append(runs[p.Package], p.Run)
		}
	}
	tree := filepath.Join(scratch, "tree")
	err := os.Mkdir(tree, 0o755)
	for pkg := range runs {
		err = errors.Join(err, os.MkdirAll(filepath.Join(tree, pkg), 0o755))
	}
	if err := errors.Join(err, fill(root, tree)); err != nil {
		return err
	}
	for pkg, list := range runs {
		begun := time.Now()
		binary := filepath.Join(scratch, "green")
		if err := build(root, pkg, binary); err != nil {
			return fmt.Errorf("%s does not compile: %w", pkg, err)
		}
		out, err := runTest(tree, pkg, binary, strings.Join(list, "|"), 20*time.Minute)
		if err != nil {
			return fmt.Errorf("the tests of %s are red on the code as it is: %w: %s", pkg, err, failed(out))
		}
		fmt.Printf("%-40s %5.1fs  green as it is\n", pkg, time.Since(begun).Seconds())
	}
	return nil
}
