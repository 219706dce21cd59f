package limit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A bucket gives what it holds at once, then one a step, and is full again after
// its time.
func TestMemory_Pace(t *testing.T) {
	t.Parallel()
	const count, per = 7, 10 * time.Minute // a step is no whole number of anything
	m, now := limit.NewMemory(100), start
	for i := range count {
		if wait := m.Allow("a", count, per, now); wait != 0 {
			t.Fatalf("the event %d waits %v", i, wait)
		}
	}
	for i := range 50 {
		wait := m.Allow("a", count, per, now)
		if want := per / count; wait < want-time.Millisecond || wait > want+time.Millisecond {
			t.Fatalf("round %d: it waits %v, want %v", i, wait, want)
		}
		if wait := m.Allow("a", count, per, now.Add(wait-time.Millisecond)); wait <= 0 {
			t.Fatalf("round %d: allowed before its time", i)
		}
		now = now.Add(wait)
		if wait := m.Allow("a", count, per, now); wait != 0 {
			t.Fatalf("round %d: after the time it was told it waits %v more", i, wait)
		}
	}
	now = now.Add(10 * per) // no more is saved up than the bucket holds
	for i := range count + 1 {
		if got := m.Allow("a", count, per, now) == 0; got != (i < count) {
			t.Errorf("the event %d: allowed %v", i, got)
		}
	}
}

func TestMemory_Refund(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(100)
	for range 100 { // a success is free
		if m.Allow("a", 3, time.Hour, start) != 0 {
			t.Fatal("not refunded")
		}
		m.Refund("a", start)
	}
	for range 5 { // and more than a full bucket is not to be had
		m.Refund("a", start)
	}
	m.Refund("nobody", start)
	for i := range 4 {
		if got := m.Allow("a", 3, time.Hour, start) == 0; got != (i < 3) {
			t.Errorf("the event %d: allowed %v", i, got)
		}
	}
}

// A clock that is set back neither locks anybody out nor fills a bucket.
func TestMemory_ClockSetBack(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(100)
	for range 2 {
		m.Allow("a", 2, time.Minute, start)
	}
	back := start.Add(-24 * time.Hour)
	wait := m.Allow("a", 2, time.Minute, back)
	if wait <= 0 || wait > time.Minute {
		t.Errorf("waits %v", wait)
	}
	if more := m.Allow("a", 2, time.Minute, back.Add(wait)); more != 0 {
		t.Errorf("waits %v, and then %v more", wait, more)
	}
}

// Tries that tell their times out of order, as a flood of them at once does, fill no
// bucket the faster.
func TestMemory_OutOfOrder(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(100)
	for range 2 {
		m.Allow("a", 2, 10*time.Second, start)
	}
	for i := range 100 {
		for _, at := range []time.Duration{500 * time.Millisecond, 0} {
			if m.Allow("a", 2, 10*time.Second, start.Add(at)) == 0 {
				t.Fatalf("within half a second the round %d is let in", i)
			}
			m.Refund("nobody", start.Add(at))
		}
	}
	if m.Allow("a", 2, 10*time.Second, start.Add(5*time.Second)) != 0 {
		t.Error("after its time it waits")
	}
}

