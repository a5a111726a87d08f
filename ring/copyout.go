package ring

// Observers copy bytes that the writer may be overwriting and look afterwards whether it did (V1, V2). The race detector
// is told to look away from exactly these loads.

// loadWord loads eight bytes once.
//
//go:norace
func loadWord(b []byte) uint64 { return le.Uint64(b) }
