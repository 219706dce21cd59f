package limit_test

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
)

// A counter is one that processes share, of which a test says what it answers.
type counter struct {
	answer, refund error
	hangs          bool

	keys     []string // that were counted
	refunded []string
	failures []error
}

func (c *counter) shared() *limit.Shared {
	return &limit.Shared{
		Allow: func(ctx context.Context, key string, _ limit.Rate) (time.Duration, error) {
			c.keys = append(c.keys, key)
			if c.hangs {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 0, c.answer
		},
		Refund: func(ctx context.Context, key string, _ limit.Rate) error {
			c.refunded = append(c.refunded, key)
			if c.hangs {
				<-ctx.Done()
				return ctx.Err()
			}
			return c.refund
		},
		Failed: func(err error) { c.failures = append(c.failures, err) },
	}
}

// A shared counter that hangs holds an attempt up for two seconds, and its refund too,
// however many buckets there are; then it is not asked again for five.
func TestAttempts_SharedHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &counter{hangs: true}
		a := attempts(t, c.shared(), time.Now)
		rate := limit.Rate{Count: 9, Per: time.Hour}
		tallies := []limit.Tally{a.Tally(rate, "a", "x"), a.Tally(rate, "b", "x")}
		gone, cancel := context.WithCancel(t.Context())
		cancel() // a browser that goes away saves nobody a count
		begun := time.Now()
		taken, wait := a.Take(gone, tallies)
		if took := time.Since(begun); took != 2*time.Second || wait != 0 || len(taken) != 2 || len(c.keys) != 1 {
			t.Errorf("it took %v; to wait %v, %d taken, asked %d times", took, wait, len(taken), len(c.keys))
		}
		if len(c.failures) != 1 || !errors.Is(c.failures[0], context.DeadlineExceeded) {
			t.Errorf("failures: %v", c.failures)
		}
		time.Sleep(5*time.Second - 1) // synctest's
		a.Take(t.Context(), tallies)
		if len(c.keys) != 1 {
			t.Error("it is asked again before five seconds are over")
		}
		time.Sleep(time.Nanosecond)
		c.hangs = false
		taken, _ = a.Take(t.Context(), tallies)
		if len(c.keys) != 3 {
			t.Errorf("after five seconds it was asked %d times", len(c.keys))
		}
		c.hangs = true
		begun = time.Now()
		a.Refund(gone, taken)
		if took := time.Since(begun); took != 2*time.Second || len(c.refunded) != 1 || len(c.failures) != 2 {
			t.Errorf("the refund took %v, asked %d times, failures: %v", took, len(c.refunded), c.failures)
		}
	})
}

// A refund goes where the attempt was counted, and not to a shared counter that does not
// know of it.
func TestAttempts_SharedRefund(t *testing.T) {
	t.Parallel()
	now := fixed()
	c := &counter{answer: errors.New("down")}
	a := attempts(t, c.shared(), func() time.Time { return now })
	one := []limit.Tally{a.Tally(limit.Rate{Count: 1, Per: time.Hour}, "a", "x")}
	take := func(want bool) (taken []limit.Counted) {
		t.Helper()
		taken, wait := a.Take(t.Context(), one)
		if (wait == 0) != want {
			t.Fatalf("to wait %v", wait)
		}
		return taken
	}
	here := take(true)
	now, c.answer = now.Add(5*time.Second), nil
	a.Refund(t.Context(), here)
	if len(c.refunded) != 0 {
		t.Error("it gives back what it has not counted")
	}
	both := take(true)
	take(false)
	a.Refund(t.Context(), both)
	if len(c.refunded) != 1 || c.refunded[0] != c.keys[len(c.keys)-1] || len(c.failures) != 1 {
		t.Errorf("refunded %q, failures %v", c.refunded, c.failures)
	}
	both = take(true)
	c.refund = errors.New("down")
	a.Refund(t.Context(), both)
	asked := len(c.keys)
	if both = take(true); len(c.failures) != 2 || len(c.keys) != asked {
		t.Errorf("a refund failed, and it is asked at once: failures %v", c.failures)
	}
	a.Refund(t.Context(), both)
	if len(c.refunded) != 2 {
		t.Error("a refund is asked for while the counter is left alone")
	}
	now = now.Add(-1) // the clock was set back: nobody knows how long ago it failed
	take(true)
	if len(c.keys) != asked+1 {
		t.Error("after the clock was set back it is never asked again")
	}
}

