//go:build race

package ring_test

// slower is how many times fewer rounds some tests make under the race detector.
const slower = 5
