package main

import (
	"slices"
	"time"
)

// A kind of step that a browser takes, and how often, in parts of all that it may
// take at the time.
type kind struct {
	name      string
	take      func(*browser) error
	signedIn  int
	signedOut int
	stored    bool // only where sessions are in a store
}

// kinds are all of them. A session has some 25 requests.
var kinds = []kind{
	{name: "sign-in, from csrf to callback", take: (*browser).signIn, signedOut: 70},
	{name: "guarded request", take: (*browser).guarded, signedIn: 60},
	{name: "GET session", take: (*browser).read, signedIn: 20, signedOut: 5},
	{name: "POST session, an update", take: (*browser).update, signedIn: 8},
	{name: "the provider's API, through `Auth.Client`", take: (*browser).profile, signedIn: 2, stored: true},
	{name: "sign-out", take: (*browser).signOut, signedIn: 4},
	{name: "signed out: 401", take: (*browser).signedOut, signedIn: 3, signedOut: 10},
	{name: "forged cookie: 401", take: (*browser).forged, signedIn: 3, signedOut: 10},
	{name: "cookie of an ended session: 401", take: (*browser).ended, signedOut: 10, stored: true},
}

// weight is how often a kind's turn comes at a browser.
func (k kind) weight(b *browser) int {
	switch {
	case k.stored && !b.stored:
		return 0
	case b.person != nil:
		return k.signedIn
	}
	return k.signedOut
}

// next chooses a browser's next step: the place of its kind.
func (b *browser) next() int {
	sum := 0
	for _, k := range kinds {
		sum += k.weight(b)
	}
	at := b.random.IntN(sum)
	return slices.IndexFunc(kinds, func(k kind) bool {
		at -= k.weight(b)
		return at < 0
	})
}

// A tally has how long each step took, by kind.
type tally [][]time.Duration

func newTally() tally { return make(tally, len(kinds)) }

func (t tally) add(other tally) {
	for i := range t {
		t[i] = append(t[i], other[i]...)
	}
}

// quantile is that of sorted durations, of which there is one at least.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
