package redisstore_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"

	"github.com/ginauth/ginauth"
	"github.com/ginauth/ginauth/redisstore"
)

// A clock is moved by hand.
type clock struct{ ahead atomic.Int64 }

func (c *clock) move(d time.Duration) { c.ahead.Add(int64(d)) }

func (c *clock) now() time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.ahead.Load()))
}

func allow(t testing.TB, l *redisstore.Limiter, key string, rate ginauth.Rate) time.Duration {
	t.Helper()
	wait, err := l.Allow(t.Context(), key, rate)
	if err != nil {
		t.Fatal(err)
	}
	return wait
}

func refund(t testing.TB, l *redisstore.Limiter, key string, rate ginauth.Rate) {
	t.Helper()
	if err := l.Refund(t.Context(), key, rate); err != nil {
		t.Fatal(err)
	}
}

func TestLimiter_Pace(t *testing.T) {
	t.Parallel()
	rate := ginauth.Rate{Count: 7, Per: 10 * time.Minute}
	step := (rate.Per / time.Duration(rate.Count)).Truncate(time.Microsecond)
	var c clock
	client := newClient(t)
	l := redisstore.NewLimiter(client, redisstore.Options{Now: c.now, Prefix: "app:"})
	for i := range rate.Count {
		if wait := allow(t, l, "a", rate); wait != 0 {
			t.Fatalf("the event %d waits %v", i, wait)
		}
	}
	for i := range 20 {
		if wait := allow(t, l, "a", rate); wait != step {
			t.Fatalf("round %d: it waits %v, want %v", i, wait, step)
		}
		c.move(step - time.Microsecond)
		if wait := allow(t, l, "a", rate); wait != time.Microsecond {
			t.Fatalf("round %d: it waits %v", i, wait)
		}
		c.move(time.Microsecond)
		if wait := allow(t, l, "a", rate); wait != 0 {
			t.Fatalf("round %d: after its time it waits %v", i, wait)
		}
	}
	keys := client.Keys(t.Context(), "*").Val()
	if len(keys) != 1 || !strings.HasPrefix(keys[0], "app:limit:") {
		t.Fatalf("the keys %v", keys)
	}
	if ttl := client.PTTL(t.Context(), keys[0]).Val(); ttl <= rate.Per-time.Minute || ttl > rate.Per {
		t.Errorf("it is kept for %v", ttl)
	}
	c.move(10 * rate.Per)
	for i := range rate.Count + 1 {
		if got := allow(t, l, "a", rate) == 0; got != (i < rate.Count) {
			t.Errorf("the event %d: allowed %v", i, got)
		}
	}
}

func TestLimiter_Refund(t *testing.T) {
	t.Parallel()
	rate := ginauth.Rate{Count: 3, Per: time.Hour}
	var c clock
	client := newClient(t)
	l := redisstore.NewLimiter(client, redisstore.Options{Now: c.now})
	for range 20 {
		if allow(t, l, "a", rate) != 0 {
			t.Fatal("not refunded")
		}
		refund(t, l, "a", rate)
	}
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	for range 5 {
		refund(t, l, "a", rate)
	}
	for i := range 4 {
		if got := allow(t, l, "a", rate) == 0; got != (i < 3) {
			t.Errorf("the event %d: allowed %v", i, got)
		}
	}
	refund(t, l, "a", rate)
	if allow(t, l, "a", rate) != 0 || allow(t, l, "a", rate) == 0 {
		t.Error("one refund is not one event")
	}
	if ttl := client.PTTL(t.Context(), client.Keys(t.Context(), "*").Val()[0]).Val(); ttl <= 0 || ttl > rate.Per {
		t.Errorf("it is kept for %v", ttl)
	}
}

