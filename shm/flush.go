package shm

import (
	"fmt"
	"io/fs"

	"github.com/mmring/mmring/shm/internal/pages"
)

// FlushFlag changes what FlushRange does. Flags are or-ed.
type FlushFlag int

const (
	// FlushAsync starts writing and does not wait for its end.
	FlushAsync FlushFlag = 1 << iota
	// FlushInvalidate makes other maps of the file show what is in it now, on systems where they may differ.
	FlushInvalidate
)

// Flush returns when what was stored in the range is on the disk. Other processes need no flush to see it. For maps that
// do not write into the file it does nothing.
//
// Errors: ErrClosed, or what the kernel answers (EIO).
func (m *Map) Flush() error {
	if !m.enter() {
		return m.fail("flush", ErrClosed)
	}
	defer m.mu.RUnlock()
	return m.flush(0, len(m.data), 0)
}

// FlushRange is Flush for n bytes at off, which need not be multiples of anything. The kernel writes whole pages.
//
// Errors: ErrClosed; ErrRange if the bytes are not all in the map; fs.ErrInvalid for unknown flags; or what the kernel
// answers: EBUSY for FlushInvalidate of locked pages, EINVAL for flags that this system does not know together.
func (m *Map) FlushRange(off, n int, flags ...FlushFlag) error {
	if !m.enter() {
		return m.failAt("flush", int64(off), n, ErrClosed)
	}
	defer m.mu.RUnlock()
	if off < 0 || n < 0 || n > len(m.data)-off {
		return m.outside("flush", int64(off), n)
	}
	var all FlushFlag
	for _, f := range flags {
		all |= f
	}
	if all&^(FlushAsync|FlushInvalidate) != 0 {
		return m.failAt("flush", int64(off), n, fmt.Errorf("%w: flags %#x", fs.ErrInvalid, int(all)))
	}
	return m.flush(off, n, all)
}

// flush writes n bytes at off, which are in the map.
func (m *Map) flush(off, n int, flags FlushFlag) error {
	if m.source.Private || !m.source.Write || n == 0 {
		return nil
	}
	if flags == FlushAsync && m.own != none && startWriting(m.own, m.offset+int64(off), int64(n)) {
		return nil
	}
	lo := m.pad() + off
	err := pages.Sync(m.base[pages.Down(lo, pages.Size):lo+n], flags&FlushAsync != 0, flags&FlushInvalidate != 0)
	if err != nil {
		return m.failAt("flush", int64(off), n, err)
	}
	return nil
}
