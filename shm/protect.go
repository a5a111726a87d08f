package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Lock keeps the pages of the map in memory until Unlock or Close.
//
// Errors: ErrClosed, or what the kernel answers: ENOMEM or EAGAIN beyond RLIMIT_MEMLOCK or for a page that cannot be
// brought in, EPERM.
func (m *Map) Lock() error {
	if !m.enter() {
		return m.fail("lock", ErrClosed)
	}
	defer m.mu.RUnlock()
	if err := pages.Lock(m.base); err != nil {
		return m.failAt("lock", 0, len(m.data), err)
	}
	return nil
}

// Unlock ends Lock. Errors: ErrClosed, or what the kernel answers.
func (m *Map) Unlock() error {
	if !m.enter() {
		return m.fail("unlock", ErrClosed)
	}
	defer m.mu.RUnlock()
	if err := pages.Unlock(m.base); err != nil {
		return m.failAt("unlock", 0, len(m.data), err)
	}
	return nil
}

// Protect changes what may be done with the memory: ReadOnly takes the right to store from every map, and the access the
// map was made with gives it back. A read-only map becomes ReadWrite if its file was open for writing.
//
// Errors: ErrClosed; fs.ErrPermission if the file was not open for writing; fs.ErrInvalid for an access that does not
// exist, and for private memory that should become shared, or the other way round; or what the kernel answers.
func (m *Map) Protect(a Access) error {
	if m == nil {
		return m.fail("protect", ErrClosed)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.data == nil {
		return m.fail("protect", ErrClosed)
	}
	err := a.check()
	private := m.source.Private && !m.memory
	if err == nil && a != ReadOnly && private != (a == CopyOnWrite) {
		err = fmt.Errorf("%w: the map is %s", fs.ErrInvalid, m.access)
	}
	s := m.source
	s.Write = a != ReadOnly
	if err == nil {
		err = explain(m.own, a, pages.Protect(m.base, s))
	}
	if err != nil {
		return m.fail("protect", fmt.Errorf("%s, %d bytes at offset %d: %w", a, len(m.data), m.offset, err))
	}
	m.access = a
	m.source.Write = m.source.Write || s.Write // what was stored is still to be flushed
	return nil
}

// nameMax is how many bytes the kernel takes of a name, without the zero byte at its end.
const nameMax = 79

// SetName gives Private memory a name that /proc/PID/maps shows: 1 to 79 bytes, printable ASCII other than \ ` $ [ ].
// Shared Anonymous memory has its name from Options.Name.
//
// Errors: ErrClosed; fs.ErrInvalid for a name that cannot be; errors.ErrUnsupported for maps of files, on other systems,
// and on kernels built without names.
func (m *Map) SetName(name string) error {
	if !m.enter() {
		return m.fail("name", ErrClosed)
	}
	defer m.mu.RUnlock()
	bad := len(name) == 0 || len(name) > nameMax
	for i := 0; i < len(name) && !bad; i++ {
		switch c := name[i]; c {
		case '\\', '`', '$', '[', ']':
			bad = true
		default:
			bad = c < ' ' || c > '~'
		}
	}
	err := error(errors.ErrUnsupported)
	switch {
	case bad:
		err = fs.ErrInvalid
	case m.memory:
		var zero [nameMax + 1]byte
		copy(zero[:], name)
		err = pages.Name(m.base, zero[:])
		if err == syscall.EINVAL || err == syscall.EBADF { // the name is right, so this kernel has none
			err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
	}
	if err != nil {
		return m.fail("name", fmt.Errorf("%q: %w", name, err))
	}
	return nil
}
