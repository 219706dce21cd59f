//go:build !race

package ginauth_test

// raceDetector says that the race detector watches.
const raceDetector = false
