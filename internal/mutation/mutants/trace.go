package mutants

import (
	"context"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// traceTimeout bounds a test on the unchanged code.
const traceTimeout = 3 * time.Minute

// A program is the tests of one package, with all mutants in it.
type program struct {
	path, dir, binary string // the import path; where the tests run; the program
	tests             []*test
}

// A test is one test function, fuzz target or example.
type test struct {
	Name  string
	Took  time.Duration
	Green bool
	Hits  []byte // for each mutant, whether the test gets where it changes something
	in    *program
}

// build makes the test programs of all packages, so many at a time.
func (m *module) build(overlay, dir string, atOnce int) ([]*program, error) {
	programs := make([]*program, len(m.tested))
	err := each(atOnce, len(m.tested), func(i int) error {
		path := m.tested[i]
		p := &program{
			path: path, dir: filepath.Join(m.root, strings.TrimPrefix(m.local(path), ".")),
			binary: filepath.Join(dir, fmt.Sprintf("%d.test", i)),
		}
		programs[i] = p
		_, err := goTool(m.root, "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", p.binary, path)
		return err
	})
	return programs, err
}

// list asks a program for its tests. A package that is not of the code's concern may
// have none.
func (p *program) list(which *regexp.Regexp) error {
	if _, err := os.Stat(p.binary); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	cmd := exec.Command(p.binary, "-test.list", "^(Test|Fuzz|Example)")
	cmd.Dir = p.dir
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("listing the tests of %s: %w", p.path, err)
	}
	for name := range strings.Lines(string(out)) {
		if name = strings.TrimSpace(name); which == nil || which.MatchString(name) {
			p.tests = append(p.tests, &test{Name: name, in: p})
		}
	}
	return nil
}

// trace runs each test once by itself, so many at a time: many wait for a server most
// of the time. A test that is red on the code as it is finds no mutant. What was traced
// before is read from the folder kept, if there is one: a program is the same if its
// mutants and tests are.
func trace(programs []*program, mutants int, dir, kept string, atOnce int) error {
	var run []*test
	names := map[*program]string{}
	for _, p := range programs {
		if kept != "" && len(p.tests) > 0 {
			sum, err := digest(p.binary)
			if err != nil {
				return err
			}
			// A program without any mutant is the same for other samples.
			names[p] = filepath.Join(kept, fmt.Sprintf("%s-%d", sum, mutants))
			if p.remember(names[p]) {
				continue
			}
		}
		run = append(run, p.tests...)
	}
	err := each(atOnce, len(run), func(i int) error {
		return run[i].trace(mutants, filepath.Join(dir, fmt.Sprintf("%d.hits", i)))
	})
	for p, name := range names {
		if err == nil {
			err = p.keep(name)
		}
	}
	return err
}

func (t *test) trace(mutants int, name string) error {
	if err := os.WriteFile(name, make([]byte, mutants+1), 0o666); err != nil {
		return err
	}
	defer os.Remove(name)
	begun := time.Now()
	result, err := t.in.run(context.Background(), []*test{t}, traceTimeout, "MUTANT_TRACE="+name)
	if err != nil {
		return err
	}
	t.Took, t.Green = time.Since(begun), !result.red
	t.Hits, err = os.ReadFile(name)
	return err
}

func digest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}

func (p *program) remember(name string) bool {
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var tests []*test
	if gob.NewDecoder(f).Decode(&tests) != nil {
		return false
	}
	for _, t := range tests {
		t.in = p
	}
	p.tests = tests
	return true
}

func (p *program) keep(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(p.tests), f.Close())
}

// each calls do for 0 to n-1, so many at a time, until one fails.
func each(atOnce, n int, do func(int) error) error {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		next   int
		failed error
	)
	take := func(err error) (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
		next++
		return next - 1, failed == nil && next <= n
	}
	for range atOnce {
		wg.Go(func() {
			for i, ok := take(nil); ok; i, ok = take(do(i)) {
			}
		})
	}
	wg.Wait()
	return failed
}
