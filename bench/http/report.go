package main

import (
	"fmt"
	"strings"
	"time"
)

// saturated is the share of its core that a server must have used for its rate to
// be its own limit, and not wrk's.
const saturated = 0.95

// table is a Markdown table of all rows.
func table(rows []*row) string {
	var b strings.Builder
	b.WriteString("| one core | requests a second | slowest to fastest round | CPU time a request | p50 | p99 | core used | to Gin without guard |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|\n")
	base := rows[unguarded].middle().rate()
	for _, r := range rows {
		m := r.middle()
		runs := r.byRate()
		fmt.Fprintf(&b, "| %s | %.0f | %.0f to %.0f | %.1f µs | %s | %s | %.0f %% | %s |\n", r.name, m.rate(), runs[0].rate(), runs[len(runs)-1].rate(),
			m.share/m.rate()*1e6, latency(m.p50), latency(m.p99), m.share*100, ratio(m.rate()/base))
	}
	return b.String()
}

// latency is a latency to two or three digits.
func latency(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// ratio has three digits that say something.
func ratio(of float64) string {
	switch {
	case of >= 10:
		return fmt.Sprintf("%.1f", of)
	case of >= 0.1:
		return fmt.Sprintf("%.2f", of)
	}
	return fmt.Sprintf("%.3f", of)
}

// A target is a ratio of two rows' rates that ginauth wants to reach.
type target struct {
	text  string
	of    int
	to    int
	least float64
}

var targets = []target{
	{"guarded at 90 % or more of unguarded", guarded, unguarded, 0.9},
	{"at least 10 times Express with next-auth's getToken", guarded, expressGetToken, 10},
	{"at least 50 times Express with @auth/express's getSession, the cookie being Auth.js's for both", guardedAuthJS, expressGetSession, 50},
}

// judge says of each target whether it was reached.
func judge(rows []*row) string {
	var b strings.Builder
	for _, t := range targets {
		of, to := rows[t.of], rows[t.to]
		reached := of.middle().rate() / to.middle().rate()
		verdict := "held"
		if reached < t.least {
			verdict = "missed"
		}
		for _, r := range [...]*row{of, to} {
			if n := len(r.counted()); 2*n <= len(r.runs) {
				verdict = fmt.Sprintf("not measured, since %s was busy in %d rounds of %d", r.name, n, len(r.runs))
			}
		}
		fmt.Fprintf(&b, "- %s: %s, %s\n", t.text, verdict, ratio(reached))
	}
	return b.String()
}
