package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Errors come in a *fs.PathError, which names operation and path; its text names offset and length, too. Faults are
// *FaultError, what a system does not have is errors.ErrUnsupported, the end of the range is a bare io.EOF, and what the
// kernel refuses is its syscall.Errno.
var (
	// ErrClosed says that the map is closed, or never was open. It is os.ErrClosed.
	ErrClosed = os.ErrClosed
	// ErrReadOnly says that the map cannot be changed. errors.Is(ErrReadOnly, fs.ErrPermission) holds.
	ErrReadOnly = fmt.Errorf("map is not writable: %w", fs.ErrPermission)
	// ErrRange says that offset, length or position cannot be, or that what is written does not fit.
	ErrRange = errors.New("range out of bounds")
	// ErrEmpty says that the file has no bytes to map.
	ErrEmpty = errors.New("empty file cannot be mapped")
	// ErrBeyondEOF says that the range ends behind the file's end.
	ErrBeyondEOF = errors.New("range ends beyond the end of the file")
	// ErrPinned says that the memory cannot move now, because a Use is running.
	ErrPinned = errors.New("memory is in use")
)

// fail wraps an error of the whole map.
func (m *Map) fail(op string, err error) error {
	if m == nil || m.name == "" { // it never was open
		return &fs.PathError{Op: op, Path: "map", Err: err}
	}
	return &fs.PathError{Op: op, Path: m.name, Err: err}
}

// failAt wraps an error of n bytes at off in the map.
func (m *Map) failAt(op string, off int64, n int, err error) error {
	return m.fail(op, fmt.Errorf("%d bytes at offset %d: %w", n, off, err))
}

// outside is failAt for a range that is not in the map. The caller is inside the map.
func (m *Map) outside(op string, off int64, n int) error {
	return m.failAt(op, off, n, fmt.Errorf("%w: the map has %d bytes", ErrRange, len(m.data)))
}
