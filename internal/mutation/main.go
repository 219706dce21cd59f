// Command mutation removes one defence at a time from a copy of the code and
// expects a test to fail. If no test fails, the next change may lose the defence
// unnoticed.
//
// Each defence is a file in patches, a unified diff that takes it away, below
// two lines that say what it is and which test must notice:
//
//	Defence: the state is compared with the one that was sent
//	Test: ./internal/oauth -run TestCompleteRefuses
//
// The file's name begins with the number of the attack, or with x where the
// defence belongs to none.
//
// With -random it draws mutants of any code that decides instead, see docs/internals/mutants.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"time"
)

// whole is the package that tests the whole.
const whole = "./tests"

func main() {
	run := flag.String("run", "", "only the patches whose names match this `regexp`")
	short := flag.Bool("short", false, "one patch of each attack")
	list := flag.Bool("list", false, "list the patches and stop")
	write := flag.String("write", "", "write the table into this `file`, if every mutant was found")
	atOnce := flag.Int("p", min(2, runtime.NumCPU()), "so many mutants at a time")
	sample := sampleFlags()
	flag.Parse()
	sample.options.AtOnce = *atOnce
	if sample.options.Number > 0 {
		if err := sample.draw(); err != nil {
			fmt.Fprintln(os.Stderr, "mutation:", err)
			os.Exit(1)
		}
		return
	}
	if err := mutate(*run, *short, *list, *write, *atOnce); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func mutate(run string, short, list bool, write string, atOnce int) error {
	root, err := ModuleRoot()
	if err != nil {
		return err
	}
	all, err := ReadPatches(filepath.Join(root, "internal", "mutation", "patches"))
	if err != nil {
		return err
	}
	chosen, err := choose(all, run, short)
	if err != nil {
		return err
	}
	if list {
		for _, p := range chosen {
			fmt.Printf("%-40s %s: %s\n", p.Name, p.Package, p.Defence)
		}
		return nil
	}
	begun := time.Now()
	lost, err := verify(root, chosen, atOnce)
	fmt.Printf("%d mutants, %d not found, %v\n", len(chosen), lost, time.Since(begun).Round(time.Second))
	switch {
	case err != nil:
		return err
	case lost > 0:
		return fmt.Errorf("%d defences could go without a red test", lost)
	case write != "":
		return WriteTable(write, all)
	}
	return nil
}

// choose takes the patches whose names match, and of these one of each attack if
// the run is short: the first, or the first whose own package tests it, since the
// tests of the whole take ten times as long to build as any other.
func choose(all []Patch, run string, short bool) (chosen []Patch, err error) {
	name, err := regexp.Compile(run)
	if err != nil {
		return nil, err
	}
	places := map[string]int{} // by attack, in chosen
	for _, p := range all {
		at, seen := places[p.Attack]
		switch {
		case !name.MatchString(p.Name) || short && p.Attack == "":
		case !short || !seen:
			places[p.Attack] = len(chosen)
			chosen = append(chosen, p)
		case chosen[at].Package == whole && p.Package != whole:
			chosen[at] = p
		}
	}
	return chosen, nil
}

// verify first runs the tests of all patches on the code as it is: one that is red
// in any case shows nothing. Then it tries the mutants.
func verify(root string, patches []Patch, atOnce int) (lost int, err error) {
	scratch, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	if err := green(root, scratch, patches); err != nil {
		return 0, err
	}
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		queue = make(chan Patch)
	)
	for range atOnce {
		wg.Go(func() {
			for p := range queue {
				begun := time.Now()
				found, err := p.try(root, filepath.Join(scratch, p.Name))
				mu.Lock()
				if err != nil {
					lost++
					found = err.Error()
				}
				fmt.Printf("%-40s %5.1fs  %s\n", p.Name, time.Since(begun).Seconds(), found)
				mu.Unlock()
			}
		})
	}
	for _, p := range patches {
		queue <- p
	}
	close(queue)
	wg.Wait()
	return lost, nil
}
