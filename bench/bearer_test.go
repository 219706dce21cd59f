package main

import (
	"testing"
	"time"
)

// Each algorithm is measured on both sides, with the same token. How the two compare is a
// figure of the bench: under the race detector, or beside other work, it says nothing.
func TestBearerRatio(t *testing.T) {
	for _, algorithm := range bearerAlgorithms {
		r, err := measureBearer(algorithm, 3, 10*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if r.guarded.nanoseconds <= 0 || r.alone.nanoseconds <= 0 || r.guarded.allocations <= r.alone.allocations {
			t.Errorf("%s: %v", algorithm, r)
		}
		t.Log(r)
	}
}
