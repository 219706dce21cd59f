//go:build !race

package claims_test

// allocations are the most that the plain case may take.
const allocations = 3
