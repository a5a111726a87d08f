package ring

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mmring/mmring/lock"
)

// Errors that a caller may want to tell apart. Every error of this package is a *fs.PathError that names the operation
// and the ring's path and wraps one of these or one of the standard ones (fs.ErrExist, fs.ErrNotExist, fs.ErrPermission,
// os.ErrClosed, io.EOF, io.ErrShortBuffer, errors.ErrUnsupported, the context's cause, a syscall.Errno).
var (
	// ErrFull answers TryPublish when a registered reader holds the writer back.
	ErrFull = errors.New("ring is full")
	// ErrTooLarge says that a record does not fit, however long one waits.
	ErrTooLarge = errors.New("record too large")
	// ErrCorrupt says that the file contradicts itself.
	ErrCorrupt = errors.New("ring is corrupt")
	// ErrNotRing says that the file is something else.
	ErrNotRing = errors.New("not a ring")
	// ErrVersion says that the ring was made by a newer mmring.
	ErrVersion = errors.New("unknown format")
	// ErrBusy says that somebody who is alive has the role, the slot or the name, or answers TryPublish while another shared
	// writer is publishing.
	ErrBusy = lock.ErrBusy
	// ErrEnded says that the ring's last writer ended it: no record will come.
	ErrEnded = errors.New("ring has ended")
	// ErrEvicted says that this reader held the writer back too long and was dropped. As an *Evicted it says how far it was.
	ErrEvicted = errors.New("reader was evicted")
	// ErrClaimed says that a claim is out: it is committed or aborted before anything else.
	ErrClaimed = errors.New("a claim is out")
	// ErrLeased says that leases are out: they are released before what was asked for can be done.
	ErrLeased = errors.New("leases are out")
	// ErrWindow says that as many records are out, as leases or in a group, as may be at a time (in a group also: that each claim
	// that a member may have holds one that is not done): one is released, or done, before the next.
	ErrWindow = errors.New("window is full")
	// ErrNoSlot says that all slots are taken by living readers or durable cursors.
	ErrNoSlot = errors.New("no free slot")
	// ErrName says that a reader's name is too long or has bytes that a terminal would mind.
	ErrName = errors.New("bad name")
	// ErrLost says that the file went away under the mapping: truncated, deleted or replaced.
	ErrLost = errors.New("ring file was lost")
	// ErrMisuse says that two goroutines used one handle at a time, or one used what had ended.
	ErrMisuse = errors.New("handle misused")
	// ErrFS says that the file system cannot carry a ring.
	ErrFS = errors.New("file system not supported")
	// ErrOwner says that the ring belongs to somebody else.
	ErrOwner = errors.New("foreign owner")
	// ErrNoTimes says that a ring without timestamps was asked for a time.
	ErrNoTimes = errors.New("ring has no timestamps")
	// ErrConfig says that a ring cannot be made as asked.
	ErrConfig = errors.New("bad configuration")
)

// What became of a lost file, where another may take its place.
var (
	errReplaced = fmt.Errorf("%w: another file has taken its place", ErrLost)
	errUnlinked = fmt.Errorf("%w: its path leads nowhere", ErrLost)
)

// errGone is what became of a mapping that was used.
var errGone = fmt.Errorf("%w: a mapped page is gone (truncated file or failing disk)", ErrLost)

// errConcurrent is what the second of two goroutines gets.
var errConcurrent = fmt.Errorf("%w: another goroutine is using it", ErrMisuse)

// fail wraps err with operation and path. An error of the same path only gets its operation replaced, so that the text
// names both once.
func fail(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if pe, ok := err.(*fs.PathError); ok && pe.Path == path {
		if pe.Op == op {
			return err
		}
		err = pe.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// corrupt returns an ErrCorrupt that says what disagrees.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
