package ginauth

import (
	"strconv"
	"time"
)

// RescueGrants holds the tokens of n sessions that a store did not take, says of how
// many, and of how many after another one that comes later.
func RescueGrants(n int, later time.Duration) (held, after int) {
	r, now := newRenewals(), time.Now()
	for i := range n {
		r.rescue(strconv.Itoa(i), &grant{}, now)
	}
	held = len(r.unsaved)
	r.rescue("later", &grant{}, now.Add(later))
	return held, len(r.unsaved)
}

// ReadIDToken reads an id_token for the fuzzer.
func ReadIDToken(raw string) (issuer, subject, session string) {
	n := readIDToken(raw)
	return n.Issuer, n.Subject, n.Session
}
