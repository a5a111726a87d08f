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
