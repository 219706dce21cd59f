package limit

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// sharedTimeout bounds what one attempt asks of a Shared counter.
	sharedTimeout = 2 * time.Second
	// sharedPause is for how long a Shared counter that failed is not asked again: an
	// outage must not make each sign-in wait for it.
	sharedPause = 5 * time.Second
	// turnTimeout bounds how long an attempt waits for its turn.
	turnTimeout = 30 * time.Second
)

// A Shared counter counts for all processes of an application. Its functions return
// when the context ends at the latest.
type Shared struct {
	// Allow counts an event of a key and returns 0, or counts nothing and returns
	// how long it is until one is allowed.
	Allow func(ctx context.Context, key string, rate Rate) (time.Duration, error)
	// Refund takes back an event that Allow has counted.
	Refund func(ctx context.Context, key string, rate Rate) error
	// Failed is told of each error: for now this process counts alone.
	Failed func(error)
}

// Attempts count what is tried, in this process and in a Shared counter. They are
// safe for concurrent use.
type Attempts struct {
	shared  *Shared // nil: this process counts alone
	memory  *Memory
	gates   Gates
	key     []byte
	now     func() time.Time
	askFrom atomic.Int64 // Unix nanoseconds
}

// NewAttempts makes Attempts. The secret hides whom a key is of. shared may be nil.
func NewAttempts(secret string, shared *Shared, now func() time.Time) (*Attempts, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "ginauth.limits", sha256.Size)
	return &Attempts{shared: shared, memory: NewMemory(MaxKeys), key: key, now: now}, err
}

// A Tally is one bucket that an attempt is counted in.
type Tally struct {
	key    string
	rate   Rate
	atOnce int // how many may be under way; 0: any number
}

// Tally makes the key of a bucket. Only the secret tells who it is of: a list of
// hashed e-mail addresses is soon a list of addresses.
func (a *Attempts) Tally(rate Rate, kind string, of ...string) Tally {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(strings.Join(of, "\x00"))) // only the last can hold one
	return Tally{key: kind + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18]), rate: rate}
}

// A Counted attempt can be taken back.
type Counted struct {
	tally  Tally
	shared bool // the Shared counter has counted it too
}

// Take counts an attempt in all of its buckets and returns 0, or counts it in none
// and returns how long to wait.
func (a *Attempts) Take(ctx context.Context, tallies []Tally) (taken []Counted, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedTimeout)
	defer cancel()
	for _, t := range tallies {
		if t.rate.Count < 0 {
			continue
		}
		c, wait := a.count(ctx, t)
		if wait > 0 {
			a.Refund(ctx, taken)
			return nil, wait
		}
		taken = append(taken, c)
	}
	return taken, 0
}

// count asks this process first, and the Shared counter about what passes. So a flood
// does not reach that, and this process knows its own share of the counts when it
// fails.
func (a *Attempts) count(ctx context.Context, t Tally) (Counted, time.Duration) {
	c := Counted{tally: t}
	if wait := a.memory.Allow(t.key, t.rate.Count, t.rate.Per, a.now()); wait > 0 || !a.asks() {
		return c, wait
	}
	wait, err := a.shared.Allow(ctx, t.key, t.rate)
	if err != nil {
		a.failed(err)
		return c, 0
	}
	if wait > 0 {
		a.memory.Refund(t.key, a.now())
	}
	c.shared = true
	return c, wait
}

// Refund takes back attempts that were counted.
func (a *Attempts) Refund(ctx context.Context, taken []Counted) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sharedTimeout)
	defer cancel()
	for _, c := range taken {
		a.memory.Refund(c.tally.key, a.now())
		if !c.shared || !a.asks() {
			continue
		}
		if err := a.shared.Refund(ctx, c.tally.key, c.tally.rate); err != nil {
			a.failed(err)
		}
	}
}

// asks reports whether to ask the Shared counter. A pause that is longer than any
// is over: the clock was set back since it began.
func (a *Attempts) asks() bool {
	pause := time.Duration(a.askFrom.Load() - a.now().UnixNano())
	return a.shared != nil && (pause <= 0 || pause > sharedPause)
}

func (a *Attempts) failed(err error) {
	a.askFrom.Store(a.now().Add(sharedPause).UnixNano())
	a.shared.Failed(err)
}

// Queue waits until it is the turn of an attempt. It enters the gates in the order of
// the buckets, which is the same for all attempts, so that no two wait for each
// other.
func (a *Attempts) Queue(ctx context.Context, tallies []Tally) (leave func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	var entered []func()
	leave = func() {
		for _, f := range entered {
			f()
		}
	}
	for _, t := range tallies {
		if t.atOnce == 0 || t.rate.Count < 0 {
			continue
		}
		f, err := a.gates.Enter(ctx, t.key, min(t.atOnce, t.rate.Count))
		if err != nil {
			leave()
			return nil, false
		}
		entered = append(entered, f)
	}
	return leave, true
}
