package shm

import (
	"errors"
	"fmt"
	"os"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Granularity is what offsets need not be a multiple of here, but are in the kernel: the size of a page in bytes.
func Granularity() int { return pages.Size }

var errNoDescriptor = fmt.Errorf("the map keeps no descriptor: %w", errors.ErrUnsupported)

// Bytes returns the mapped range itself, nil once closed. It is valid until Close, and until a Resize that does not grow
// within Options.Reserve; used later it may show other memory. Its capacity ends where the range ends. It is aligned to 8
// if Offset is. Accessing it is not protected: see Guard and Use.
func (m *Map) Bytes() []byte {
	if !m.enter() {
		return nil
	}
	defer m.mu.RUnlock()
	return m.data
}

// Len returns the length of the range in bytes, 0 once closed.
func (m *Map) Len() int { return len(m.Bytes()) }

// Offset returns where in the file the range starts.
func (m *Map) Offset() int64 {
	if m == nil {
		return 0
	}
	return m.offset
}

// Access returns what may be done with the memory; Protect changes it.
func (m *Map) Access() Access {
	if !m.enter() {
		return ReadOnly
	}
	defer m.mu.RUnlock()
	return m.access
}

// Closed reports whether the map was closed, or never was open.
func (m *Map) Closed() bool {
	if !m.enter() {
		return true
	}
	m.mu.RUnlock()
	return false
}

// FileSize returns the size of the file now, in bytes; it may differ from Offset and Len when others changed the file, or
// when a part of it is mapped. For private memory it is Len.
//
// Errors: ErrClosed; errors.ErrUnsupported if the map keeps no descriptor (NoTrack).
func (m *Map) FileSize() (int64, error) {
	if !m.enter() {
		return 0, m.fail("stat", ErrClosed)
	}
	defer m.mu.RUnlock()
	if m.memory {
		return int64(len(m.data)), nil
	}
	if m.own == none {
		return 0, m.fail("stat", errNoDescriptor)
	}
	size, err := fileSize(m.own)
	if err != nil {
		return 0, m.fail("stat", err)
	}
	return size, nil
}

// File returns a new descriptor of the file, which the caller closes. Put into exec.Cmd.ExtraFiles it hands the memory to
// a child process, which maps it with MapFD.
//
// Errors: ErrClosed; errors.ErrUnsupported for private memory, and if the map keeps no descriptor (NoTrack).
func (m *Map) File() (*os.File, error) {
	f, _, _, err := m.share("file")
	return f, err
}

// share returns a new descriptor of the file, and the range that the map has of it.
func (m *Map) share(op string) (f *os.File, off int64, n int, err error) {
	if !m.enter() {
		return nil, 0, 0, m.fail(op, ErrClosed)
	}
	defer m.mu.RUnlock()
	if m.own == none {
		return nil, 0, 0, m.fail(op, errNoDescriptor)
	}
	fd, err := duplicate(m.own)
	if err != nil {
		return nil, 0, 0, m.fail(op, err)
	}
	return os.NewFile(uintptr(fd), m.name), m.offset, len(m.data), nil
}

// String describes the map and its cursor, for people.
func (m *Map) String() string {
	if !m.enterCursor() {
		return "shm.Map{closed}"
	}
	defer m.cursor.Unlock()
	defer m.mu.RUnlock()
	return fmt.Sprintf("shm.Map{%s, %s, offset %d, length %d, position %d}", m.name, m.access, m.offset, len(m.data),
		m.cursor.at)
}
