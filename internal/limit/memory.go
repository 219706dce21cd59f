// Package limit counts attempts to sign in: whose they are, how many there were
// lately, how many are under way, which buckets a try of credentials is counted in, and
// who has signed in in a browser before.
// It knows neither HTTP nor users, and not how many attempts are allowed: the caller
// says whose an attempt is and at which rate. All that it keeps is bounded, since
// attackers choose the keys.
package limit

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// MaxKeys is how many buckets a Memory holds: some 12 MB.
	MaxKeys = 1 << 16
	// looks is how many buckets, chosen at random, are looked at for each new one.
	looks = 8
	// slack forgives what a float64 loses of a token, so that a client that
	// waited for as long as told is let in.
	slack = 1e-6
	// behind is how much earlier than the latest a time may be without the clock
	// having been set back: its reader had to wait for the others.
	behind = time.Second
)

// Memory keeps token buckets in this process. It is safe for concurrent use.
//
// Each new bucket drops some of those that are full again, which know nothing. If
// none is and there is no room, the one goes that would be full the soonest: a
// flood of new keys, an attempt each, pushes out its own buckets, and not the
// emptied one of a person under attack.
type Memory struct {
	mu      sync.Mutex
	max     int
	latest  time.Time      // that was told
	places  map[string]int // in buckets
	buckets []bucket
}

type bucket struct {
	key    string
	tokens *rate.Limiter
}

// NewMemory makes a Memory of at most max buckets.
func NewMemory(max int) *Memory { return &Memory{max: max, places: map[string]int{}} }

// Allow takes one from the bucket of a key, which holds count and is filled
// evenly, count in each per. It returns 0, or takes nothing and returns how long
// it takes until there is one.
func (m *Memory) Allow(key string, count int, per time.Duration, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now = m.inOrder(now)
	tokens := m.bucket(key, count, per, now)
	if missing := 1 - tokens.TokensAt(now); missing > slack {
		tokens.ReserveN(now, 0) // it fills from now on: else, with a clock that was set back, not before that is there again
		wait := time.Duration(missing / float64(tokens.Limit()) * float64(time.Second))
		return max(wait.Round(time.Microsecond), time.Microsecond)
	}
	tokens.ReserveN(now, 1)
	return 0
}

// Refund puts back what Allow took.
func (m *Memory) Refund(key string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := m.places[key]; ok {
		now = m.inOrder(now)
		m.buckets[i].tokens.ReserveN(now, -1) // never more than the bucket holds: that is cut off when it is next read
	}
}

// inOrder is the time that an event happened, none earlier than the one before it: a
// bucket that is told of a later time first fills twice for what is between, and a
// flood of tries at once would be let in the faster for it.
func (m *Memory) inOrder(now time.Time) time.Time {
	if early := m.latest.Sub(now); early <= 0 || early > behind {
		m.latest = now
	}
	return m.latest
}

// Len is how many buckets there are.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.buckets)
}

func (m *Memory) bucket(key string, count int, per time.Duration, now time.Time) *rate.Limiter {
	if i, ok := m.places[key]; ok {
		return m.buckets[i].tokens
	}
	m.makeRoom(now)
	tokens := rate.NewLimiter(rate.Limit(float64(count)/per.Seconds()), count)
	m.places[key] = len(m.buckets)
	m.buckets = append(m.buckets, bucket{key, tokens})
	return tokens
}

// makeRoom looks at some buckets and drops those that are full, or the one that
// will be the soonest if there must be room.
func (m *Memory) makeRoom(now time.Time) {
	var soonest string
	var least float64
	for range min(looks, len(m.buckets)) {
		b := m.buckets[rand.IntN(len(m.buckets))]
		left := untilFull(b.tokens, now)
		if left <= 0 {
			m.drop(b.key)
		} else if soonest == "" || left < least {
			soonest, least = b.key, left
		}
	}
	if len(m.buckets) >= m.max {
		m.drop(soonest)
	}
}

// untilFull is in seconds.
func untilFull(tokens *rate.Limiter, now time.Time) float64 {
	return (float64(tokens.Burst()) - tokens.TokensAt(now) - slack) / float64(tokens.Limit())
}

func (m *Memory) drop(key string) {
	i := m.places[key]
	last := len(m.buckets) - 1
	m.buckets[i] = m.buckets[last]
	m.places[m.buckets[i].key] = i
	m.buckets[last] = bucket{}
	m.buckets = m.buckets[:last]
	delete(m.places, key)
}
