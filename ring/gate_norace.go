//go:build !race

package ring

// storeInside is a plain store: the barrier of close makes it seen.
func storeInside(word *uint32, v uint32) { *word = v }

// loadInside is a plain load of what this goroutine has stored, or, misused, another one.
func loadInside(word *uint32) uint32 { return *word }
