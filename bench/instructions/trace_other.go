//go:build !linux

package instructions

// IsChild reports whether Counts has started this process: it cannot have.
func IsChild() bool { return false }

// Child is never called.
func Child() {}

// Counts answers ErrNotHere.
func Counts(string, ...string) ([]Count, error) { return nil, ErrNotHere }

// Functions answers ErrNotHere.
func Functions(string, string) (map[string]float64, error) { return nil, ErrNotHere }
