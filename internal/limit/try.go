package limit

import (
	"context"
	"slices"
	"time"
)

const (
	// guessesAtOnce and triesAtOnce are how many tries at one identifier, and of
	// one client, are under way at a time; the others wait for their turn. A try
	// counts as a failure until it has succeeded: without a queue, many good ones
	// at once would refuse each other.
	guessesAtOnce = 8
	triesAtOnce   = 32
)

// A Browser is the sender of an attempt, with the people whom it knows.
type Browser struct {
	Client   Client
	Provider string         // that the attempt is at
	Devices  func() Devices // the last sign-in first
	Revoked  func(Device) bool
}

// TakeAll counts an attempt in its buckets, or in none, and returns how long to wait
// then. Where the browser knows the person, its budget takes the place of what
// others use up too. spent is told of a budget that is used up; nil: nobody is.
func (a *Attempts) TakeAll(ctx context.Context, b Buckets, from Browser, budget func(Device) Tally, spent func(Device)) (taken []Counted, wait time.Duration) {
	taken, wait = a.Take(ctx, b.Own)
	if wait > 0 {
		return nil, wait
	}
	if d, ok := from.Devices().Find(from.Provider, b.Everybody, from.Revoked); ok {
		if own, wait := a.Take(ctx, []Tally{budget(d)}); wait == 0 {
			return append(taken, own...), 0
		}
		if spent != nil {
			spent(d)
		}
	}
	shared, wait := a.Take(ctx, b.Shared)
	if wait > 0 {
		a.Refund(ctx, taken)
		return nil, wait
	}
	return append(taken, shared...), 0
}

// Rates are those of guesses: the failures of one client, its failures at one identifier,
// and those of all clients there.
type Rates struct{ Failures, Guesses, AllGuesses Rate }

// aim adds the buckets of a guess at one person: the client's, and those of all clients.
func (b *Buckets) aim(a *Attempts, c Client, r Rates, one, all string, of ...string) {
	b.PerClient(a, c, r.Guesses.Aimed(r.AllGuesses), guessesAtOnce, one, of...)
	b.All(a, r.AllGuesses, all, of...)
}

// A Try is a try of credentials. It counts as a failure until it succeeds: also where
// the check of a password panics, or the browser leaves before the answer. One goroutine
// uses it.
type Try struct {
	attempts *Attempts // nil: there are no limits
	rates    Rates
	from     Browser
	spent    func(Device)

	over      bool // it has succeeded or ended
	leave     []func()
	taken     []Counted
	everybody []string // the buckets of all clients that it has to do with
	accounts  []string // that were counted
	device    string   // whose budget it was counted in
	names     int      // how many identifiers were typed
}

// NewTry makes a Try. Without attempts it counts nothing. spent is told of a device whose
// guesses are used up.
func NewTry(attempts *Attempts, rates Rates, from Browser, spent func(Device)) *Try {
	return &Try{attempts: attempts, rates: rates, from: from, spent: spent}
}

// Typed counts the try at each of the identifiers that was typed. It returns how long to
// wait if it is one too many.
func (t *Try) Typed(ctx context.Context, identifiers []string, typed map[string]string) (wait time.Duration) {
	if t.attempts == nil {
		return 0
	}
	var b Buckets
	if t.from.Client.Limited {
		b.PerClient(t.attempts, t.from.Client, t.rates.Failures.Widened, triesAtOnce, "fail")
	}
	for _, name := range identifiers {
		if typed[name] == "" {
			continue
		}
		t.names++
		for _, key := range Keys(typed[name]) {
			b.aim(t.attempts, t.from.Client, t.rates, "guess", "guesses", t.from.Provider, name, key)
		}
	}
	return t.count(ctx, b)
}

// Account counts the try at the account that was found, once. It returns how long to wait
// if it is one too many.
func (t *Try) Account(ctx context.Context, id string) (wait time.Duration) {
	if t.attempts == nil || slices.Contains(t.accounts, id) {
		return 0
	}
	var b Buckets
	b.aim(t.attempts, t.from.Client, t.rates, "account", "accounts", t.from.Provider, id)
	if wait = t.count(ctx, b); wait == 0 {
		t.accounts = append(t.accounts, id)
	}
	return wait
}

// count waits for the turn of the try in these buckets and counts it there. It
// returns how long to wait if it is one too many.
func (t *Try) count(ctx context.Context, b Buckets) (wait time.Duration) {
	leave, ok := t.attempts.Queue(ctx, b.Own)
	if !ok {
		return time.Second
	}
	t.leave = append(t.leave, leave)
	taken, wait := t.attempts.TakeAll(ctx, b, t.from, t.budget, t.spent)
	if wait == 0 {
		t.taken, t.everybody = append(t.taken, taken...), append(t.everybody, b.Everybody...)
	}
	return wait
}

// budget is what a device pays with, once for the try, however often that is counted.
func (t *Try) budget(d Device) Tally {
	if t.device == d.ID {
		return t.attempts.Tally(Rate{Count: -1}, "device", d.ID)
	}
	t.device = d.ID
	return t.attempts.GuessBudget(d)
}

// Reached are the buckets of the person who has signed in. Where two identifiers were
// typed, or two accounts tried, nothing tells which one let them in, and there are none.
func (t *Try) Reached() []string {
	if t.names > 1 || len(t.accounts) > 1 {
		return nil
	}
	return t.everybody
}

// Over reports whether the try has succeeded or ended: nothing more is counted in it.
func (t *Try) Over() bool { return t.over }

// End makes room for the next one.
func (t *Try) End() {
	t.over = true
	for _, leave := range t.leave {
		leave()
	}
}

// Succeed takes back that the try was counted as a failure.
func (t *Try) Succeed(ctx context.Context) {
	if t.attempts != nil {
		t.attempts.Refund(ctx, t.taken)
	}
	t.over = true
}

// Code counts a code of a second factor, by client and by person. It returns how long to
// wait where that is one too many, and else how to take the count back. leave makes room
// for the next one.
func (a *Attempts) Code(ctx context.Context, c Client, r Rates, of ...string) (leave, undo func(), wait time.Duration) {
	var b Buckets
	b.aim(a, c, r, "factor", "factors", of...)
	leave, ok := a.Queue(ctx, b.Own)
	if !ok {
		return nil, nil, time.Second
	}
	taken, wait := a.Take(ctx, slices.Concat(b.Own, b.Shared))
	if wait > 0 {
		leave()
		return nil, nil, wait
	}
	return leave, func() { a.Refund(ctx, taken) }, 0
}
