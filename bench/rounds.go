package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
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
	start    func() operation
	sessions int // taken in turn
	parallel bool
	rounds   []cost

	count   int // of operations in one round
	started int // the session that the next round begins with
}

// A cost is what one operation takes.
type cost struct {
	nanoseconds float64
	allocations float64
	bytes       float64
}

// measure runs all loads in turn, again and again and each time in another order,
// so that whatever else the machine does meets all of them alike. Each gets about
// slice in each round.
//
// Garbage is collected between the rounds and not in them. Within, it would be
// charged to the contestant that runs when the heap is full, and cost what the rest of this
// program makes it cost; what each adds to it is a figure of its own.
func measure(loads []*load, rounds int, slice time.Duration) error {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for _, l := range loads {
		if err := l.calibrate(slice); err != nil {
			return err
		}
		runtime.GC()
	}
	for round := range rounds {
		for _, i := range rand.New(rand.NewPCG(uint64(round), 0)).Perm(len(loads)) {
			c, err := loads[i].run()
			if err != nil {
				return err
			}
			loads[i].rounds = append(loads[i].rounds, c)
			runtime.GC()
		}
	}
	return nil
}

// calibrate warms a load up and finds how many operations fill slice.
func (l *load) calibrate(slice time.Duration) error {
	for l.count = 1; ; l.count *= 2 {
		c, err := l.run()
		if err != nil {
			return err
		}
		if took := c.nanoseconds * float64(l.count); took >= float64(slice)/2 {
			l.count = max(1, int(float64(l.count)*float64(slice)/took))
			return nil
		}
	}
}

// run is one round: count operations, on one goroutine or on as many as there are
// processors. The time is that of all divided by their number.
func (l *load) run() (cost, error) {
	workers := 1
	if l.parallel {
		workers = runtime.GOMAXPROCS(0)
	}
	each := (l.count + workers - 1) / workers
	operations, faults := make([]operation, workers), make([]error, workers)
	for w := range workers {
		operations[w] = l.start()
	}
	var group sync.WaitGroup
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	for w := 1; w < workers; w++ {
		group.Go(func() { faults[w] = l.repeat(operations[w], each, w*l.sessions/workers) })
	}
	faults[0] = l.repeat(operations[0], each, 0)
	group.Wait()
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	l.started += each
	for _, err := range faults {
		if err != nil {
			return cost{}, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	n := float64(each * workers)
	return cost{
		nanoseconds: float64(took) / n,
		allocations: float64(after.Mallocs-before.Mallocs) / n,
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / n,
	}, nil
}

// repeat does an operation n times, for one session after the other.
func (l *load) repeat(do operation, n, ahead int) error {
	i := (l.started + ahead) % l.sessions
	for range n {
		if err := do(i); err != nil {
			return err
		}
		if i++; i == l.sessions {
			i = 0
		}
	}
	return nil
}

// median is a load's cost, each figure for itself.
func (l *load) median() cost {
	return cost{
		nanoseconds: median(l.rounds, func(c cost) float64 { return c.nanoseconds }),
		allocations: median(l.rounds, func(c cost) float64 { return c.allocations }),
		bytes:       median(l.rounds, func(c cost) float64 { return c.bytes }),
	}
}

// least is the cost of the fastest round.
func (l *load) least() cost {
	return slices.MinFunc(l.rounds, func(a, b cost) int { return cmp.Compare(a.nanoseconds, b.nanoseconds) })
}

func median(rounds []cost, of func(cost) float64) float64 {
	values := make([]float64, len(rounds))
	for i, c := range rounds {
		values[i] = of(c)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
