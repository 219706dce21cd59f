package storetest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ginauth/ginauth"
)

// UpdateIf replaces what was read, to the byte, and nothing else.
func testUpdateIf(s suite) {
	handle := s.create(s.user("ada"), session(1))
	read := func() []byte {
		data, err := s.Get(s.Context(), handle)
		if err != nil {
			s.Fatalf("Get: %v", err)
		}
		return data
	}
	replace := func(old []byte, n int) (string, error) {
		return s.compares.UpdateIf(s.Context(), handle, old, session(n), hour())
	}
	first := read()
	for _, old := range [][]byte{session(2), append([]byte(" "), first...), first[:len(first)-1], {}, nil, []byte("\x00\xff")} {
		_, err := replace(old, 3)
		s.is("UpdateIf of what is not there", err, ginauth.ErrConflict)
		s.holds("after it", handle, session(1))
	}
	next, err := replace(first, 4)
	s.is("UpdateIf", err, nil)
	s.holds("after it", next, session(4))
	_, err = replace(first, 5)
	s.is("UpdateIf of what was replaced", err, ginauth.ErrConflict)
	// The same data again, with a new end, is an update too.
	same := read()
	_, err = s.compares.UpdateIf(s.Context(), handle, same, same, hour())
	s.is("UpdateIf that changes nothing", err, nil)
	_, err = s.compares.UpdateIf(s.Context(), handle, same, same, hour())
	s.is("UpdateIf that changes nothing, again", err, nil)
	if s.users != nil {
		s.lists("afterwards", s.user("ada"), session(4))
	}
}

// Of many that replace what they all have read, one does. Each that reads again and
// tries again succeeds once, and no change is lost.
func testUpdateIfAtOnce(s suite) {
	const callers, each = 8, 5
	handle := s.create(s.user("ada"), session(0))
	read, err := s.Get(s.Context(), handle)
	s.is("Get", err, nil)
	var won atomic.Int64
	atOnce(callers, func(int) {
		_, err := s.compares.UpdateIf(s.Context(), handle, read, session(1), hour())
		if err == nil {
			won.Add(1)
			return
		}
		s.is("UpdateIf", err, ginauth.ErrConflict)
	})
	if won.Load() != 1 {
		s.Errorf("%d of %d calls replaced the same data", won.Load(), callers)
	}
	numbers := map[string]int{}
	for i := range callers*each + 2 {
		numbers[string(session(i))] = i
	}
	atOnce(callers, func(int) {
		for done := 0; done < each; {
			now, err := s.Get(s.Context(), handle)
			if err != nil {
				s.Errorf("Get: %v", err)
				return
			}
			n := -1
			for text, i := range numbers {
				if sameJSON([]byte(text), now) {
					n = i
				}
			}
			_, err = s.compares.UpdateIf(s.Context(), handle, now, session(n+1), hour())
			if err == nil {
				done++
			} else if !errors.Is(err, ginauth.ErrConflict) {
				s.Errorf("UpdateIf: %v", err)
				return
			}
		}
	})
	s.holds("after all increments", handle, session(1+callers*each))
}

// A lock is one caller's until it is released, whatever its name; other names are free.
func testLock(s suite) {
	for _, name := range append(names(), "") {
		release, err := s.locks.Lock(s.Context(), s.user(name))
		if err != nil {
			s.Fatalf("Lock of %.20q: %v", name, err)
		}
		defer release()
	}
	name := s.user("held")
	release, err := s.locks.Lock(s.Context(), name)
	s.is("Lock", err, nil)
	soon, cancel := context.WithTimeout(s.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := s.locks.Lock(soon, name); err == nil || errors.Is(err, ginauth.ErrNotFound) {
		s.Errorf("Lock of what another one holds: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		s.Errorf("Lock went on for %v after its context", took)
	}
	release()
	again, err := s.locks.Lock(s.Context(), name)
	s.is("Lock after release", err, nil)
	release() // once more: it is not the caller's any longer
	soon, cancel = context.WithTimeout(s.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.locks.Lock(soon, name); err == nil {
		s.Error("a release that came twice gave another one's lock away")
	}
	again()
}

// Of many that want a lock one has it at a time, and all get it.
func testLockAtOnce(s suite) {
	const callers, each = 8, 3
	name := s.user(strings.Repeat("lock", 100))
	var inside, most, times atomic.Int64
	atOnce(callers, func(int) {
		for range each {
			release, err := s.locks.Lock(s.Context(), name)
			if err != nil {
				s.Errorf("Lock: %v", err)
				return
			}
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			times.Add(1)
			inside.Add(-1)
			release()
		}
	})
	if most.Load() != 1 || times.Load() != callers*each {
		s.Errorf("%d held the lock at once, and %d in all, want %d", most.Load(), times.Load(), callers*each)
	}
}

// A process that dies with a lock holds up nobody for longer than 15 seconds.
func testLockAbandoned(s suite) {
	if testing.Short() {
		s.Skip("it takes 15 seconds")
	}
	name := s.user("abandoned")
	if _, err := s.locks.Lock(s.Context(), name); err != nil {
		s.Fatalf("Lock: %v", err)
	}
	ctx, cancel := context.WithTimeout(s.Context(), 25*time.Second)
	defer cancel()
	release, err := s.locks.Lock(ctx, name)
	if err != nil {
		s.Fatalf("Lock of what was abandoned 25 seconds ago: %v", err)
	}
	release()
}
