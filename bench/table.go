package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// A column is one condition under which all contestants are measured.
type column struct {
	title    string
	sessions int
	length   int // of the access token
	parallel bool
	memory   bool // show what is allocated
}

var columns = []column{
	{title: "small", sessions: 1, memory: true},
	{title: "2 KB", sessions: 1, length: largeToken, memory: true},
	{title: "small, 10 000 in turn", sessions: 10_000},
	{title: "small, 10 000, parallel", sessions: 10_000, parallel: true},
	{title: "2 KB, 100, parallel", sessions: 100, length: largeToken, parallel: true},
}

// A table holds what was measured, by name and column.
type table struct {
	rounds int
	slice  time.Duration
	names  []string
	costs  map[string]map[int]cost
	notes  []string
}

// measureAll measures all contestants under all conditions.
func measureAll(rounds int, slice time.Duration, most int) (*table, error) {
	t := &table{rounds: rounds, slice: slice, costs: map[string]map[int]cost{}}
	for _, c := range contestants() {
		t.names = append(t.names, c.name)
	}
	for _, p := range nodePeers() {
		t.names = append(t.names, p.name)
	}
	for _, r := range routeCosts {
		t.names = append(t.names, r.name)
	}
	for i, col := range columns {
		col.sessions = min(col.sessions, most)
		if err := t.measure(i, col); err != nil {
			return nil, fmt.Errorf("%s: %w", col.title, err)
		}
	}
	for _, algorithm := range bearerAlgorithms {
		b, err := measureBearer(algorithm, rounds, slice)
		if err != nil {
			return nil, err
		}
		t.notes = append(t.notes, b.String())
	}
	return t, nil
}

// measure fills one column. What it has opened is garbage for the next one, so that
// a heap that one condition needs burdens no other.
func (t *table) measure(i int, col column) (err error) {
	all, err := newCrowd(col.sessions, col.length)
	if err != nil {
		return err
	}
	var loads []*load
	for _, c := range contestants() {
		start, err := c.start(all)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		loads = append(loads, &load{name: c.name, start: start, sessions: col.sessions, parallel: col.parallel})
	}
	for _, r := range routeCosts {
		if !r.everywhere && i > 0 {
			continue
		}
		start, stop, err := r.open(all)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		defer func() { err = errors.Join(err, stop()) }()
		loads = append(loads, &load{name: r.name, start: start, sessions: col.sessions, parallel: col.parallel})
	}
	if err := measure(loads, t.rounds, t.slice); err != nil {
		return err
	}
	for _, l := range loads {
		t.put(l.name, i, l.median())
	}
	if !col.parallel {
		return t.measureNode(i, all)
	}
	return nil
}

func (t *table) put(name string, col int, c cost) {
	if t.costs[name] == nil {
		t.costs[name] = map[int]cost{}
	}
	t.costs[name][col] = c
}

// measureNode asks Node.js for one column. Without what it needs there is a note in
// place of the rows.
func (t *table) measureNode(col int, all *crowd) error {
	for _, p := range nodePeers() {
		took, err := p.measure(all, t.rounds, t.slice)
		switch {
		case errors.Is(err, errNotInstalled):
			if col == 0 {
				t.notes = append(t.notes, err.Error())
			}
			return nil
		case err != nil:
			return err
		}
		t.put(p.name, col, cost{nanoseconds: took})
	}
	return nil
}

// start opens a contestant and sees that it knows everybody, all that their session
// says.
func (c contestant) start(all *crowd) (func() operation, error) {
	s, err := c.open(all)
	if err != nil {
		return nil, err
	}
	cookies := s.cookies()
	browser := newClient(s, "/", all.people, cookies)
	for i, want := range all.people {
		if got := browser.get(i); got.saw != want && c.verifies {
			return nil, fmt.Errorf("status %d, read %+v, want %+v", got.status, got.saw, want)
		}
	}
	return func() operation {
		browser := newClient(s, "/", all.people, cookies)
		return func(i int) error {
			if got := browser.get(i); got.saw.Subject != all.people[i].Subject && c.verifies {
				return fmt.Errorf("status %d, read %q, want %q", got.status, got.saw.Subject, all.people[i].Subject)
			}
			return nil
		}
	}, nil
}

// limit is the cheapest of the limits in one column.
func (t *table) limit(col int) (name string, c cost) {
	for _, n := range t.names {
		own, ok := t.costs[n][col]
		if ok && strings.HasPrefix(n, limitPrefix) && (name == "" || own.nanoseconds < c.nanoseconds) {
			name, c = n, own
		}
	}
	return name, c
}

func (t *table) markdown() string {
	var b strings.Builder
	b.WriteString("| ns for each request |")
	rule := "\n|---|"
	for _, col := range columns {
		b.WriteString(" " + col.title + " |")
		rule += "--:|"
		if col.memory {
			b.WriteString(" allocs | B |")
			rule += "--:|--:|"
		}
	}
	b.WriteString(rule + "\n")
	for _, name := range t.names {
		if len(t.costs[name]) == 0 {
			continue
		}
		b.WriteString("| " + name + " |")
		for i, col := range columns {
			own, ok := t.costs[name][i]
			b.WriteString(cell(ok, "%.0f (%s)", own.nanoseconds, times(own, t.costs[ginauthPlain][i])))
			if col.memory {
				ok = ok && !isNode(name) // whose memory is not Go's
				b.WriteString(cell(ok, "%.0f", own.allocations) + cell(ok, "%.0f", own.bytes))
			}
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%s on %s/%s with %d processors; medians of %d rounds of %v; in brackets, the time as a multiple of ginauth's.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), t.rounds, t.slice)
	for _, line := range append(t.targets(), t.notes...) {
		b.WriteString("- " + line + "\n")
	}
	return b.String()
}

func cell(ok bool, format string, args ...any) string {
	if !ok {
		return " |"
	}
	return " " + fmt.Sprintf(format, args...) + " |"
}

// times is the ratio of two times.
func times(a, b cost) string {
	ratio := a.nanoseconds / b.nanoseconds
	if ratio >= 9.95 {
		return fmt.Sprintf("%.0fx", ratio)
	}
	return fmt.Sprintf("%.2gx", ratio)
}
