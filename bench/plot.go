package main

import (
	"fmt"
	"math"
	"strings"
)

// The plot has one panel for each growth, all with the same axis of time. Both axes
// double, and grow tenfold, in equal steps.
const (
	panelWidth, panelHeight       = 330, 220
	plotLeft, plotTop, plotBottom = 52, 34, 30
	plotWidth                     = panelWidth - plotLeft - 18
	plotHeight                    = panelHeight - plotTop - plotBottom
)

// plot draws growths as SVG, in the colours of a light or a dark page.
func plot(all []growth) string {
	least, most := math.Inf(1), 0.0
	for _, g := range all {
		for _, p := range g.points {
			least, most = min(least, p.nanoseconds), max(most, p.nanoseconds)
		}
	}
	low, high := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	var b strings.Builder
	rows := (len(all) + 1) / 2
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="11" role="img" aria-label="How the time of a guarded request grows">`+"\n", 2*panelWidth, rows*panelHeight)
	b.WriteString("<style>text{fill:#1f2328}.grid{stroke:#d1d9e0}.line{stroke:#0969da;fill:none;stroke-width:2}.dot{fill:#0969da}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.line{stroke:#58a6ff}.dot{fill:#58a6ff}}</style>\n")
	for i, g := range all {
		fmt.Fprintf(&b, "<g transform=\"translate(%d %d)\">\n", i%2*panelWidth, i/2*panelHeight)
		g.draw(&b, low, high)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws one panel, whose axis of time goes from 10 to the low to 10 to the high
// nanoseconds.
func (g growth) draw(b *strings.Builder, low, high float64) {
	fmt.Fprintf(b, "<text x=\"%d\" y=\"16\" font-weight=\"600\">%s</text>\n", plotLeft, g.of)
	y := func(nanoseconds float64) float64 {
		return plotTop + plotHeight*(1-(math.Log10(nanoseconds)-low)/(high-low))
	}
	for power := low; power <= high; power++ {
		at := y(math.Pow(10, power))
		fmt.Fprintf(b, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			plotLeft, plotLeft+plotWidth, at, at, plotLeft-6, at+4, microseconds(math.Pow(10, power)))
	}
	last := math.Log10(float64(g.points[len(g.points)-1].n))
	x := func(n int) float64 { return plotLeft + plotWidth*math.Log10(float64(n))/max(last, 1e-9) }
	var line strings.Builder
	for _, p := range g.points {
		fmt.Fprintf(&line, " %.1f,%.1f", x(p.n), y(p.nanoseconds))
		fmt.Fprintf(b, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x(p.n), y(p.nanoseconds), x(p.n), panelHeight-plotBottom+16, thousands(p.n))
	}
	fmt.Fprintf(b, "<polyline class=\"line\" points=\"%s\"/>\n", line.String()[1:])
}

func microseconds(nanoseconds float64) string {
	if nanoseconds >= 1e6 {
		return fmt.Sprintf("%.0f ms", nanoseconds/1e6)
	}
	return fmt.Sprintf("%.0f µs", nanoseconds/1e3)
}

func thousands(n int) string {
	if n%1000 == 0 {
		return fmt.Sprintf("%d k", n/1000)
	}
	return fmt.Sprint(n)
}
