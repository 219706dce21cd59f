package redisstore

import "time"

// Parse reads a record for the fuzzer.
func Parse(raw string, now time.Time) ([]byte, error) {
	r, err := parse(raw, now)
	return r.Data, err
}
