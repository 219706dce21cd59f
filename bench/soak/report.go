package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the server's heap may have more than at the first quarter, when its pools
// and caches are filled.
const (
	toleranceShare = 0.10
	toleranceBytes = 1 << 20
	// A sign-out is remembered for one minute or two, so that no answer of a request
	// under way then brings the session back, and 65536 of them at the most.
	signOutBytes    = 256
	signOutsAtATime = 1 << 16
	// The successor of a cookie that an update replaced is remembered as long, so that
	// a request under way does not undo the update: the sum of the one and the value of
	// the other, and twice 16 MiB of values at the most.
	updateBytes    = 768
	updatesAtATime = 1 << 16
)

// A look is what the server held at a time, and what it had been told to remember.
type look struct {
	when string
	vital
	counts
}

// tolerated is how large the heap may be at a look, where it was first's before.
func (l look) tolerated(first look) uint64 {
	most := float64(first.Heap)*(1+toleranceShare) + toleranceBytes
	return uint64(most) +
		uint64(min(l.signOuts-first.signOuts, signOutsAtATime))*signOutBytes +
		uint64(min(l.updates-first.updates, updatesAtATime))*updateBytes
}

// table has what the browsers did.
func table(took tally, worked time.Duration) string {
	var b strings.Builder
	b.WriteString("| kind | count | a second | p50 | p99 | longest |\n|---|--:|--:|--:|--:|--:|\n")
	all := 0
	for i, k := range kinds {
		sorted := slices.Sorted(slices.Values(took[i]))
		all += len(sorted)
		if len(sorted) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %.0f | %s | %s | %s |\n", k.name, len(sorted), float64(len(sorted))/worked.Seconds(),
			millis(quantile(sorted, 0.5)), millis(quantile(sorted, 0.99)), millis(sorted[len(sorted)-1]))
	}
	fmt.Fprintf(&b, "| all | %d | %.0f | | | |\n", all, float64(all)/worked.Seconds())
	return b.String()
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// held has what the server held, from its start to its end: at the start, at each
// quarter and at the end.
func held(looks []look) string {
	var b strings.Builder
	b.WriteString("| the server | heap in use | tolerated | goroutines |\n|---|--:|--:|--:|\n")
	for i, l := range looks {
		limit := ""
		if i >= 2 && i <= 4 {
			limit = mebibytes(l.tolerated(looks[1]))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d |\n", l.when, mebibytes(l.Heap), limit, l.Goroutines)
	}
	return b.String()
}

func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// grown says where the heap grew beyond what is tolerated, from the first quarter on.
func grown(quarters []look) error {
	first := quarters[0]
	for _, l := range quarters[1:] {
		if most := l.tolerated(first); l.Heap > most {
			return fmt.Errorf("the heap grew from %s %s to %s %s, and %s are tolerated",
				mebibytes(first.Heap), first.when, mebibytes(l.Heap), l.when, mebibytes(most))
		}
	}
	return nil
}
