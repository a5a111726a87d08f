//go:build (amd64 || arm64) && !purego && !race

package release

import "sync/atomic"

// Store stores v in *word after every store that the caller made before. Later loads may come before it.
//
//go:noescape
func Store(word *atomic.Uint64, v uint64)

// Mirror stores end in line[1] (the stamp), then copies n bytes from rec to line[2:], then stores end in line[0], each
// visible before the next. n is a positive multiple of 16. line and rec are aligned to 8; line has room for 16+n bytes,
// rec has n.
//
//go:noescape
func Mirror(line *atomic.Uint64, rec *byte, end uint64, n int)

// Free stores 0 in the lower half of *word, after every store that the caller made before, and returns the upper half.
// Others change the word by compare-and-swap on all of it only. On amd64 the load may come before the store is visible.
// The two cache lines behind that of next, where the caller is going to store, are fetched meanwhile: else the next
// compare-and-swap would wait for them.
//
//go:noescape
func Free(word *atomic.Uint32, next *byte) (upper uint16)
