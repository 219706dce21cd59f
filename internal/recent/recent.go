// Package recent remembers things for a while, in bounded memory. Each costs the same:
// nothing is ever swept. It does not know what it remembers, and has no clock: callers
// pass the time.
package recent

import (
	"maps"
	"time"
)

// A Map remembers each entry for its life at the least, unless a flood of entries
// follows. It has two maps: when the newer one is old or full, it replaces the older
// one, whose entries are forgotten. Only Put forgets entries for their age. Make a Map
// with New. It is not safe for concurrent use, except that several goroutines may call
// Get at once.
type Map[K comparable, V any] struct {
	life         time.Duration
	most         int
	newer, older map[K]V
	turned       time.Time
}

// New makes a Map. It holds at most twice as many entries as most.
func New[K comparable, V any](life time.Duration, most int) *Map[K, V] {
	return &Map[K, V]{life: life, most: most, newer: map[K]V{}}
}

// Get returns the entry of a key, and false if there is none.
func (m *Map[K, V]) Get(key K) (V, bool) {
	value, ok := m.newer[key]
	if !ok {
		value, ok = m.older[key]
	}
	return value, ok
}

// Put remembers an entry from now on. If the clock was set back, the newer map counts
// as old: its age is not known.
func (m *Map[K, V]) Put(key K, value V, now time.Time) {
	if age := now.Sub(m.turned); age < 0 || age >= m.life || len(m.newer) >= m.most {
		m.newer, m.older = make(map[K]V, len(m.newer)), m.newer
		m.turned = now
	}
	m.newer[key] = value
}

// Delete forgets the entry of a key.
func (m *Map[K, V]) Delete(key K) {
	delete(m.newer, key)
	delete(m.older, key)
}

// DeleteFunc forgets the entries whose keys satisfy del.
func (m *Map[K, V]) DeleteFunc(del func(K) bool) {
	for _, entries := range [...]map[K]V{m.newer, m.older} {
		maps.DeleteFunc(entries, func(key K, _ V) bool { return del(key) })
	}
}

// Clear forgets everything.
func (m *Map[K, V]) Clear() {
	clear(m.newer)
	clear(m.older)
}
