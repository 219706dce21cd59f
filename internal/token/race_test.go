//go:build race

package token_test

// allocations are the most that a sum may take: the race detector lets sync.Pool forget
// at random.
const allocations = 20
