package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// An operation is what is measured: one call for session i, which fails unless it
// ends as it should. Each goroutine has its own.
type operation func(i int) error

// A load is an operation under one condition, with what was measured of it.
type load struct {
	name     string
	open     func() operation
	sessions int // taken in turn
	parallel bool
	rounds   []sample

	count   int // of operations in one round
	started int // the session that the next round begins with
}

// A sample is one round of one load, per operation.
type sample struct{ time, allocations, bytes float64 }

// A cost is the median of a load's rounds.
type cost struct {
	time        time.Duration
	allocations float64
	bytes       float64
}

func (l *load) cost() cost {
	return cost{
		time:        time.Duration(l.median(func(s sample) float64 { return s.time })),
		allocations: l.median(func(s sample) float64 { return s.allocations }),
		bytes:       l.median(func(s sample) float64 { return s.bytes }),
	}
}

func (l *load) median(of func(sample) float64) float64 {
	values := make([]float64, len(l.rounds))
	for i, s := range l.rounds {
		values[i] = of(s)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// measure runs all loads in turn, again and again, so that whatever else the
// machine does meets all of them alike. Each gets about slice in each round. The
// order is turned by one in each round: nobody always runs behind the same other.
func measure(loads []*load, rounds int, slice time.Duration) error {
	for _, l := range loads {
		if err := l.calibrate(slice); err != nil {
			return err
		}
	}
	for round := range rounds {
		for i := range loads {
			l := loads[(i+round)%len(loads)]
			s, err := l.run()
			if err != nil {
				return err
			}
			l.rounds = append(l.rounds, s)
		}
	}
	return nil
}

// calibrate warms a load up and finds how many operations fill slice.
func (l *load) calibrate(slice time.Duration) error {
	for l.count = 1; ; l.count *= 2 {
		s, err := l.run()
		if err != nil {
			return err
		}
		if took := time.Duration(s.time * float64(l.count)); took >= slice/2 {
			l.count = max(1, int(float64(l.count)*float64(slice)/float64(took)))
			return nil
		}
	}
}

// run is one round: count operations, on one goroutine or on as many as there are
// processors.
func (l *load) run() (sample, error) {
	workers := 1
	if l.parallel {
		workers = runtime.GOMAXPROCS(0)
	}
	operations := make([]operation, workers)
	for i := range operations {
		operations[i] = l.open()
	}
	each := (l.count + workers - 1) / workers
	faults := make([]error, workers)
	var before, after runtime.MemStats
	runtime.GC() // nobody pays for what the one before left
	runtime.ReadMemStats(&before)
	begun := time.Now()
	if workers == 1 {
		faults[0] = repeat(operations[0], each, l.started, l.sessions)
	} else {
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				faults[w] = repeat(operations[w], each, l.started+w*l.sessions/workers, l.sessions)
			})
		}
		group.Wait()
	}
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	l.started = (l.started + each) % l.sessions
	for _, err := range faults {
		if err != nil {
			return sample{}, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	n := float64(each * workers)
	return sample{
		time:        float64(took) / n,
		allocations: float64(after.Mallocs-before.Mallocs) / n,
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, nil
}

func repeat(do operation, n, first, sessions int) error {
	i := first % sessions
	for range n {
		if err := do(i); err != nil {
			return err
		}
		if i++; i == sessions {
			i = 0
		}
	}
	return nil
}

// guarded is the operation of a contestant: one guarded request, whose handler must
// have read the right person.
func (s *site) guarded(all []person, cookies []string, verifies bool) func() operation {
	return func() operation {
		c := newClient(s, "/", all, cookies)
		return func(i int) error {
			got := c.get(i)
			if verifies && got.saw.Subject != all[i].Subject {
				return fmt.Errorf("status %d, read %q, want %q", got.status, got.saw.Subject, all[i].Subject)
			}
			return nil
		}
	}
}
