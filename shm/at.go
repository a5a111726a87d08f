package shm

import (
	"io"
	"runtime/debug"
)

// ReadAt copies bytes from offset off of the map into p. Fewer than len(p) come with io.EOF. It does not use the cursor,
// and runs in parallel with itself.
//
// Errors: ErrClosed, ErrRange for a negative off, io.EOF, *FaultError.
func (m *Map) ReadAt(p []byte, off int64) (n int, err error) {
	if !m.enter() {
		return 0, m.failAt("read", off, len(p), ErrClosed)
	}
	defer m.leave("read", debug.SetPanicOnFault(true), &err)
	if off < 0 {
		return 0, m.outside("read", off, len(p))
	}
	if off >= int64(len(m.data)) {
		return 0, io.EOF
	}
	if n = copy(p, m.data[off:]); n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WriteAt copies p to offset off of the map: all of it, or nothing. It does not use the cursor. p may be a part of the map.
//
// Errors: ErrClosed; ErrReadOnly; ErrRange if p does not fit, and then nothing is written; *FaultError, and then a part
// may be.
func (m *Map) WriteAt(p []byte, off int64) (n int, err error) {
	if !m.enter() {
		return 0, m.failAt("write", off, len(p), ErrClosed)
	}
	defer m.leave("write", debug.SetPanicOnFault(true), &err)
	if err := m.room("write", off, len(p)); err != nil {
		return 0, err
	}
	return copy(m.data[off:], p), nil
}

// room reports why n bytes cannot be written at off. The caller is inside the map.
func (m *Map) room(op string, off int64, n int) error {
	switch {
	case m.access == ReadOnly:
		return m.failAt(op, off, n, ErrReadOnly)
	case off < 0 || off > int64(len(m.data)) || n > len(m.data)-int(off):
		return m.outside(op, off, n)
	}
	return nil
}

// Move copies n bytes from src to dst in the map, which may overlap.
//
// Errors: ErrClosed; ErrReadOnly; ErrRange if a number is negative or one of the ranges is not all in the map; *FaultError.
func (m *Map) Move(dst, src, n int) (err error) {
	if !m.enter() {
		return m.failAt("move", int64(dst), n, ErrClosed)
	}
	defer m.leave("move", debug.SetPanicOnFault(true), &err)
	if n < 0 {
		return m.outside("move", int64(dst), n)
	}
	if err := m.room("move", int64(dst), n); err != nil {
		return err
	}
	if src < 0 || n > len(m.data)-src {
		return m.outside("move", int64(src), n)
	}
	copy(m.data[dst:dst+n], m.data[src:])
	return nil
}
