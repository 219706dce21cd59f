package recent_test

import (
	"testing"
	"time"

	"github.com/ginauth/ginauth/internal/recent"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestMap_Life(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		puts []time.Duration // of other keys, from when the first was put
		want bool
	}{
		{"at once", nil, true},
		{"within its life", []time.Duration{59 * time.Second}, true},
		{"after its life, while the next map fills", []time.Duration{60 * time.Second, 119 * time.Second}, true},
		{"after twice its life", []time.Duration{60 * time.Second, 120 * time.Second}, false},
		{"the clock was set back once", []time.Duration{-time.Second}, true},
		{"the clock was set back twice", []time.Duration{-time.Second, -2 * time.Second}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := recent.New[int, string](time.Minute, 100)
			m.Put(0, "first", start)
			for i, at := range tt.puts {
				m.Put(i+1, "other", start.Add(at))
			}
			if value, ok := m.Get(0); ok != tt.want || ok && value != "first" {
				t.Errorf("got %q %v, want it there: %v", value, ok, tt.want)
			}
		})
	}
}

// A flood of entries in one moment is not held without bound, and what came last is
// there.
func TestMap_Flood(t *testing.T) {
	t.Parallel()
	const most = 10
	m := recent.New[int, struct{}](time.Minute, most)
	for i := range 1000 {
		m.Put(i, struct{}{}, start)
		held := 0
		m.DeleteFunc(func(int) bool { held++; return false })
		if held > 2*most {
			t.Fatalf("%d entries are held", held)
		}
		if _, ok := m.Get(max(0, i-most+1)); !ok {
			t.Fatalf("one of the last %d before %d is forgotten", most, i)
		}
	}
}

func TestMap_Forgets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		forget func(*recent.Map[int, string])
		left   map[int]bool
	}{
		{"one of the older", func(m *recent.Map[int, string]) { m.Delete(0) }, map[int]bool{1: true, 2: true, 3: true}},
		{"one of the newer", func(m *recent.Map[int, string]) { m.Delete(3) }, map[int]bool{0: true, 1: true, 2: true}},
		{"some of both", func(m *recent.Map[int, string]) { m.DeleteFunc(func(k int) bool { return k%2 == 0 }) }, map[int]bool{1: true, 3: true}},
		{"all", func(m *recent.Map[int, string]) { m.Clear() }, map[int]bool{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := recent.New[int, string](time.Minute, 2)
			for i := range 4 { // 0 and 1 are in the older map, 2 and 3 in the newer one
				m.Put(i, "entry", start)
			}
			tt.forget(m)
			for i := range 4 {
				if _, ok := m.Get(i); ok != tt.left[i] {
					t.Errorf("%d is there: %v", i, ok)
				}
			}
		})
	}
}
