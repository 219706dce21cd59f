//go:build !race

package tests

// raceDetector says that the race detector watches.
const raceDetector = false
