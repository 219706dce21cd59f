package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A load is many browsers at work.
type load struct {
	browsers []*browser
	// gate stops all browsers between two steps: each step holds it for reading.
	gate sync.RWMutex
	done atomic.Bool

	mu     sync.Mutex
	total  tally
	errors []error
	giveUp context.CancelFunc
	worked time.Duration
}

// maxErrors is how many errors are enough: the server may be gone.
const maxErrors = 10

// run lets the browsers work for a while. At each quarter of it they pause, and
// look is called with the number of the quarter. It ends early with ctx, with an
// error of look, or when the browsers have met too many.
func (l *load) run(ctx context.Context, length time.Duration, look func(quarter int) error) error {
	ctx, l.giveUp = context.WithCancel(ctx)
	defer l.giveUp()
	l.total = newTally()
	var working sync.WaitGroup
	for _, b := range l.browsers {
		working.Go(func() { l.work(b) })
	}
	var err error
	for quarter := 1; quarter <= 4 && err == nil; quarter++ {
		begun := time.Now()
		select {
		case <-time.After(length / 4):
		case <-ctx.Done():
		}
		l.gate.Lock()
		l.worked += time.Since(begun)
		if err = ctx.Err(); err == nil {
			err = look(quarter)
		}
		if quarter == 4 || err != nil {
			l.done.Store(true)
		}
		l.gate.Unlock()
	}
	working.Wait()
	for _, b := range l.browsers {
		b.leave()
	}
	return err
}

// work takes one step after the other, until the load is done.
func (l *load) work(b *browser) {
	took := newTally()
	for l.step(b, took) {
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.add(took)
}

func (l *load) step(b *browser, took tally) bool {
	l.gate.RLock()
	defer l.gate.RUnlock()
	if l.done.Load() {
		return false
	}
	at := b.next()
	begun := time.Now()
	if err := kinds[at].take(b); err != nil {
		l.fail(fmt.Errorf("%s: %w", kinds[at].name, err))
		b.forget()
		return true
	}
	took[at] = append(took[at], time.Since(begun))
	return true
}

// counts adds up what the browsers did. They must not be at work.
func (l *load) counts() (sum counts) {
	for _, b := range l.browsers {
		sum.signOuts += b.signOuts
		sum.updates += b.updates
	}
	return sum
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.errors = append(l.errors, err); len(l.errors) >= maxErrors {
		l.giveUp()
	}
}
