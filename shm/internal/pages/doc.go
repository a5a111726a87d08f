// Package pages is the door from shm to the kernel: it maps, changes and unmaps ranges of whole pages.
//
// It keeps no state. Every slice it returns starts at a page; the caller passes the same memory back and sees to it that
// nobody uses what was unmapped.
package pages

import "os"

// Size is the size of a page in bytes, a power of two.
var Size = os.Getpagesize()

// Up rounds n up to a multiple of unit, which is a power of two.
func Up(n, unit int) int { return (n + unit - 1) &^ (unit - 1) }

// Down rounds n down to a multiple of unit, which is a power of two.
func Down(n, unit int) int { return n &^ (unit - 1) }

// Source says what pages show and what may be done with them.
type Source struct {
	FD        int   // the file, or -1: zeroed memory of nobody else
	Offset    int64 // of the first page in the file, a multiple of Size
	Write     bool
	Exec      bool
	Private   bool // stores stay in this process
	NoReserve bool // no swap is set aside
	Flags     int  // more MAP_* flags
}
