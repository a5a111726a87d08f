package shm

import (
	"bytes"
	"io"
	"iter"
	"os"
)

// Lines yields the lines from the cursor to the end of the map, each with its '\n' unless the last one has none. A line is
// a copy that is valid until the next one. The cursor moves when the loop ends: behind the last line that was yielded.
// The map may be closed meanwhile.
//
// An error is yielded once, with a nil line, and ends the loop: ErrClosed, *FaultError.
func (m *Map) Lines() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if m.Closed() {
			yield(nil, m.fail("read", ErrClosed))
			return
		}
		start := m.Tell()
		l := lines{from: m, at: start}
		defer func() { _ = m.advance(start, l.yielded) }() // a map that is closed has no cursor
		l.each(yield)
	}
}

// Lines yields the lines of a file of any size, through windows that are mapped one after the other: it works where the
// file does not fit into the machine's addresses, and does not keep it in memory. The rules are those of Map.Lines; the
// file's own position plays no part. An empty file has no lines.
func Lines(f *os.File) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		w := windows{file: f}
		defer w.close()
		l := lines{from: &w}
		l.each(yield)
	}
}

// piece is how many bytes are read for lines at a time, unless one is longer: few enough for the processor's first cache.
const piece = 16 << 10

// lines splits what is read at growing offsets.
type lines struct {
	from    io.ReaderAt
	at      int64 // where to read next
	yielded int   // bytes of all lines
	buf     []byte
	rest    []byte // the part of buf that was read and not yielded
}

func (l *lines) each(yield func([]byte, error) bool) {
	first := chunks.Get().(*[chunk]byte)
	defer chunks.Put(first)
	l.buf = first[:piece]
	searched := 0
	for {
		if i := bytes.IndexByte(l.rest[searched:], '\n'); i >= 0 {
			line := l.rest[:searched+i+1]
			l.rest, searched = l.rest[len(line):], 0
			l.yielded += len(line)
			if !yield(line, nil) {
				return
			}
			continue
		}
		searched = len(l.rest)
		if err := l.more(); err != nil {
			if err != io.EOF {
				yield(nil, err)
			} else if len(l.rest) > 0 {
				l.yielded += len(l.rest)
				yield(l.rest, nil)
			}
			return
		}
	}
}

// more reads behind the rest, in a larger buffer if the rest fills this one.
func (l *lines) more() error {
	switch full := len(l.rest) == len(l.buf); {
	case full && len(l.buf) < cap(l.buf):
		l.buf = l.buf[:cap(l.buf)]
	case full:
		l.buf = make([]byte, 2*len(l.buf))
	}
	n := copy(l.buf, l.rest)
	read, err := l.from.ReadAt(l.buf[n:], l.at)
	l.at += int64(read)
	l.rest = l.buf[:n+read]
	if read > 0 {
		return nil
	}
	return err
}