// The keys are the same in all processes and versions that share a counter: HKDF of the
// secret, and the first 144 bits of an HMAC.
func TestAttempts_SharedKeys(t *testing.T) {
	t.Parallel()
	c := &counter{}
	a := attempts(t, c.shared(), fixed)
	rate := limit.Rate{Count: 9, Per: time.Hour}
	a.Take(t.Context(), []limit.Tally{a.Tally(rate, "guesses", "192.0.2.7", "ada")})
	key, err := hkdf.Key(sha256.New, []byte("a secret"), nil, "ginauth.limits", 32)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("192.0.2.7\x00ada"))
	d := limit.Device{ID: "d1"}
	a.Take(t.Context(), []limit.Tally{a.GuessBudget(d), a.MailBudget(d, rate)})
	if !strings.HasPrefix(c.keys[1], "device:") || !strings.HasPrefix(c.keys[2], "letters:") {
		t.Errorf("the budgets of a device are %q", c.keys[1:])
	}
	if want := "guesses:" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18]); c.keys[0] != want {
		t.Errorf("%q, want %q", c.keys[0], want)
	}
}

// An attempt waits for its turn for half a minute, and enters no gate where there is no
// limit.
func TestAttempts_Turn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := attempts(t, nil, time.Now)
		own := func(rate limit.Rate, atOnce int) []limit.Tally {
			var b limit.Buckets
			b.PerClient(a, limit.Client{Networks: []string{"192.0.2.7"}}, func(int) limit.Rate { return rate }, atOnce, "guess", "ada")
			return b.Own
		}
		for name, row := range map[string]struct {
			rate   limit.Rate
			atOnce int
			within int // at a time; 0: all
		}{
			"two at once":              {limit.Rate{Count: 10, Per: time.Minute}, 2, 2},
			"no more than are allowed": {limit.Rate{Count: 1, Per: time.Minute}, 4, 1},
			"any number":               {limit.Rate{Count: 10, Per: time.Minute}, 0, 0},
			"no limit":                 {limit.Rate{Count: -1}, 2, 0},
		} {
			var leave []func()
			enter := func() (ok bool, took time.Duration) {
				begun := time.Now()
				f, ok := a.Queue(t.Context(), own(row.rate, row.atOnce))
				if ok {
					leave = append(leave, f)
				}
				return ok, time.Since(begun)
			}
			for i := range map[bool]int{true: row.within, false: 5}[row.within > 0] {
				if ok, took := enter(); !ok || took != 0 {
					t.Errorf("%s: the attempt %d waits %v, %v", name, i, took, ok)
				}
			}
			if row.within > 0 {
				if ok, took := enter(); ok || took != 30*time.Second {
					t.Errorf("%s: one more waits %v, %v", name, took, ok)
				}
			}
			for _, f := range leave {
				f()
			}
			if ok, took := enter(); !ok || took != 0 {
				t.Errorf("%s: after all have left it waits %v, %v", name, took, ok)
			}
			leave[len(leave)-1]()
		}
	})
}

// What a device may do is counted by its ID: ten guesses in ninety days, and its mails
// apart from them.
func TestAttempts_Budgets(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	d := limit.Device{ID: "d1"}
	take := func(tally limit.Tally) time.Duration {
		_, wait := a.Take(t.Context(), []limit.Tally{tally})
		return wait
	}
	for i := range 10 {
		if wait := take(a.GuessBudget(d)); wait != 0 {
			t.Fatalf("the guess %d waits %v", i, wait)
		}
	}
	if wait := take(a.GuessBudget(d)); wait != 9*24*time.Hour {
		t.Errorf("one more waits %v", wait)
	}
	rate := limit.Rate{Count: 1, Per: time.Hour}
	if wait := take(a.MailBudget(d, rate)); wait != 0 {
		t.Errorf("the guesses count as a mail: %v", wait)
	}
	if wait := take(a.MailBudget(d, rate)); wait != time.Hour {
		t.Errorf("a second mail waits %v", wait)
	}
	for _, tally := range []limit.Tally{a.GuessBudget(limit.Device{ID: "d2"}), a.MailBudget(limit.Device{ID: "d2"}, rate)} {
		if wait := take(tally); wait != 0 {
			t.Errorf("another device waits %v", wait)
		}
	}
}

