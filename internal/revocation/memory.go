package revocation

import (
	"context"
	"sync"
	"time"
)

// A Memory is a Store of one process. Make one with NewMemory. It is safe for
// concurrent use.
type Memory struct {
	mu      sync.RWMutex
	entries map[string]entry
	began   time.Time
	swept   time.Time
}

type entry struct{ at, until time.Time }

// NewMemory makes a Memory.
func NewMemory() *Memory {
	return &Memory{entries: map[string]entry{}, began: time.Now()}
}

// Revoke ends what began at or before at. It is forgotten some time after until.
func (m *Memory) Revoke(_ context.Context, subject string, at, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A clock that is far ahead for a moment must not make it forget what still counts
	// when the clock is right again. time.Since does not see such jumps.
	now := m.began.Add(time.Since(m.began))
	if at.Before(now) {
		now = at
	}
	if now.Sub(m.swept) > time.Hour {
		for s, e := range m.entries {
			if now.After(e.until) {
				delete(m.entries, s)
			}
		}
		m.swept = now
	}
	before := m.entries[subject]
	m.entries[subject] = entry{later(before.at, at), later(before.until, until)}
	return nil
}

// RevokedAt returns the latest revocation of any of the subjects; zero is none.
func (m *Memory) RevokedAt(_ context.Context, subjects ...string) (latest time.Time, _ error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, s := range subjects {
		latest = later(latest, m.entries[s].at)
	}
	return latest, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
