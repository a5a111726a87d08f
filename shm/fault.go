package shm

import (
	"fmt"
	"runtime/debug"
	"syscall"

	"github.com/mmring/mmring/internal/fault"
	"github.com/mmring/mmring/internal/view"
	"github.com/mmring/mmring/shm/internal/pages"
)

// FaultError says that mapped memory could not be accessed. The process lives, the map can still be used where its pages
// are, and it can be closed. A copy that was under way may have been done in part.
type FaultError struct {
	Op     string // the method, or "guard"
	Path   string
	Offset int64  // in the file: somewhere in the access, not always its first byte
	Length int    // of the map, in bytes
	Access Access // of the map
	// Err is the cause: ErrBeyondEOF when the file was cut short, ErrReadOnly for a store, syscall.ENOSPC when the disk has
	// no room for a hole, syscall.EIO when a page cannot be read, ErrClosed when the map is closed meanwhile, and
	// syscall.EFAULT when there is no descriptor to ask (NoTrack).
	Err error
}

// Error says all of it in one line.
func (e *FaultError) Error() string {
	return fmt.Sprintf("%s %s: memory fault at offset %d of the file, %s map of %d bytes: %v",
		e.Op, e.Path, e.Offset, e.Access, e.Length, e.Err)
}

// Unwrap returns the cause.
func (e *FaultError) Unwrap() error { return e.Err }

// Contains reports whether an address, of a fault, lies in the pages of the map. It is false once the map is closed.
func (m *Map) Contains(addr uintptr) bool {
	if !m.enter() {
		return false
	}
	defer m.mu.RUnlock()
	return holds(m.base, addr)
}

func holds(b []byte, addr uintptr) bool {
	start := view.Address(b)
	return len(b) > 0 && addr >= start && addr-start < uintptr(len(b))
}

// leave is deferred by calls that touch the mapped bytes. It ends what enter began, puts the goroutine's panic switch
// back, and makes a fault in the map the call's error; every other panic goes on as it was.
func (m *Map) leave(op string, old bool, err *error) {
	r := recover()
	if r != nil {
		if e := m.faulted(op, r, m.base); e != nil {
			*err, r = e, nil
		}
	}
	debug.SetPanicOnFault(old)
	m.mu.RUnlock()
	if r != nil {
		panic(r)
	}
}

// faulted returns the fault that r, a recovered panic, is in those pages of the map, or nil. The map must not change
// meanwhile.
func (m *Map) faulted(op string, r any, base []byte) error {
	addr, ok := fault.Addr(r)
	if !ok || !holds(base, addr) {
		return nil
	}
	return m.faultAt(op, base, int(addr-view.Address(base)))
}

// faultAt describes a fault in byte i of the pages.
func (m *Map) faultAt(op string, base []byte, i int) *FaultError {
	e := &FaultError{Op: op, Path: m.name, Offset: m.source.Offset + int64(i), Length: len(m.data), Access: m.access}
	page := pages.Down(i, pages.Size)
	e.Err = m.cause(e.Offset, base[page:page+pages.Size])
	return e
}

// cause finds out why a page cannot be accessed.
func (m *Map) cause(off int64, page []byte) error {
	reads := readable(page)
	if m.access == ReadOnly && reads {
		return ErrReadOnly
	}
	if m.own == none {
		return syscall.EFAULT
	}
	size, err := fileSize(m.own)
	switch {
	case err != nil:
		return err
	case off-off%int64(pages.Size) >= size:
		return fmt.Errorf("%w: the file has %d bytes now", ErrBeyondEOF, size)
	case reads || freeSpace(m.own) == 0: // what can be read and not be written lacks a block
		return syscall.ENOSPC
	}
	return syscall.EIO
}

// readable tries whether the page can be read.
func readable(page []byte) (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() == nil }()
	touch(page)
	return true
}
