package shm

import (
	"fmt"
	"io/fs"
	"math"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Options say what to map and how. The zero value maps all of the file.
type Options struct {
	// Offset is the first byte of the file that is mapped; it need not be a multiple of anything.
	Offset int64
	// Length is how many bytes are mapped; 0 means to the end of the file. What is not there is ErrBeyondEOF, unless Grow.
	Length int

	// Grow makes the file long enough for Offset and Length and gives the range its disk blocks, so that a full disk is an
	// error now and not a fault later. It needs ReadWrite.
	Grow bool
	// Sparse lets Grow and Resize make the file longer without disk blocks: the first store into a page takes one, and is
	// a fault when there is none.
	Sparse bool
	// Reserve is how many bytes of address space are kept for the range, rounded up to whole pages. Up to there Resize never
	// moves it, so that slices from Bytes stay valid when it grows; beyond, Resize answers ErrRange. 0 reserves nothing.
	Reserve int

	// Populate brings all pages in before the map is returned; a page that cannot be read is an error.
	Populate bool
	// NoReserve sets no swap space aside for private pages, where the system knows that.
	NoReserve bool
	// NoTrack keeps no descriptor of the file. FileSize, File, Send and Resize then answer errors.ErrUnsupported.
	NoTrack bool
	// Exec lets the memory be executed.
	Exec bool
	// Flags are more MAP_* flags of the system, such as MAP_STACK. Those that say what is mapped, or where, are refused.
	Flags int

	// Private makes Anonymous memory of this process alone. Maps of files say CopyOnWrite instead.
	Private bool
	// Name is shown for Anonymous memory in /proc/PID/maps and in errors. It has at most 200 bytes, none of them zero.
	Name string
}

// check says what cannot be, whatever the file.
func (o Options) check(a Access) error {
	switch {
	case o.Offset < 0 || o.Length < 0 || int64(o.Length) > math.MaxInt64-o.Offset:
		return ErrRange
	case o.Length > math.MaxInt-2*pages.Size || o.Reserve < 0 || o.Reserve > math.MaxInt-2*pages.Size:
		return fmt.Errorf("%w: more than this machine can address", ErrRange)
	case o.Reserve > 0 && o.Reserve < o.Length:
		return fmt.Errorf("%w: %d bytes reserved", ErrRange, o.Reserve)
	case pages.Foreign(o.Flags) != 0:
		return fmt.Errorf("%w: flags %#x decide what other options decide", fs.ErrInvalid, pages.Foreign(o.Flags))
	case o.Grow && a != ReadWrite:
		return fmt.Errorf("%w: only a read-write map can make its file grow", ErrReadOnly)
	}
	return nil
}

// onlyFile refuses what has a meaning for Anonymous alone.
func (o Options) onlyFile() error {
	if o.Private || o.Name != "" {
		return fmt.Errorf("%w: Private and Name are for Anonymous", fs.ErrInvalid)
	}
	return nil
}

// within returns the length of the range in a file of size bytes.
func (o Options) within(size int64) (int, error) {
	grow := o.Grow && o.Length > 0
	switch {
	case grow:
		return o.Length, nil
	case size == 0:
		return 0, fmt.Errorf("%w (files in /proc say so of themselves, too: they can be read, not mapped)", ErrEmpty)
	case o.Offset >= size || int64(o.Length) > size-o.Offset:
		return 0, fmt.Errorf("%w: it has %d bytes", ErrBeyondEOF, size)
	case o.Length > 0:
		return o.Length, nil
	case size-o.Offset > math.MaxInt-2*int64(pages.Size):
		return 0, fmt.Errorf("%w: %d bytes are more than this machine can address", ErrRange, size-o.Offset)
	}
	return int(size - o.Offset), nil
}
