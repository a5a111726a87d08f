package shm

import (
	"fmt"
	"io"
	"sync"
)

// chunk is how many bytes are carried between a map and a stream at a time. They are copied, because the other side may
// close or resize the map.
const chunk = 64 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// ReadFrom writes what r has, up to its io.EOF, from the cursor on, and moves the cursor behind it. It returns how many
// bytes were written. When the map is full and r has more, one byte of that is lost.
//
// Errors: what r answers, ErrClosed, ErrReadOnly, ErrRange if r has more than fits, *FaultError.
func (m *Map) ReadFrom(r io.Reader) (total int64, err error) {
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	for {
		room, err := m.ahead("write")
		if err != nil {
			return total, err
		}
		want := max(min(room, chunk), 1)
		n, readErr := r.Read(buf[:want])
		if n < 0 || n > want {
			return total, m.fail("read", fmt.Errorf("the reader says that it has %d of %d bytes", n, want))
		}
		if n > 0 {
			if _, err := m.Write(buf[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if readErr == io.EOF {
			return total, nil
		}
		if readErr != nil {
			return total, readErr
		}
	}
}

// WriteTo writes the bytes from the cursor to the end of the map to w, and moves the cursor behind those that w took.
//
// Errors: what w answers, io.ErrShortWrite, ErrClosed, *FaultError.
func (m *Map) WriteTo(w io.Writer) (total int64, err error) {
	buf := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buf)
	for {
		at := m.Tell()
		n, err := m.ReadAt(buf[:], at)
		if n == 0 {
			if err == io.EOF {
				return total, nil
			}
			return total, err
		}
		written, err := w.Write(buf[:n])
		if written < 0 || written > n {
			return total, m.fail("write", fmt.Errorf("the writer says that it took %d of %d bytes", written, n))
		}
		total += int64(written)
		if e := m.advance(at, written); err == nil {
			err = e
		}
		if err == nil && written < n {
			err = io.ErrShortWrite
		}
		if err != nil {
			return total, err
		}
	}
}

// ahead returns how many bytes there are from the cursor to the end of a map that can be written.
func (m *Map) ahead(op string) (int, error) {
	if !m.enterCursor() {
		return 0, m.fail(op, ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.mu.RUnlock()
	if m.access == ReadOnly {
		return 0, m.fail(op, ErrReadOnly)
	}
	return max(len(m.data)-m.cursor.at, 0), nil
}

// advance moves the cursor n bytes behind at, where it was.
func (m *Map) advance(at int64, n int) error {
	if !m.enterCursor() {
		return m.fail("read", ErrClosed)
	}
	defer m.cursor.Unlock()
	defer m.mu.RUnlock()
	m.cursor.at = int(at) + n
	return nil
}
