package limit

import (
	"math"
	"time"
)

// A Rate is Count events at once, and from then on one more each Per/Count, until
// Count are saved up again. A negative Count means no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// Half is for one of several who share a Rate: none of them can use it up.
func (r Rate) Half() Rate {
	if r.Count > 1 {
		r.Count /= 2
	}
	return r
}

// Widened is the rate of a network with many clients: at each step four times as
// many, up to one in each microsecond.
func (r Rate) Widened(step int) Rate {
	count := min(times(r.Count, 2*step), int(min(int64(r.Per/time.Microsecond), math.MaxInt)))
	return Rate{max(r.Count, count), r.Per}
}

// times is a count doubled so often, as far as it fits; an int may have 32 bits.
func times(count, doublings int) int {
	return int(min(int64(min(count, math.MaxInt32))<<doublings, math.MaxInt))
}

// Aimed is the rate of a network at one person: at each step twice as many at once,
// at the client's own pace, and never more than three quarters of what all clients
// have. So one network, however large, does not use that up.
func (r Rate) Aimed(all Rate) func(step int) Rate {
	return func(step int) Rate {
		if r.Count <= 0 {
			return r
		}
		count := times(r.Count, step)
		if all.Count > 0 {
			count = min(count, all.Count/4*3)
		}
		count = max(count, r.Count)
		return Rate{count, time.Duration(float64(r.Per) / float64(r.Count) * float64(count))}
	}
}

// A Client is the sender of a request, to the limits.
type Client struct {
	// Networks are what its addresses have in common, the narrowest first. A client
	// without any cannot be told from others, and must not share a bucket with them.
	Networks []string
	Limited  bool // it has limits of its own, under any identifier
}

// Buckets are what an attempt is counted in.
type Buckets struct {
	Own    []Tally // the client's: nobody else's attempts are counted there
	Shared []Tally // of the networks around it, and of all clients
	// Everybody are the keys of those of all clients: a browser in which the person
	// has signed in passes the shared ones by them.
	Everybody []string
}

// PerClient adds the buckets of a client, and of the networks around it. rate is
// that of a network so many steps wider than the client. At most atOnce attempts of
// the client are under way at a time; 0: any number.
func (b *Buckets) PerClient(a *Attempts, c Client, rate func(step int) Rate, atOnce int, kind string, of ...string) {
	for step, network := range c.Networks {
		one := a.Tally(rate(step), kind, append([]string{network}, of...)...)
		if step > 0 {
			b.Shared = append(b.Shared, one)
			continue
		}
		one.atOnce = atOnce
		b.Own = append(b.Own, one)
	}
}

// All adds the bucket of all clients.
func (b *Buckets) All(a *Attempts, rate Rate, kind string, of ...string) {
	one := a.Tally(rate, kind, of...)
	b.Shared, b.Everybody = append(b.Shared, one), append(b.Everybody, one.key)
}
