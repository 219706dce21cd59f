package mutants

import (
	"cmp"
	"slices"
	"time"
)

// quick is how long the first tests for a mutant may take together: most mutants are
// found by them.
const quick = time.Second

// batches orders the tests that reach a mutant: the quick ones of its own package, those
// of other packages, then all others. The tests of a batch are of one program.
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
	var late [][]*test
	for _, p := range programs {
		tests := byProgram[p]
		slices.SortStableFunc(tests, func(a, b *test) int { return cmp.Compare(a.Took, b.Took) })
		var took time.Duration
		n := 0
		for n < len(tests) && (n == 0 || took+tests[n].Took <= quick) {
			took += tests[n].Took
			n++
		}
		all = append(all, tests[:n])
		if n < len(tests) {
			late = append(late, tests[n:])
		}
	}
	return append(all, late...)
}

// reaching are the green tests that a mutant can turn red. What a package's variable is
// set to is read before any test begins: then it is the tests that reach a function
// that uses the variable.
func reaching(m *Mutant, users map[string][]*Mutant, programs []*program) (reach []*test) {
	points := []*Mutant{m}
	if m.uses != "" {
		points = users[m.uses]
	}
	for _, p := range programs {
		for _, t := range p.tests {
			if t.Green && slices.ContainsFunc(points, func(m *Mutant) bool { return t.Hits[m.id] != 0 }) {
				reach = append(reach, t)
			}
		}
	}
	return reach
}
