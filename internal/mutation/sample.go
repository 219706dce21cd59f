package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/ginauth/ginauth/internal/mutation/mutants"
)

// A sample is what -random draws.
type sample struct {
	options           mutants.Options
	packages          string
	skip, only, tests string
	least             float64
	remember          bool
}

func sampleFlags() *sample {
	s := &sample{}
	o := &s.options
	o.Grace = 20 * time.Second
	flag.IntVar(&o.Number, "random", 0, "draw so many mutants of the code that decides, and run the tests that reach them")
	flag.Uint64Var(&o.Seed, "seed", uint64(time.Now().UnixNano()), "the seed of -random; the same seed draws the same mutants of the same code")
	flag.DurationVar(&o.For, "for", 0, "begin no mutant after this time")
	flag.Float64Var(&s.least, "min", 0, "with -random, fail below this `percentage` of mutants found")
	flag.BoolVar(&o.Killers, "killers", false, "with -random, name the test that found each mutant")
	flag.BoolVar(&o.Unreached, "unreached", false, "of what -random draws, only what no test reaches: a list of missing tests, without a run of any mutant")
	flag.StringVar(&s.packages, "packages", mutants.Deciding, "with -random, the packages to draw from")
	flag.StringVar(&s.skip, "skip", mutants.NotDeciding, "with -random, packages not to draw from nor to run, a `regexp`")
	flag.StringVar(&s.only, "only", "", "of what -random draws, only what matches this `regexp`: of a file, or a line that it printed")
	flag.StringVar(&s.tests, "tests", "", "with -random, run only the tests whose names match this `regexp`: a quick look at one file")
	flag.BoolVar(&s.remember, "remember", false, "keep traces in the user's cache: a package that has not changed is not traced again")
	return s
}

// draw runs the sample and prints its score.
func (s *sample) draw() (err error) {
	o := s.options
	if o.Root, err = ModuleRoot(); err != nil {
		return err
	}
	if o.Skip, err = regexp.Compile(s.skip); err != nil {
		return err
	}
	for to, text := range map[**regexp.Regexp]string{&o.Only: s.only, &o.Tests: s.tests} {
		if text == "" {
			continue
		}
		if *to, err = regexp.Compile(text); err != nil {
			return err
		}
	}
	if s.remember && s.tests == "" {
		o.Traces = mutants.Kept()
	}
	o.Packages, o.Out = strings.Fields(s.packages), os.Stdout
	o.Equivalents = filepath.Join(o.Root, "internal", "mutation", "equivalents.txt")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	begun := time.Now()
	score, err := mutants.Sample(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("seed %d: %d mutants, %d equivalent, %d found, %d survived: %.1f %% found, in %v\n",
		o.Seed, score.Drawn(), score.Equivalent, score.Killed, len(score.Survivors), score.Percent(), time.Since(begun).Round(time.Second))
	switch {
	case score.Drawn() >= 100 && score.Equivalent*10 > score.Drawn(): // of fewer, chance decides
		return fmt.Errorf("%d of %d mutants are listed as equivalent, more than a tenth", score.Equivalent, score.Drawn())
	case score.Percent() < s.least:
		return fmt.Errorf("%.1f %% are found, and %v %% are wanted", score.Percent(), s.least)
	}
	return nil
}
