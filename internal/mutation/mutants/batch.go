package mutants

import (
	"cmp"
	"slices"
	"time"
)

// The first batch takes about quick, each later one growth times as long as the one
// before: most mutants are found by quick tests.
const (
	quick  = time.Second
	growth = 4
)

// batches orders the tests that reach a mutant: the quick ones of its own package, those
// of other packages, then the slower ones. The tests of a batch are of one program.
func batches(m *Mutant, reach []*test) (all [][]*test) {
	byProgram := map[*program][]*test{}
	var programs []*program
	for _, t := range reach {
		if byProgram[t.in] == nil {
			programs = append(programs, t.in)
		}
		byProgram[t.in] = append(byProgram[t.in], t)
	}
	own := func(p *program) int {
		if p.path == m.pkg {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(programs, func(a, b *program) int { return cmp.Or(own(a)-own(b), cmp.Compare(a.path, b.path)) })
	for _, tests := range byProgram {
		slices.SortStableFunc(tests, func(a, b *test) int { return cmp.Compare(a.Took, b.Took) })
	}
	left := len(reach)
	for length := quick; left > 0; length *= growth {
		for _, p := range programs {
			batch := first(byProgram[p], length)
			byProgram[p] = byProgram[p][len(batch):]
			left -= len(batch)
			if len(batch) > 0 {
				all = append(all, batch)
			}
		}
	}
	return all
}

// first are the tests that take so long together, and at least one.
func first(tests []*test, length time.Duration) []*test {
	n := 0
	for n < len(tests) && (n == 0 || tests[n].Took <= length) {
		length -= tests[n].Took
		n++
	}
	return tests[:n]
}

// reaching are the green tests that a mutant can turn red. What a package's variable is
// set to is read before any test begins: then it is the tests that reach a function
// that uses the variable, and all of the package where no function does.
func reaching(m *Mutant, users map[string][]*Mutant, programs []*program) (reach []*test) {
	points := []*Mutant{m}
	if m.uses != "" {
		points = users[m.uses]
	}
	for _, p := range programs {
		for _, t := range p.tests {
			unused := len(points) == 0 && p.path == m.pkg
			if t.Green && (unused || slices.ContainsFunc(points, func(m *Mutant) bool { return t.Hits[m.id] != 0 })) {
				reach = append(reach, t)
			}
		}
	}
	return reach
}
