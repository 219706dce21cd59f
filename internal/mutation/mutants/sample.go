package mutants

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"
)

// The code that decides is the root package and those below internal, except the tools
// of the tests, what pages look like, and the list of goth's services.
const (
	Deciding    = ". ./internal/..."
	NotDeciding = `^\./internal/(licences|mailtest|mutation|pages|procgroup|service|servertest|urltest)(/|$)`
)

// Options say what is drawn, and from what.
type Options struct {
	Root     string         // the module's folder
	Packages []string       // patterns, as go list takes them
	Skip     *regexp.Regexp // packages, from the module's root, that are not of the code
	Tests    *regexp.Regexp // only tests whose names match; may be nil
	Only     *regexp.Regexp // of what is drawn, only mutants whose String matches; may be nil

	Number      int // how many mutants
	Seed        uint64
	For         time.Duration // draw no new one after this time; 0: no bound
	AtOnce      int           // so many tests or mutants at a time
	Grace       time.Duration // what tests may take with a mutant, besides four times what they take without
	Equivalents string        // the list's file
	Traces      string        // a folder that keeps traces from one run to the next; may be empty
	Killers     bool          // name the test that found each mutant
	Unreached   bool          // try only the mutants that no test reaches: they survive
	Out         io.Writer
}

// A Score is what came of a sample.
type Score struct {
	Killed, Equivalent int
	Survivors          []*Mutant
}

// Percent is the part of the mutants that tests found, of those that can be found.
func (s Score) Percent() float64 {
	tried := s.Killed + len(s.Survivors)
	if tried == 0 {
		return 100
	}
	return 100 * float64(s.Killed) / float64(tried)
}

// Drawn is the size of the sample.
func (s Score) Drawn() int { return s.Killed + s.Equivalent + len(s.Survivors) }

// All lists the mutants of the code, and the entries of the equivalents that fit none.
func All(o Options) ([]*Mutant, []Equivalent, error) {
	_, all, equivalents, err := prepare(o)
	return all, unknown(equivalents, all), err
}

func prepare(o Options) (*module, []*Mutant, []Equivalent, error) {
	equivalents, err := ReadEquivalents(o.Equivalents)
	if err != nil {
		return nil, nil, nil, err
	}
	m, err := load(o.Root, o.Packages, o.Skip)
	if err != nil {
		return nil, nil, nil, err
	}
	m.find()
	if err := m.prune(); err != nil {
		return nil, nil, nil, err
	}
	return m, m.all(), equivalents, nil
}

// all numbers the mutants anew.
func (m *module) all() (all []*Mutant) {
	for _, s := range m.packages {
		for _, f := range s.files {
			all = append(all, f.mutants...)
		}
	}
	for i, mutant := range all {
		mutant.id = i + 1
	}
	return all
}

// Draw shuffles the mutants: a place of the code first, then one of its mutants. The
// same seed draws the same of the same code.
func Draw(all []*Mutant, number int, seed uint64) (drawn []*Mutant) {
	type place struct {
		file       string
		start, end int
	}
	var places []place
	at := map[place][]*Mutant{}
	for _, m := range all {
		p := place{m.File, m.start, m.end}
		if at[p] == nil {
			places = append(places, p)
		}
		at[p] = append(at[p], m)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, p := range places[:min(number, len(places))] {
		drawn = append(drawn, at[p][random.IntN(len(at[p]))])
	}
	return drawn
}

// Sample draws mutants and runs the tests that reach them.
func Sample(ctx context.Context, o Options) (Score, error) {
	begun := time.Now()
	m, all, equivalents, err := prepare(o)
	if err != nil {
		return Score{}, err
	}
	var score Score
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return Score{}, err
	}
	defer os.RemoveAll(dir)
	programs, err := m.compile(dir, o)
	if err != nil {
		return Score{}, err
	}
	fmt.Fprintf(o.Out, "%d mutants in %d packages, built in %v\n", len(all), len(m.packages), since(begun))
	begun = time.Now()
	if err := trace(programs, len(all), dir, o.Traces, 2*o.AtOnce); err != nil {
		return Score{}, err
	}
	count := 0
	for _, p := range programs {
		for _, t := range p.tests {
			count++
			if !t.Green {
				fmt.Fprintf(o.Out, "%s %s is red on the code as it is, and finds no mutant\n", p.path, t.Name)
			}
		}
	}
	fmt.Fprintf(o.Out, "%d tests in %d packages, traced in %v\n", count, len(programs), since(begun))
	err = score.run(ctx, o, Draw(all, o.Number, o.Seed), equivalents, m.users(), programs)
	return score, err
}

// compile writes the mutated code and builds its test programs.
func (m *module) compile(dir string, o Options) ([]*program, error) {
	overlay, err := m.overlay(dir)
	if err != nil {
		return nil, err
	}
	programs, err := m.build(overlay, dir, o.AtOnce)
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		if err := p.list(o.Tests); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

// run tries what was drawn, and prints each survivor as it is found.
func (s *Score) run(ctx context.Context, o Options, drawn []*Mutant, equivalents []Equivalent, users map[string][]*Mutant, programs []*program) error {
	begun := time.Now()
	var mu sync.Mutex
	return each(o.AtOnce, len(drawn), func(i int) error {
		m := drawn[i]
		if o.For > 0 && time.Since(begun) > o.For || o.Only != nil && !o.Only.MatchString(m.String()) {
			return nil
		}
		if slices.ContainsFunc(equivalents, func(e Equivalent) bool { return e.is(m) }) {
			mu.Lock()
			defer mu.Unlock()
			s.Equivalent++
			return nil
		}
		reach := reaching(m, users, programs)
		if o.Unreached && len(reach) > 0 {
			return nil
		}
		killer, err := m.try(ctx, reach, o.Grace)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if killer == "" {
			s.Survivors = append(s.Survivors, m)
			fmt.Fprintf(o.Out, "survived: %s (%d tests reach it)\n", m, len(reach))
			return nil
		}
		s.Killed++
		if o.Killers {
			fmt.Fprintf(o.Out, "found: %s by %s\n", m, killer)
		}
		return nil
	})
}

func since(begun time.Time) time.Duration { return time.Since(begun).Round(time.Second) }

// Kept is the folder of traces in the user's cache.
func Kept() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "ginauth-mutants")
}
