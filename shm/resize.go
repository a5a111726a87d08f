package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/mmring/mmring/shm/internal/pages"
)

// Resize makes the map n bytes long. Slices from Bytes are then invalid, because the memory may have moved, unless it
// grew within Options.Reserve. The cursor stays, even if that is behind the end. Advice and Lock hold for what was mapped
// before: give them again.
//
// To grow makes the file longer if it is too short, and gives the new range disk blocks unless the map is Sparse; memory
// without a file grows with zeros. To shrink cuts the file only if the map reaches its end: what was not mapped is never
// lost. If Resize fails, nothing has changed; if the file is made longer by others at the same time, they must agree.
//
// Errors: ErrClosed; ErrRange if n is not positive, cannot be, or is beyond the reservation; ErrReadOnly for a read-only
// map; fs.ErrPermission for a copy-on-write one; ErrPinned while a Use is running; ErrBeyondEOF for a device, which cannot
// grow; errors.ErrUnsupported if the map keeps no descriptor (NoTrack); or what the kernel answers: ENOSPC, EFBIG beyond RLIMIT_FSIZE, EPERM for sealed memory, ENOMEM.
func (m *Map) Resize(n int) error {
	if m == nil {
		return m.fail("resize", ErrClosed)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.resizable(n)
	switch {
	case err != nil:
	case n > len(m.data):
		err = m.grow(n)
	case n < len(m.data):
		err = m.shrink(n)
	}
	if err != nil {
		return m.fail("resize", fmt.Errorf("%d bytes at offset %d, to %d: %w", len(m.data), m.offset, n, err))
	}
	return nil
}

// resizable says why the map cannot have n bytes.
func (m *Map) resizable(n int) error {
	switch {
	case m.data == nil:
		return ErrClosed
	case n <= 0 || n > math.MaxInt-2*m.unit || int64(n) > math.MaxInt64-int64(m.unit)-m.offset:
		return ErrRange
	case m.fixed && m.whole(n) > len(m.area):
		return fmt.Errorf("%w: %d bytes are reserved", ErrRange, len(m.area)-m.pad())
	case m.access == ReadOnly:
		return ErrReadOnly
	case m.access == CopyOnWrite:
		return fmt.Errorf("%w: a copy-on-write map cannot change its file", fs.ErrPermission)
	case m.own == none && !m.memory:
		return errNoDescriptor
	case m.pins.Load() > 0 && !(m.fixed && n >= len(m.data)):
		return ErrPinned
	}
	return nil
}

func (m *Map) grow(n int) error {
	if m.memory {
		return m.remap(n)
	}
	s, err := statOf(m.own)
	if err != nil {
		return err
	}
	end := m.fileEnd(n)
	switch {
	case s.regular():
		err = extend(m.own, m.offset+int64(len(m.data)), end, s.size, m.sparse)
	case end > s.size:
		err = fmt.Errorf("%w: it has %d bytes, and a device cannot grow", ErrBeyondEOF, s.size)
	}
	if err != nil {
		return err
	}
	if err = m.remap(n); err != nil && end > s.size {
		_ = truncate(m.own, s.size) // as it was
	}
	return err
}

func (m *Map) shrink(n int) error {
	if m.memory {
		clear(m.base[m.pad()+n : m.whole(n)]) // to grow again shows zeros
	} else {
		s, err := statOf(m.own)
		if err != nil {
			return err
		}
		if end := m.fileEnd(n); s.regular() && end < s.size && s.size <= m.fileEnd(len(m.data)) {
			if err := truncate(m.own, end); err != nil {
				return err
			}
		}
	}
	// Cutting the file comes first because it may fail. Pages that stay mapped behind the range harm nobody.
	m.data = m.data[:n:n]
	keep, tail := m.base[:m.whole(n)], m.base[m.whole(n):]
	switch {
	case len(tail) == 0:
	case m.fixed && pages.ReserveOver(tail) == nil:
		m.base = keep
	case !m.fixed && pages.Unmap(tail) == nil:
		m.base, m.area = keep, keep
	}
	return nil
}

// remap maps n bytes of a file that has them, or of memory without a file.
func (m *Map) remap(n int) error {
	length := m.whole(n)
	switch {
	case length <= len(m.base):
	case m.fixed:
		s := m.source
		s.Offset += int64(len(m.base))
		if err := pages.MapOver(m.area[len(m.base):length], s); err != nil {
			return err
		}
		m.base = m.area[:length]
	default:
		base, err := m.moved(length)
		if err != nil {
			return err
		}
		m.base, m.area = base, base
	}
	m.data = m.base[m.pad() : m.pad()+n : m.pad()+n]
	return nil
}

// moved returns the pages with another length, wherever they are then.
func (m *Map) moved(length int) ([]byte, error) {
	base, err := pages.Remap(m.base, length)
	if err == nil {
		return base, nil
	}
	// Parts with advice of their own, or a system that cannot: a second map is as good, once it has the private bytes.
	base, second := pages.Map(m.source, length)
	switch {
	case second == nil:
	case errors.Is(err, errors.ErrUnsupported):
		return nil, second
	default:
		return nil, err
	}
	if m.memory {
		copy(base, m.base)
	}
	_ = pages.Unmap(m.base) // unmapping what is mapped does not fail
	return base, nil
}
