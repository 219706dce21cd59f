package ginauth

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ginauth/ginauth/internal/bulkhead"
	"github.com/ginauth/ginauth/internal/limit"
	"github.com/ginauth/ginauth/internal/redact"
)

const (
	// limiterPause is for how long a Limiter that failed is not asked again: an
	// outage must not make each sign-in wait for it.
	limiterPause = 5 * time.Second
	// guessesAtOnce and triesAtOnce are how many tries at one identifier, and of
	// one client, are under way at a time; the others wait for their turn. A try
	// counts as a failure until it has succeeded: without a queue, many good ones
	// at once would refuse each other.
	guessesAtOnce = 8
	triesAtOnce   = 32
	// turnTimeout bounds that wait.
	turnTimeout = 30 * time.Second
	// refusalsLogged bound the log lines of a flood.
	refusalsLogged = 10 // a minute
)

// attempts count what Limits bound.
type attempts struct {
	limiter Limiter // nil: this process counts alone
	memory  *limit.Memory
	gates   limit.Gates
	key     []byte
	now     func() time.Time
	log     *slog.Logger
	calls   *bulkhead.Bulkhead
	askFrom atomic.Int64 // Unix nanoseconds
}

func newAttempts(opts *Options) (*attempts, error) {
	key, err := hkdf.Key(sha256.New, []byte(opts.Secret), nil, "ginauth.limits", sha256.Size)
	return &attempts{
		limiter: opts.Limits.Limiter, memory: limit.NewMemory(limit.MaxKeys), key: key,
		now: opts.Now, log: opts.Logger, calls: newStoreCalls(),
	}, err
}

// A tally is one bucket that an attempt is counted in.
type tally struct {
	key    string
	rate   Rate
	atOnce int // how many may be under way; 0: any number
}

// tally makes the key of a bucket. Who it is of can be read out of it only with
// the secret: a list of hashed e-mail addresses is soon a list of addresses.
func (a *attempts) tally(rate Rate, kind string, of ...string) tally {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte(strings.Join(of, "\x00"))) // only the last can hold one
	return tally{key: kind + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18]), rate: rate}
}

// A counted attempt can be taken back.
type counted struct {
	tally
	shared bool // the Limiter has counted it too
}

// take counts an attempt in all of its buckets, or in none, and returns how long
// to wait then.
func (a *attempts) take(ctx context.Context, tallies []tally) (taken []counted, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	for _, t := range tallies {
		if t.rate.Count < 0 {
			continue
		}
		c, wait := a.count(ctx, t)
		if wait > 0 {
			a.refund(ctx, taken)
			return nil, wait
		}
		taken = append(taken, c)
	}
	return taken, 0
}

// count asks this process first, and the Limiter about what is left. So a flood
// does not reach the Limiter, and this process knows its own share of the counts
// when the Limiter fails.
func (a *attempts) count(ctx context.Context, t tally) (counted, time.Duration) {
	c := counted{tally: t}
	if wait := a.memory.Allow(t.key, t.rate.Count, t.rate.Per, a.now()); wait > 0 || !a.asks() {
		return c, wait
	}
	wait, err := bulkhead.Wait(ctx, a.calls, func(ctx context.Context) (time.Duration, error) {
		return a.limiter.Allow(ctx, t.key, t.rate)
	})
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

func (a *attempts) refund(ctx context.Context, taken []counted) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	for _, c := range taken {
		a.memory.Refund(c.key, a.now())
		if !c.shared || !a.asks() {
			continue
		}
		_, err := bulkhead.Wait(ctx, a.calls, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, a.limiter.Refund(ctx, c.key, c.rate)
		})
		if err != nil {
			a.failed(err)
		}
	}
}

// asks reports whether the Limiter is to be asked. A pause that is longer than any
// is over: the clock was set back since it began.
func (a *attempts) asks() bool {
	pause := time.Duration(a.askFrom.Load() - a.now().UnixNano())
	return a.limiter != nil && (pause <= 0 || pause > limiterPause)
}

func (a *attempts) failed(err error) {
	a.askFrom.Store(a.now().Add(limiterPause).UnixNano())
	a.log.Error("ginauth: Limits.Limiter failed; for now this process counts alone", "error", redact.Error(err))
}

// queue waits until it is the turn of a try. Its buckets' gates are entered in
// their order, which is the same for all tries, so that nobody waits for each
// other.
func (a *attempts) queue(ctx context.Context, tallies []tally) (leave func(), ok bool) {
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
