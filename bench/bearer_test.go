package main

import (
	"testing"
	"time"
)

// A guarded request with an access token costs at most twice golang-jwt's verification
// of the same token. On a busy machine one measurement may say anything, so each
// algorithm has a few.
func TestBearerRatio(t *testing.T) {
	for _, algorithm := range bearerAlgorithms {
		held := false
		for attempt := 0; attempt < 6 && !held; attempt++ {
			r, err := measureBearer(algorithm, 9, 10*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			held = r.ratio() <= maxBearerRatio
			t.Log(r)
		}
		if !held {
			t.Errorf("%s: missed each time", algorithm)
		}
	}
}
