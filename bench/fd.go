package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mmring/mmring/internal/measure"
)

// The contenders of this file's kind carry records through blocking descriptors, without the runtime's poller, which would
// add 20 us to every wake-up.

// A reader of a byte stream asks for readBuffer bytes at a time, or, of records as large as largeRecord, for the rest of one:
// then there is nothing to be moved within the buffer.
const (
	readBuffer  = 64 << 10
	largeRecord = 16 << 10
)

// joinStream makes ends of a byte stream's descriptors.
func joinStream(s measure.Side, in, out *os.File) (measure.Ends, error) {
	size := readBuffer
	if s.Size >= largeRecord {
		size = s.Size
	}
	r := &streamReader{Payload: s.Payload, file: in, fd: int(in.Fd()), buf: make([]byte, size)}
	return measure.Ends{Sender: newFdWriter(s, out), Receiver: r, Close: closer(in, out)}, nil
}

func closer(files ...*os.File) func() {
	return func() {
		for _, f := range files {
			_ = f.Close() // twice for a socket, whose descriptor is both
		}
	}
}

// fdWriter writes a batch of records by one write.
type fdWriter struct {
	measure.Payload
	file *os.File // keeps the descriptor open
	fd   int
	buf  []byte
}

func newFdWriter(s measure.Side, f *os.File) *fdWriter {
	return &fdWriter{s.Payload, f, int(f.Fd()), make([]byte, s.Batch*s.Size)}
}

func (w *fdWriter) Send(first, n uint64) error {
	for i := first; i < first+n; {
		for off := 0; off < len(w.buf); off += w.Size {
			w.Fill(w.buf[off:off+w.Size], i)
			i++
		}
		for rest := w.buf; len(rest) > 0; {
			k, err := fdWrite(w.fd, rest)
			if err != nil {
				return err
			}
			rest = rest[k:]
		}
	}
	return nil
}

// streamReader finds records in a byte stream, reading as much at a time as there is.
type streamReader struct {
	measure.Payload
	file       *os.File
	fd         int
	buf        []byte
	start, end int
}

func (r *streamReader) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		for r.end-r.start < r.Size {
			if err := r.more(); err != nil {
				return err
			}
		}
		if err := r.Check(r.buf[r.start:r.start+r.Size], i); err != nil {
			return err
		}
		r.start += r.Size
	}
	return nil
}

func (r *streamReader) more() error {
	if r.start > 0 {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	k, err := fdRead(r.fd, r.buf[r.end:])
	r.end += k
	return err
}

// packetReader reads a record by one read.
type packetReader struct {
	measure.Payload
	file *os.File
	fd   int
	buf  []byte
}

func (r *packetReader) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		k, err := fdRead(r.fd, r.buf)
		if err != nil {
			return err
		}
		if err := r.Check(r.buf[:k], i); err != nil {
			return err
		}
	}
	return nil
}

// inherited returns the n descriptors that Lay made for this side.
func inherited(s measure.Side, n int) ([]*os.File, error) {
	if len(s.Files) != n {
		return nil, fmt.Errorf("%d descriptors, expected %d", len(s.Files), n)
	}
	return s.Files, nil
}

// ended makes an end of file an error.
func ended(n int, err error) (int, error) {
	if n == 0 && err == nil {
		return 0, errors.Join(measure.ErrGone, io.ErrUnexpectedEOF)
	}
	return max(n, 0), err
}
