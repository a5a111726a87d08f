// Package view lays atomic words over shared memory.
//
// A word is named by its byte offset; offset and alignment are checked here, once, when a handle is opened, because
// checkptr knows nothing of mapped memory. The words live as long as the memory under them: whoever unmaps it makes sure
// that no call is inside.
package view

import (
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Uint64 returns the 64-bit word at byte offset off of mem. It panics if the word is not wholly inside mem or not
// aligned to 8: both are errors of the caller, never of a file.
func Uint64(mem []byte, off int) *atomic.Uint64 {
	return (*atomic.Uint64)(word(mem, off, 8))
}

// Uint32 is Uint64 for a 32-bit word aligned to 4.
func Uint32(mem []byte, off int) *atomic.Uint32 {
	return (*atomic.Uint32)(word(mem, off, 4))
}

// Address returns the address of the first byte of mem, to compare with the address of a fault.
func Address(mem []byte) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(mem)))
}

// Aligned returns n zeroed bytes of the heap, aligned to 8: memory for a ring that the race detector can see.
func Aligned(n int) []byte {
	words := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n)
}

func word(mem []byte, off, size int) unsafe.Pointer {
	if off < 0 || off > len(mem)-size {
		panic(fmt.Sprintf("view: word of %d bytes at %d outside of %d bytes", size, off, len(mem)))
	}
	p := unsafe.Pointer(&mem[off])
	if uintptr(p)%uintptr(size) != 0 {
		panic(fmt.Sprintf("view: word of %d bytes at %d is not aligned", size, off))
	}
	return p
}
