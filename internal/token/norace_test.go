//go:build !race

package token_test

// allocations are the most that a sum may take: for its text.
const allocations = 2
