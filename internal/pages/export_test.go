package pages

import "html/template"

// BreakTemplates puts pages into s that fail after their first words, which no
// input from outside can bring about.
func BreakTemplates(s *Set) {
	broken := template.Must(template.New("layout").Parse("half a page{{.Missing}}"))
	s.signIn, s.signOut, s.fault, s.verify = broken, broken, broken, broken
}
