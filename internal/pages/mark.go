package pages

import "slices"

// A drawing is the mark of a service in one colour.
type drawing struct{ id, color, path string }

// mark is what tells one button from the others at a glance: the application's own
// picture, or the service's mark where its owner lets others show it, or else the
// first letter of the service on its colour. An imitation would look like phishing.
// Everything except the application's picture is drawn in the page, so that it loads
// nothing. Colours are attributes, not styles: the policy of the pages refuses those.
type mark struct {
	Logo      string // URL or path
	View      string // of an SVG with Shapes
	Shapes    []shape
	Letter    string
	Fill, Ink string // #rrggbb; empty where no colour is known: the stylesheet's own
}

type shape struct{ Fill, Path string }

func (s *Set) mark(name string, p Provider) mark {
	if p.Logo != "" {
		return mark{Logo: s.shown(p.Logo)}
	}
	switch p.Mark {
	case "google":
		return mark{View: "0 0 48 48", Shapes: google}
	case "azure-ad", "azureadv2", "microsoft-entra-id", "microsoftonline":
		return mark{View: "0 0 21 21", Shapes: microsoft}
	}
	if i := slices.IndexFunc(marks, func(d drawing) bool { return d.id == p.Mark }); i >= 0 {
		return mark{View: "0 0 24 24", Shapes: []shape{{visible(marks[i].color), marks[i].path}}}
	}
	m := mark{Letter: initial(name)}
	if c, ok := parseColor(p.Color); ok {
		m.Fill, m.Ink = c.String(), textOn(c).String()
	}
	return m
}

// markContrast is how far a mark in its own colour stands out. WCAG asks nothing of a
// logotype (1.4.11), and the label says the same.
const markContrast = 2.8

// visible paints a mark in its own colour on the cards that it stands out from, and
// in the colour of the text on others, as owners of marks let it be black or white.
func visible(own string) string {
	c, ok := parseColor(own)
	if !ok {
		return "currentColor"
	}
	light, dark := standsOut(c, markContrast, []color{lightPalette.card}), standsOut(c, markContrast, []color{darkPalette.card})
	switch {
	case light && dark:
		return own
	case light:
		return "light-dark(" + own + ",currentColor)"
	case dark:
		return "light-dark(currentColor," + own + ")"
	}
	return "currentColor"
}

// google is the G in Google's colours, which a button must show, as the button
// element has it that https://developers.google.com/identity/branding-guidelines
// makes. The stylesheet has the rest of its rules.
var google = []shape{
	{"#ea4335", "M24 9.5c3.54 0 6.71 1.22 9.21 3.6l6.85-6.85C35.9 2.38 30.47 0 24 0 14.62 0 6.51 5.38 2.56 13.22l7.98 6.19C12.43 13.72 17.74 9.5 24 9.5z"},
	{"#4285f4", "M46.98 24.55c0-1.57-.15-3.09-.38-4.55H24v9.02h12.94c-.58 2.96-2.26 5.48-4.78 7.18l7.73 6c4.51-4.18 7.09-10.36 7.09-17.65z"},
	{"#fbbc05", "M10.53 28.59c-.48-1.45-.76-2.99-.76-4.59s.27-3.14.76-4.59l-7.98-6.19C.92 16.46 0 20.12 0 24c0 3.88.92 7.54 2.56 10.78l7.97-6.19z"},
	{"#34a853", "M24 48c6.48 0 11.93-2.13 15.89-5.81l-7.73-6c-2.15 1.45-4.92 2.3-8.16 2.3-6.26 0-11.57-4.22-13.47-9.91l-7.98 6.19C6.51 42.62 14.62 48 24 48z"},
}

// microsoft is four squares of 9 with 1 between, in a square of 21: the measures of
// the symbol in "Sign in with Microsoft: Branding guidelines for applications",
// https://learn.microsoft.com/entra/identity-platform/howto-add-branding-in-apps.
var microsoft = []shape{
	{"#f25022", "M1 1h9v9H1z"}, {"#7fba00", "M11 1h9v9h-9z"}, {"#00a4ef", "M1 11h9v9H1z"}, {"#ffb900", "M11 11h9v9h-9z"},
}
