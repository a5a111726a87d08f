//go:build !(amd64 || arm64) || purego || race

package release

import (
	"sync/atomic"
	"unsafe"
)

// Store stores v in *word after every store that the caller made before.
func Store(word *atomic.Uint64, v uint64) { word.Store(v) }

// Mirror stores end in line[1] (the stamp), then copies n bytes from rec to line[2:], then stores end in line[0], each
// visible before the next. n is a positive multiple of 16. line and rec are aligned to 8; line has room for 16+n bytes,
// rec has n. Readers may copy while it is written, and find out by the stamp: the race detector looks away.
//
//go:norace
func Mirror(line *atomic.Uint64, rec *byte, end uint64, n int) {
	words := unsafe.Slice(line, 2+n/8)
	words[1].Store(end)
	words[1].Load() // an acquiring load: on arm64 plain stores may pass a releasing store, but not this
	to, from := unsafe.Slice((*uint64)(unsafe.Pointer(&words[2])), n/8), unsafe.Slice((*uint64)(unsafe.Pointer(rec)), n/8)
	for i, w := range from { // not copy, which tells the race detector all the same
		to[i] = w
	}
	words[0].Store(end)
}

// Free stores 0 in the lower half of *word, after every store that the caller made before, and returns the upper half.
// Others change the word by compare-and-swap on all of it only. On amd64 the load may come before the store is visible.
// The two cache lines behind that of next, where the caller is going to store, are fetched meanwhile: else the next
// compare-and-swap would wait for them.
func Free(word *atomic.Uint32, _ *byte) (upper uint16) { return uint16(word.And(0xffff_0000) >> 16) }