// A client that floods the memory with keys pushes out buckets of the flood, and not
// those that hold something against somebody.
func TestMemory_Flooded(t *testing.T) {
	const room, flood, victims = 1 << 12, 100_000, 16
	m := limit.NewMemory(room)
	name := func(i int) string { return fmt.Sprintf("victim %d", i) }
	empty := func(i int) {
		for range 10 {
			m.Allow(name(i), 10, 10*time.Minute, start)
		}
	}
	for i := range victims {
		empty(i)
	}
	var before, after runtime.MemStats
	for i := range room {
		m.Allow(fmt.Sprintf("first %d", i), 10, 10*time.Minute, start)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range flood {
		m.Allow(fmt.Sprintf("flood %d", i), 10, 10*time.Minute, start)
		if n := m.Len(); n > room {
			t.Fatalf("%d buckets", n)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d keys left %d bytes", flood, grown)
	}
	for i := range victims {
		if m.Allow(name(i), 10, 10*time.Minute, start) == 0 {
			t.Errorf("the bucket of %s is fresh", name(i))
		}
	}
	// What is over makes room: a flood of yesterday holds no memory.
	for i := range room {
		m.Allow(fmt.Sprintf("tomorrow %d", i), 10, 10*time.Minute, start.Add(24*time.Hour+time.Duration(i)*time.Second))
	}
	if n := m.Len(); n > room/2 {
		t.Errorf("%d buckets are left", n)
	}
}

func TestMemory_Concurrent(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(64)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for j := range 100 {
				if m.Allow("shared", 50, 1000*time.Hour, start) == 0 {
					allowed.Add(1)
				}
				m.Allow(fmt.Sprint(i, j%2), 50, time.Hour, start)
				m.Refund(fmt.Sprint(i, j%2), start)
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != 50 {
		t.Errorf("%d of 50 were allowed", n)
	}
}

// A few are let through at a time, in turn, and nothing is kept of them.
func TestGates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g limit.Gates
		var within, most atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				leave, err := g.Enter(t.Context(), "a", 4)
				if err != nil {
					t.Error(err)
					return
				}
				defer leave()
				most.Store(max(most.Load(), within.Add(1)))
				time.Sleep(time.Second) // synctest's
				within.Add(-1)
			})
		}
		synctest.Wait()
		if g.Len() != 1 || within.Load() != 4 {
			t.Errorf("%d gates, %d within", g.Len(), within.Load())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := g.Enter(ctx, "a", 4); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		leave, err := g.Enter(ctx, "b", 4)
		if err == nil {
			leave()
		}
		wg.Wait()
		if most.Load() != 4 || g.Len() != 0 {
			t.Errorf("%d at once, %d gates are left", most.Load(), g.Len())
		}
	})
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		addr string
		want []string
	}{
		{"192.0.2.7", []string{"192.0.2.7"}},
		{"::ffff:192.0.2.7", []string{"192.0.2.7"}},
		{"::FFFF:C000:0207", []string{"192.0.2.7"}},
		{"2001:db8:1:2:3:4:5:6", []string{"2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48"}},
		{"2001:DB8:1:ab2::", []string{"2001:db8:1:ab2::/64", "2001:db8:1:a00::/56", "2001:db8:1::/48"}},
		{"fe80::1%eth0", []string{"fe80::/64", "fe80::/56", "fe80::/48"}},
		{"fe80::2%eth1", []string{"fe80::/64", "fe80::/56", "fe80::/48"}},
	} {
		if got := limit.Networks(netip.MustParseAddr(row.addr)); !slices.Equal(got, row.want) {
			t.Errorf("%s is %q, want %q", row.addr, got, row.want)
		}
	}
	if got := limit.Networks(netip.Addr{}); len(got) != 0 {
		t.Errorf("no address is %q", got)
	}
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[string][]string{
		"ada":             {"ada", "ADA", "\t Ada \n", "ＡＤＡ", "𝐀𝐝𝐚", "àdá", "a\u0301da", "a\u200bd\u00ada", "\ufeffada", "ada\x00", "\u00a0ada\u3000"},
		"ada@example.com": {"ada@example.com", "Ada@EXAMPLE.com", "ada＠example.com"},
		"σ":               {"σ", "ς", "Σ"},
		"s":               {"s", "ſ"},
		"k":               {"k", "\u212a"}, // the sign of the kelvin
		"ada lovelace":    {"Ada Lovelace", "ada\u00a0lovelace"},
		"":                {"", "  ", "\u200b", "\u0301"},
		"山田":              {"山田"},
	} {
		for _, s := range spellings {
			if got := limit.Identifier(s); got != want {
				t.Errorf("%q is %q, want %q", s, got, want)
			}
		}
	}
	for _, other := range []string{"adam", "a da", "ad", "аda"} { // the last has a Cyrillic letter: no database takes it for ada
		if limit.Identifier(other) == "ada" {
			t.Errorf("%q is ada", other)
		}
	}
	if broken := "000000000000000\xf7"; limit.Identifier(broken+"ů") != limit.Identifier(broken+"u") {
		t.Error("an accent counts behind a broken letter")
	}
	for typed, want := range map[string]string{
		"Ada+Shop@Example.com": "ada@example.com", "ada@example.com": "ada@example.com", "ada+x": "ada+x",
		"ada@a+b.example": "ada@a+b.example", "+x@example.com": "@example.com",
	} {
		if got := limit.Mailbox(typed); got != want {
			t.Errorf("%q is the mailbox %q, want %q", typed, got, want)
		}
	}
}

// A normal form is one: what is normalised once stays so.
func FuzzIdentifier(f *testing.F) {
	for _, s := range []string{"ada", "Ａ\u0301", "\u1e9b\u0323", "İ", "ǰ", "\xff", "a\u0345", "000000000000000\xf7ů"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := limit.Identifier(s)
		if again := limit.Identifier(once); again != once {
			t.Errorf("%q is %q, then %q", s, once, again)
		}
	})
}
