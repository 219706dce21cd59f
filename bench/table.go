package main

import (
	"fmt"
	"runtime"
	"slices"
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
	{title: "2 KB, parallel", sessions: 100, length: largeToken, parallel: true},
}

// A row is a contestant with one load for each column; nil where there is none.
type row struct {
	name  string
	loads []*load
}

type table struct{ rows []row }

// newTable opens all contestants and signs everybody in at each of them.
func newTable(short bool) (*table, error) {
	t := &table{}
	for _, c := range contestants() {
		r := row{name: c.name}
		for _, col := range columns {
			n := col.sessions
			if short {
				n = min(n, 100)
			}
			all := people(n, col.length)
			s, err := c.open(all)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			cookies := s.cookies()
			if err := check(c, s, all, cookies); err != nil {
				return nil, err
			}
			r.loads = append(r.loads, &load{
				name: c.name + ", " + col.title, sessions: n, parallel: col.parallel,
				open: s.guarded(all, cookies, c.verifies),
			})
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// check sees that a site knows everybody, all that their session says.
func check(c contestant, s *site, all []person, cookies []string) error {
	if !c.verifies {
		return nil
	}
	browser := newClient(s, "/", all, cookies)
	for i, want := range all {
		if got := browser.get(i); got.saw != want {
			return fmt.Errorf("%s: status %d, read %+v, want %+v", c.name, got.status, got.saw, want)
		}
	}
	return nil
}

func (t *table) loads() []*load {
	var all []*load
	for i := range columns {
		for _, r := range t.rows {
			if r.loads[i] != nil {
				all = append(all, r.loads[i])
			}
		}
	}
	return all
}

// cost is what one contestant cost in one column.
func (t *table) cost(name string, col int) cost {
	i := slices.IndexFunc(t.rows, func(r row) bool { return r.name == name })
	return t.rows[i].loads[col].cost()
}

// limit is the cheapest of the limits in one column.
func (t *table) limit(col int) (name string, c cost) {
	for _, r := range t.rows {
		if !strings.HasPrefix(r.name, limitPrefix) {
			continue
		}
		if own := r.loads[col].cost(); name == "" || own.time < c.time {
			name, c = r.name, own
		}
	}
	return name, c
}

func (t *table) markdown(rounds int, slice time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s/%s, GOMAXPROCS %d. Medians of %d rounds of %v; in brackets, the time beside ginauth's.\n\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0), rounds, slice)
	b.WriteString("| ns for each request |")
	for _, col := range columns {
		b.WriteString(" " + col.title + " |")
		if col.memory {
			b.WriteString(" allocs | B |")
		}
	}
	b.WriteString("\n|---|")
	for _, col := range columns {
		b.WriteString("--:|")
		if col.memory {
			b.WriteString("--:|--:|")
		}
	}
	b.WriteString("\n")
	for _, r := range t.rows {
		b.WriteString("| " + r.name + " |")
		for i, col := range columns {
			own, ours := r.loads[i].cost(), t.cost(ginauthPlain, i)
			fmt.Fprintf(&b, " %d (%s) |", own.time.Nanoseconds(), times(own, ours))
			if col.memory {
				fmt.Fprintf(&b, " %.0f | %.0f |", own.allocations, own.bytes)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, line := range t.targets() {
		b.WriteString("- " + line + "\n")
	}
	return b.String()
}

// times is the ratio of two times.
func times(a, b cost) string {
	ratio := float64(a.time) / float64(b.time)
	if ratio >= 10 {
		return fmt.Sprintf("%.0fx", ratio)
	}
	return fmt.Sprintf("%.2gx", ratio)
}
