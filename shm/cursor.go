package shm

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math"
	"runtime/debug"
)

// Seek moves the cursor, at which Read, Write and their kin work, and returns where it is. It may stand at the end of the
// map and not behind it; only a Resize that shrinks the map leaves it there.
//
// Errors, which leave the cursor where it is: ErrClosed; ErrRange for a position outside of the map; fs.ErrInvalid for
// another whence than io.SeekStart, io.SeekCurrent and io.SeekEnd.
func (m *Map) Seek(offset int64, whence int) (int64, error) {
	if !m.enterCursor() {
		return 0, m.fail("seek", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.mu.RUnlock()
	start := int64(0)
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		start = int64(m.cursor.at)
	case io.SeekEnd:
		start = int64(len(m.data))
	default:
		return 0, m.fail("seek", fmt.Errorf("%w: whence %d", fs.ErrInvalid, whence))
	}
	if offset > math.MaxInt64-start || start+offset < 0 || start+offset > int64(len(m.data)) {
		return 0, m.fail("seek", fmt.Errorf("offset %d from %d: %w: the map has %d bytes", offset, start, ErrRange, len(m.data)))
	}
	m.cursor.at = int(start + offset)
	return start + offset, nil
}

// Tell returns the position of the cursor, 0 once closed.
func (m *Map) Tell() int64 {
	if !m.enterCursor() {
		return 0
	}
	defer m.cursor.Unlock()
	defer m.mu.RUnlock()
	return int64(m.cursor.at)
}

// Read copies bytes from the cursor on into p and moves the cursor behind them; at the end of the map it returns io.EOF.
//
// Errors: ErrClosed, io.EOF, *FaultError; the cursor then stays.
func (m *Map) Read(p []byte) (n int, err error) {
	if !m.enterCursor() {
		return 0, m.fail("read", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.leave("read", debug.SetPanicOnFault(true), &err)
	switch {
	case len(p) == 0:
		return 0, nil
	case m.cursor.at >= len(m.data):
		return 0, io.EOF
	}
	n = copy(p, m.data[m.cursor.at:])
	m.cursor.at += n
	return n, nil
}

// ReadByte returns the byte at the cursor and moves the cursor behind it. Errors: those of Read.
func (m *Map) ReadByte() (b byte, err error) {
	if !m.enterCursor() {
		return 0, m.fail("read", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.leave("read", debug.SetPanicOnFault(true), &err)
	if m.cursor.at >= len(m.data) {
		return 0, io.EOF
	}
	b = m.data[m.cursor.at]
	m.cursor.at++
	return b, nil
}

// ReadLine returns a copy of the bytes from the cursor through the next '\n', or to the end of the map if there is none,
// and moves the cursor behind them. At the end of the map it returns io.EOF. Errors: those of Read.
func (m *Map) ReadLine() (line []byte, err error) {
	if !m.enterCursor() {
		return nil, m.fail("read", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.leave("read", debug.SetPanicOnFault(true), &err)
	if m.cursor.at >= len(m.data) {
		return nil, io.EOF
	}
	rest := m.data[m.cursor.at:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i+1]
	}
	line = bytes.Clone(rest)
	m.cursor.at += len(line)
	return line, nil
}

// Write copies p to the cursor and moves the cursor behind it: all of p, or nothing. p may be a part of the map.
//
// Errors, which leave the cursor: ErrClosed; ErrReadOnly; ErrRange if p does not fit, and then nothing is written;
// *FaultError, and then a part may be.
func (m *Map) Write(p []byte) (n int, err error) {
	if !m.enterCursor() {
		return 0, m.fail("write", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.leave("write", debug.SetPanicOnFault(true), &err)
	if err := m.room("write", int64(m.cursor.at), len(p)); err != nil {
		return 0, err
	}
	n = copy(m.data[m.cursor.at:], p)
	m.cursor.at += n
	return n, nil
}

// WriteString is Write for a string.
func (m *Map) WriteString(s string) (n int, err error) {
	if !m.enterCursor() {
		return 0, m.fail("write", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.leave("write", debug.SetPanicOnFault(true), &err)
	if err := m.room("write", int64(m.cursor.at), len(s)); err != nil {
		return 0, err
	}
	n = copy(m.data[m.cursor.at:], s)
	m.cursor.at += n
	return n, nil
}

// WriteByte writes one byte at the cursor and moves the cursor behind it. Errors: those of Write.
func (m *Map) WriteByte(b byte) error {
	p := [1]byte{b}
	_, err := m.Write(p[:])
	return err
}

// enterCursor is enter for calls that use the cursor, which they unlock.
func (m *Map) enterCursor() bool {
	if m == nil {
		return false
	}
	m.cursor.Lock()
	if m.enter() {
		return true
	}
	m.cursor.Unlock()
	return false
}