// A process whose clock is far ahead keeps nobody out for longer than a rate
// says, in the processes whose clock is right.
func TestLimiter_ClockAhead(t *testing.T) {
	t.Parallel()
	rate := ginauth.Rate{Count: 3, Per: time.Minute}
	var right, wrong clock
	wrong.move(30 * 24 * time.Hour)
	client := newClient(t)
	ahead := redisstore.NewLimiter(client, redisstore.Options{Now: wrong.now})
	l := redisstore.NewLimiter(client, redisstore.Options{Now: right.now})
	for range 2 {
		if wait := allow(t, ahead, "a", rate); wait != 0 {
			t.Fatalf("one of the first two waits %v", wait)
		}
	}
	if wait := allow(t, l, "a", rate); wait != 0 {
		t.Fatalf("the third waits %v", wait)
	}
	for _, l := range []*redisstore.Limiter{l, ahead} {
		if wait := allow(t, l, "a", rate); wait <= 0 || wait > rate.Per/3 {
			t.Fatalf("the fourth waits %v", wait)
		}
	}
	refund(t, l, "a", rate)
	if wait := allow(t, l, "a", rate); wait != 0 {
		t.Fatalf("after a refund it waits %v", wait)
	}
	key := client.Keys(t.Context(), "*").Val()[0]
	if ttl := client.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > rate.Per {
		t.Errorf("it is kept for %v", ttl)
	}
	client.PExpire(t.Context(), key, rate.Per*2/3) // a step later
	if wait := allow(t, l, "a", rate); wait != 0 {
		t.Fatalf("a step later it waits %v", wait)
	}
	// What is no time is full for a step, and then in order again.
	if err := client.Set(t.Context(), client.Keys(t.Context(), "*").Val()[0], "junk", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if wait := allow(t, l, "a", rate); wait != rate.Per/3 {
		t.Errorf("it waits %v", wait)
	}
	right.move(rate.Per / 3)
	if more := allow(t, l, "a", rate); more != 0 {
		t.Errorf("then it waits %v more", more)
	}
	refund(t, l, "a", rate)
}

// A process whose clock is behind lets nobody try again at those whose clock is
// right, by the refusals that it gives.
func TestLimiter_ClockBehind(t *testing.T) {
	t.Parallel()
	rate := ginauth.Rate{Count: 3, Per: time.Minute}
	for _, late := range []time.Duration{rate.Per / 3, rate.Per, time.Hour} {
		t.Run(late.String(), func(t *testing.T) {
			t.Parallel()
			var right, wrong clock
			wrong.move(-late)
			client := newClient(t)
			behind := redisstore.NewLimiter(client, redisstore.Options{Now: wrong.now})
			l := redisstore.NewLimiter(client, redisstore.Options{Now: right.now})
			allowed := 0
			for range 20 {
				for _, l := range []*redisstore.Limiter{l, behind} {
					if allow(t, l, "a", rate) == 0 {
						allowed++
					}
				}
			}
			if allowed != rate.Count {
				t.Errorf("%d of %d are allowed", allowed, rate.Count)
			}
		})
	}
}

// Many processes that count at once allow together what the rate says.
func TestLimiter_Concurrent(t *testing.T) {
	t.Parallel()
	rate := ginauth.Rate{Count: 50, Per: time.Hour}
	var c clock
	first := newClient(t)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		client := redis.NewClient(first.Options())
		t.Cleanup(func() { _ = client.Close() })
		l := redisstore.NewLimiter(client, redisstore.Options{Now: c.now})
		wg.Go(func() {
			for range 50 {
				if wait, err := l.Allow(t.Context(), "a", rate); err != nil {
					t.Error(err)
				} else if wait == 0 {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != 50 {
		t.Errorf("%d of 50 were allowed", n)
	}
}

// All processes of an application count together.
func ExampleNewLimiter() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	_, err := ginauth.Register(gin.New(), ginauth.Options{
		Secret: "an example secret of 32 bytes or so",
		Providers: []ginauth.Provider{ginauth.Credentials{
			Authorize: func(*gin.Context, map[string]string) (*ginauth.User, error) { return nil, nil },
		}},
		Limits: ginauth.Limits{
			Limiter: redisstore.NewLimiter(client, redisstore.Options{Prefix: "shop:"}),
			Guesses: ginauth.Rate{Count: 5, Per: 15 * time.Minute},
		},
	})
	fmt.Println(err)
	// Output: <nil>
}
