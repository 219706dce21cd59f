package pages

import (
	"fmt"
	"math"
	"strconv"
)

// Contrast minima of WCAG 2.2, level AA: text (1.4.3), and the edges and focus
// rings by which a control is recognised (1.4.11).
const (
	textContrast    = 4.5
	controlContrast = 3.0
)

// color is an opaque sRGB colour.
type color struct{ r, g, b uint8 }

var (
	black = color{0, 0, 0}
	white = color{255, 255, 255}
)

// parseColor reads #rgb and #rrggbb. Nothing else of CSS is taken: the value is
// written into the stylesheet, and a function or a name there could be any text.
func parseColor(s string) (color, bool) {
	if len(s) == 4 {
		s = string([]byte{s[0], s[1], s[1], s[2], s[2], s[3], s[3]})
	}
	if len(s) != 7 || s[0] != '#' {
		return color{}, false
	}
	// ParseUint refuses signs, and underscores in base 16.
	n, err := strconv.ParseUint(s[1:], 16, 32)
	if err != nil {
		return color{}, false
	}
	return color{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

// String writes the colour as #rrggbb.
func (c color) String() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

// luminance is WCAG's relative luminance: 0 for black, 1 for white.
func (c color) luminance() float64 {
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// linear undoes the sRGB transfer curve of one channel.
func linear(channel uint8) float64 {
	v := float64(channel) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// contrast is WCAG's contrast ratio of two colours, 1 to 21.
func contrast(a, b color) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// mix moves c towards d by share (0 to 1).
func (c color) mix(d color, share float64) color {
	channel := func(from, to uint8) uint8 {
		return uint8(math.Round(float64(from) + (float64(to)-float64(from))*share))
	}
	return color{channel(c.r, d.r), channel(c.g, d.g), channel(c.b, d.b)}
}

// textOn chooses white or black for text on c: white as long as it can be read,
// since most brands expect it. One of the two always reaches 4.58.
func textOn(c color) color {
	if contrast(white, c) >= textContrast {
		return white
	}
	return black
}

// readable moves c towards end, black or white, just until it stands out
// from all backgrounds by least.
func (c color) readable(end color, least float64, backgrounds ...color) color {
	const steps = 50
	for i := range steps {
		shade := c.mix(end, float64(i)/steps)
		if standsOut(shade, least, backgrounds) {
			return shade
		}
	}
	return end
}

func standsOut(c color, least float64, backgrounds []color) bool {
	for _, b := range backgrounds {
		if contrast(c, b) < least {
			return false
		}
	}
	return true
}
