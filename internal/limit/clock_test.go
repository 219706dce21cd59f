package limit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/limit"
)

// A time that is behind by up to a second is one that waited for its turn; one that is
// further behind is a clock that was set back.
func TestMemory_Behind(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		early time.Duration
		want  time.Duration // until there is one again, by the earlier clock
	}{
		{time.Second, 10 * time.Second},
		{2 * time.Second, 10 * time.Second},
	} {
		m := limit.NewMemory(10)
		if wait := m.Allow("a", 1, 10*time.Second, start); wait != 0 {
			t.Fatal(wait)
		}
		if wait := m.Allow("a", 1, 10*time.Second, start.Add(-tt.early)); wait != tt.want {
			t.Errorf("%v behind: it waits %v, want %v", tt.early, wait, tt.want)
		}
		// From then on the clock that was set back counts.
		set := m.Allow("a", 1, 10*time.Second, start.Add(10*time.Second-tt.early)) == 0
		if want := tt.early > time.Second; set != want {
			t.Errorf("%v behind: ten seconds later by that clock it is let in: %v", tt.early, set)
		}
	}
}

// Buckets that are full again make room for new ones, and none that still counts goes
// while there is room.
func TestMemory_Room(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(4)
	for i := range 4 {
		m.Allow(fmt.Sprint(i), 2, time.Hour, start)
	}
	if n := m.Len(); n != 4 {
		t.Fatalf("%d buckets", n)
	}
	for i := range 4 {
		if m.Allow(fmt.Sprint(i), 2, time.Hour, start) != 0 || m.Allow(fmt.Sprint(i), 2, time.Hour, start) == 0 {
			t.Errorf("bucket %d went while there was room", i)
		}
	}
	for range 20 { // each looks at eight of four: those that are full go
		m.Allow("late", 2, time.Hour, start.Add(2*time.Hour))
		m.Refund("late", start.Add(2*time.Hour))
	}
	if m.Len() > 4 {
		t.Errorf("%d buckets", m.Len())
	}
	m.Refund("nobody", start)
	none := limit.NewMemory(1)
	if none.Len() != 0 {
		t.Errorf("%d buckets in a new one", none.Len())
	}
}

// A wait is in whole microseconds, and no shorter than one.
func TestMemory_Microseconds(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(10)
	for range 3 {
		m.Allow("a", 3, time.Second, start)
	}
	if wait := m.Allow("a", 3, time.Second, start); wait != 333_333*time.Microsecond {
		t.Errorf("it waits %v", wait)
	}
	m.Allow("b", 1, time.Microsecond, start)
	for _, after := range []time.Duration{0, 500, 999} {
		if wait := m.Allow("b", 1, time.Microsecond, start.Add(after)); wait != time.Microsecond {
			t.Errorf("%v later it waits %v", after, wait)
		}
	}
}

// A bucket that is nearly full still counts: new ones do not push it out while there is
// room.
func TestMemory_NearlyFull(t *testing.T) {
	t.Parallel()
	m := limit.NewMemory(1000)
	m.Allow("a", 1, time.Second, start)
	late := start.Add(time.Second - time.Millisecond)
	for i := range 50 {
		m.Allow(fmt.Sprint(i), 1, time.Hour, late)
	}
	if wait := m.Allow("a", 1, time.Second, late); wait != time.Millisecond {
		t.Errorf("it waits %v", wait)
	}
}
