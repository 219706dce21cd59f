package pages

// mark is what tells one button from the others at a glance: the first letter of
// the service on its colour. It is drawn here, so that the page loads nothing
// and shows nobody's trademark. Colours are attributes, not styles: the policy
// of the pages refuses those.
type mark struct {
	Letter    string
	Fill, Ink string // #rrggbb; empty where no colour is known: the stylesheet's own
}

func newMark(name, fill string) mark {
	m := mark{Letter: initial(name)}
	if c, ok := parseColor(fill); ok {
		m.Fill, m.Ink = c.String(), textOn(c).String()
	}
	return m
}
