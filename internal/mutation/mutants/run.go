package mutants

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/ginauth/ginauth/internal/procgroup"
)

const (
	// afterwards is what a program has to end once its own timeout is over.
	afterwards = 10 * time.Second
	// memory bounds what a test program may take, in KiB: a loop that never ends may
	// fill a slice.
	memory = 4 << 20
	// limited runs a program under that bound.
	limited = `ulimit -d "$1" 2>/dev/null; shift; exec "$@"`
)

// A result is how a run of tests ended.
type result struct {
	red  bool
	test string // the first that failed, by the name of its function; may be unknown
	how  string
}

// run runs some of a program's tests until the first is red.
func (p *program) run(ctx context.Context, tests []*test, timeout time.Duration, env ...string) (result, error) {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.Name
	}
	cmd := exec.Command("/bin/sh", "-c", limited, "sh", fmt.Sprint(memory), p.binary, "-test.v", "-test.failfast", "-test.parallel=4",
		"-test.run=^("+strings.Join(names, "|")+")$", "-test.timeout="+timeout.String())
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), env...)
	out, in, err := os.Pipe()
	if err != nil {
		return result{}, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	end, err := procgroup.Start(cmd)
	if err := errors.Join(err, in.Close()); err != nil {
		return result{}, err
	}
	defer end()
	// A program that hangs where its own timeout cannot end it is killed.
	stop := time.AfterFunc(timeout+afterwards, end)
	defer stop.Stop()
	defer context.AfterFunc(ctx, end)()
	found := watch(out)
	if found.red {
		end()
	}
	err = cmd.Wait()
	switch {
	case found.red:
	case ctx.Err() != nil:
		return result{}, ctx.Err()
	case err != nil:
		found = result{red: true, how: err.Error()}
	}
	return found, nil
}

// watch reads the output of tests up to the first failure or to its end.
func watch(out io.Reader) result {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "panic: test timed out"):
			return result{red: true, how: "timeout"}
		case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "):
			return result{red: true, how: line}
		}
		if name, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			name, _, _ = strings.Cut(name, "/")
			return result{red: true, test: name, how: "red"}
		}
	}
	return result{}
}

// try runs the tests that reach a mutant until one is red, and red again: what fails
// once only, on a busy machine, finds nothing.
func (m *Mutant) try(ctx context.Context, reach []*test, grace time.Duration) (killer string, err error) {
	env := fmt.Sprintf("MUTANT=%d", m.id)
	for _, batch := range batches(m, reach) {
		for len(batch) > 0 {
			p := batch[0].in
			found, err := p.run(ctx, batch, patience(batch, grace), env)
			if err != nil {
				return "", err
			}
			if !found.red {
				break
			}
			if found.how == "timeout" {
				return p.path + " (no end)", nil
			}
			again := batch
			for _, t := range batch {
				if t.Name == found.test {
					again = []*test{t}
				}
			}
			found, err = p.run(ctx, again, patience(again, grace), env)
			if err != nil {
				return "", err
			}
			if found.red {
				return strings.TrimSpace(p.path + " " + found.test), nil
			}
			if len(again) == len(batch) {
				break
			}
			batch = without(batch, again[0])
		}
	}
	return "", nil
}

func without(tests []*test, one *test) (rest []*test) {
	for _, t := range tests {
		if t != one {
			rest = append(rest, t)
		}
	}
	return rest
}

// patience is four times what the tests take without a mutant, and some grace.
func patience(tests []*test, grace time.Duration) time.Duration {
	var took time.Duration
	for _, t := range tests {
		took += t.Took
	}
	return (grace + 4*took).Round(time.Second)
}
