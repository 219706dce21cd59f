package replay_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/replay"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := replay.New[int](2)
	var runs atomic.Int32
	count := func() int { return int(runs.Add(1)) }
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := r.Do(t.Context(), "a", now, now.Add(time.Minute), count); got != 1 {
				t.Errorf("got %d", got)
			}
		})
	}
	wg.Wait()
	if got := r.Do(t.Context(), "a", now.Add(time.Minute), now.Add(2*time.Minute), count); got != 2 {
		t.Errorf("after its time it did not run again: %d", got)
	}
	r.Do(t.Context(), "b", now, now.Add(3*time.Minute), count)
	r.Do(t.Context(), "c", now, now.Add(4*time.Minute), count) // the oldest, a, goes
	if got := r.Do(t.Context(), "b", now, now.Add(time.Minute), count); got != 3 {
		t.Errorf("b was forgotten: %d", got)
	}
	if got := r.Do(t.Context(), "a", now, now.Add(time.Minute), count); got != 5 {
		t.Errorf("a was kept beyond the limit: %d", got)
	}

	// A request that waits for a first callback which panics does not wait for ever.
	started, waited := make(chan struct{}), make(chan int)
	go func() {
		defer func() { _ = recover() }()
		r.Do(t.Context(), "p", now, now.Add(time.Minute), func() int {
			close(started)
			go func() { waited <- r.Do(t.Context(), "p", now, now.Add(time.Minute), count) }()
			panic("x")
		})
	}()
	<-started
	select {
	case <-waited:
	case <-time.After(10 * time.Second):
		t.Error("waiting for ever")
	}
}

// within fails the test when f does not return.
func within(t *testing.T, f func() int) int {
	t.Helper()
	got := make(chan int, 1)
	go func() { got <- f() }()
	select {
	case n := <-got:
		return n
	case <-time.After(10 * time.Second):
		t.Fatal("waiting for ever")
		return 0
	}
}

// While a callback runs, no other of its key does: not when the results are many,
// nor when it takes longer than its result would be kept. Who will not wait need
// not.
func TestReplay_Running(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := replay.New[int](1)
	started, release, first := make(chan struct{}), make(chan struct{}), make(chan int)
	go func() {
		first <- r.Do(t.Context(), "a", now, now.Add(time.Minute), func() int {
			close(started)
			<-release
			return 1
		})
	}()
	<-started
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 { // more than the limit, each of them done at once
		if got := within(t, func() int {
			return r.Do(t.Context(), "b", now, now, func() int { return 2 })
		}); got != 2 {
			t.Errorf("another key gives %d", got)
		}
	}
	r.Forget(func(int) bool { return true })
	for name, at := range map[string]time.Time{"at once": now, "past its time": now.Add(time.Hour)} {
		if got := within(t, func() int {
			return r.Do(gone, "a", at, at.Add(time.Minute), func() int { return 3 })
		}); got != 0 {
			t.Errorf("%s: a request that is gone gets %d", name, got)
		}
	}
	close(release)
	if got := <-first; got != 1 {
		t.Errorf("the first gets %d", got)
	}
	if got := r.Do(t.Context(), "a", now, now.Add(time.Minute), func() int { return 4 }); got != 1 {
		t.Errorf("the next gets %d", got)
	}
}

func TestReplay_Forget(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := replay.New[int](8)
	do := func(key string, result int) int {
		return r.Do(t.Context(), key, now, now.Add(time.Minute), func() int { return result })
	}
	do("a", 1)
	do("b", 2)
	r.Forget(func(result int) bool { return result == 1 })
	if got := do("a", 3); got != 3 {
		t.Errorf("what was forgotten gives %d", got)
	}
	if got := do("b", 3); got != 2 {
		t.Errorf("another was forgotten: %d", got)
	}
}

// What has expired makes room, and then no other result goes; else the one goes that
// expires first.
func TestResults_MakesRoom(t *testing.T) {
	t.Parallel()
	begun := time.Unix(1_800_000_000, 0)
	r := replay.New[int](40)
	ran := map[string]int{}
	do := func(key string, after, until int) {
		r.Do(t.Context(), key, begun.Add(time.Duration(after)*time.Second), begun.Add(time.Duration(until)*time.Second), func() int { ran[key]++; return 0 })
	}
	key := func(i int) string { return string(rune('a' + i)) }
	for i := range 40 {
		do(key(i), 0, 100+i)
	}
	do("one", 50, 200)
	for i := 1; i < 40; i++ {
		if do(key(i), 50, 100+i); ran[key(i)] != 1 {
			t.Errorf("the result %d goes, which does not expire first", i)
		}
	}
	// Ten expire, and ten come.
	for i := range 10 {
		do("new "+key(i), 110, 300)
	}
	for i := 11; i < 40; i++ {
		if do(key(i), 110, 400); ran[key(i)] != 1 {
			t.Errorf("the result %d goes while others have expired", i)
		}
	}
	if do(key(0), 110, 400); ran[key(0)] != 2 {
		t.Error("the first is remembered beyond its time")
	}
}
