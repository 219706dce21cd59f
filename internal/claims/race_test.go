//go:build race

package claims_test

// allocations are the most that the plain case may take: the race detector lets
// sync.Pool forget at random, and encoding/json has one.
const allocations = 5
