package pages

import (
	"fmt"
	"strings"
)

// palette is the set of colours that the stylesheet uses, one of them for each
// colour scheme. The pairs that meet on a page satisfy WCAG AA; the tests hold them to it.
type palette struct {
	page, card, raised      color // backgrounds: the page, the card on it, a hovered button
	text, muted             color
	line, outline, edge     color // a quiet line; the border of a button, which its label identifies; that of an input, 3:1 on the card
	badge, badgeText        color
	alert, alertText, alarm color // the error box: background, text, border
	brand, ink, hover       color // the main button: background, text, background when hovered
	brandEdge, accent       color // its border, 3:1 on the card; links and focus rings
	google                  prescribed
}

// prescribed is a button whose colours another prescribes: fill, text, stroke, and fill
// when hovered.
type prescribed struct{ fill, text, line, hover color }

var lightPalette = palette{
	page: color{0xf4, 0xf5, 0xf8}, card: white, raised: color{0xf6, 0xf7, 0xfa},
	text: color{0x16, 0x1a, 0x22}, muted: color{0x59, 0x61, 0x6f},
	line: color{0xe1, 0xe4, 0xea}, outline: color{0xc6, 0xcb, 0xd5}, edge: color{0x87, 0x8e, 0x9b},
	badge: color{0xe9, 0xec, 0xf2}, badgeText: color{0x35, 0x3d, 0x4b},
	alert: color{0xfd, 0xf0, 0xef}, alertText: color{0x8c, 0x1c, 0x1a}, alarm: color{0xc9, 0x4a, 0x45},
	google: prescribed{white, color{0x1f, 0x1f, 0x1f}, color{0x74, 0x77, 0x75}, white.mix(color{0x30, 0x30, 0x30}, 0.08)},
}

var darkPalette = palette{
	page: color{0x0e, 0x10, 0x14}, card: color{0x17, 0x1a, 0x20}, raised: color{0x20, 0x24, 0x2c},
	text: color{0xec, 0xee, 0xf2}, muted: color{0xa5, 0xad, 0xba},
	line: color{0x2a, 0x2f, 0x39}, outline: color{0x3f, 0x46, 0x54}, edge: color{0x6d, 0x76, 0x86},
	badge: color{0x2e, 0x34, 0x40}, badgeText: color{0xe2, 0xe6, 0xee},
	alert: color{0x33, 0x1b, 0x1d}, alertText: color{0xff, 0xbd, 0xb8}, alarm: color{0xc2, 0x55, 0x52},
	google: prescribed{color{0x13, 0x13, 0x14}, color{0xe3, 0xe3, 0xe3}, color{0x8e, 0x91, 0x8f}, color{0x13, 0x13, 0x14}.mix(white, 0.08)},
}

// branded fills in the colours that follow from the brand. A brand is any colour at
// all, white on white included: towards is the end of the scale that stands out here.
func (p palette) branded(l look, towards color) palette {
	p.brand, p.ink = l.brand, l.ink
	// Away from the text's luminance, so that hovering only ever adds contrast.
	away := black
	if l.ink.luminance() < l.brand.luminance() {
		away = white
	}
	p.hover = l.brand.mix(away, 0.12)
	p.brandEdge = l.brand.readable(towards, controlContrast, p.card, p.page)
	p.accent = l.brand.readable(towards, textContrast, p.card, p.page)
	return p
}

// css writes the palette as custom properties.
func (p palette) css() string {
	var b strings.Builder
	for _, v := range []struct {
		name  string
		color color
	}{
		{"page", p.page}, {"card", p.card}, {"raised", p.raised},
		{"text", p.text}, {"muted", p.muted},
		{"line", p.line}, {"outline", p.outline}, {"edge", p.edge},
		{"badge", p.badge}, {"badge-text", p.badgeText},
		{"alert", p.alert}, {"alert-text", p.alertText}, {"alarm", p.alarm},
		{"brand", p.brand}, {"ink", p.ink}, {"hover", p.hover},
		{"brand-edge", p.brandEdge}, {"accent", p.accent},
		{"google", p.google.fill}, {"google-text", p.google.text}, {"google-line", p.google.line}, {"google-hover", p.google.hover},
	} {
		fmt.Fprintf(&b, "--%s:%s;", v.name, v.color)
	}
	return b.String()
}

// properties writes the root rules for the look's colour scheme.
func (l look) properties() string {
	light, dark := lightPalette.branded(l, black).css(), darkPalette.branded(l, white).css()
	switch l.scheme {
	case "light":
		return ":root{color-scheme:light;" + light + "}\n"
	case "dark":
		return ":root{color-scheme:dark;" + dark + "}\n"
	}
	return ":root{color-scheme:light dark;" + light + "}\n" +
		"@media (prefers-color-scheme:dark){:root{" + dark + "}}\n"
}
