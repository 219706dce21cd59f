package pages

import "github.com/ginauth/ginauth/internal/markup"

// BreakTemplates puts pages into s that fail after their first words, which no
// input from outside can bring about.
func BreakTemplates(s *Set) {
	broken, err := markup.Parse("layout", "half a page{{.Missing}}")
	if err != nil {
		panic(err)
	}
	s.signIn, s.signOut, s.fault, s.verify, s.confirm, s.further, s.factor, s.passkeys = broken, broken, broken, broken, broken, broken, broken, broken
	s.second, s.enrol, s.codes, s.twoStep, s.account = broken, broken, broken, broken, broken
}

// Contrast is WCAG's contrast ratio of two colours written as #rrggbb.
func Contrast(a, b string) float64 {
	ca, okA := parseColor(a)
	cb, okB := parseColor(b)
	if !okA || !okB {
		return 0
	}
	return contrast(ca, cb)
}