// A count of none allows none, and has no turn to wait for.
func TestAttempts_None(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := attempts(t, nil, time.Now)
		var b limit.Buckets
		b.PerClient(a, limit.Client{Networks: []string{"192.0.2.7"}}, func(int) limit.Rate { return limit.Rate{Per: time.Hour} }, 2, "guess")
		if taken, wait := a.Take(t.Context(), b.Own); wait <= 0 || taken != nil {
			t.Errorf("to wait %v, %d taken", wait, len(taken))
		}
		begun := time.Now()
		if _, ok := a.Queue(t.Context(), b.Own); ok || time.Since(begun) != 30*time.Second {
			t.Errorf("its turn comes after %v: %v", time.Since(begun), ok)
		}
	})
}

// The shortest wait that a shared counter asks for is one, and then nothing is counted
// here.
func TestAttempts_ShortestWait(t *testing.T) {
	t.Parallel()
	wait := time.Duration(1)
	a := attempts(t, &limit.Shared{
		Allow:  func(context.Context, string, limit.Rate) (time.Duration, error) { return wait, nil },
		Refund: func(context.Context, string, limit.Rate) error { return nil },
	}, fixed)
	one := []limit.Tally{a.Tally(limit.Rate{Count: 1, Per: time.Hour}, "a", "x")}
	for range 3 {
		if taken, got := a.Take(t.Context(), one); got != 1 || taken != nil {
			t.Errorf("to wait %v, %d taken", got, len(taken))
		}
	}
	wait = 0
	if taken, got := a.Take(t.Context(), one); got != 0 || len(taken) != 1 {
		t.Errorf("to wait %v, %d taken", got, len(taken))
	}
}

// A process counts 65,536 buckets apart, and forgets none of them while it counts.
func TestAttempts_Room(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	rate := limit.Rate{Count: 1, Per: time.Hour}
	for again := range 2 {
		for i := range limit.MaxKeys {
			if _, wait := a.Take(t.Context(), []limit.Tally{a.Tally(rate, "a", strconv.Itoa(i))}); (wait == 0) != (again == 0) {
				t.Fatalf("round %d, bucket %d: to wait %v", again, i, wait)
			}
		}
	}
}

// The narrowest network of a client is its own; the wider ones are shared, at wider rates.
func TestBuckets_PerClient(t *testing.T) {
	t.Parallel()
	a := attempts(t, nil, fixed)
	var b limit.Buckets
	var steps []int
	b.PerClient(a, limit.Client{Networks: []string{"a", "b", "c"}}, func(step int) limit.Rate {
		steps = append(steps, step)
		return limit.Rate{Count: 1 + step, Per: time.Hour}
	}, 1, "guess", "ada")
	if len(b.Own) != 1 || len(b.Shared) != 2 || len(b.Everybody) != 0 || !slices.Equal(steps, []int{0, 1, 2}) {
		t.Fatalf("%d of its own, %d shared, %d of everybody, steps %v", len(b.Own), len(b.Shared), len(b.Everybody), steps)
	}
	for i, tally := range append(b.Own, b.Shared...) {
		for n := range i + 2 {
			if _, wait := a.Take(t.Context(), []limit.Tally{tally}); (wait == 0) != (n <= i) {
				t.Errorf("bucket %d, the attempt %d: to wait %v", i, n, wait)
			}
		}
	}
	b.All(a, limit.Rate{Count: 1, Per: time.Hour}, "all", "ada")
	if len(b.Own) != 1 || len(b.Shared) != 3 || len(b.Everybody) != 1 {
		t.Errorf("%d of its own, %d shared, %d of everybody", len(b.Own), len(b.Shared), len(b.Everybody))
	}
}
