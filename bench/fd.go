package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// The contenders of this file's kind carry records through blocking descriptors, without the runtime's poller, which would
// add 20 us to every wake-up.

// readBuffer is how much a reader of a byte stream asks for at a time.
const readBuffer = 64 << 10

// joinStream makes ends of a byte stream's descriptors.
func joinStream(s side, in, out *os.File) (ends, error) {
	r := &streamReader{payload: s.payload, file: in, fd: int(in.Fd()), buf: make([]byte, readBuffer+s.size)}
	return ends{newFdWriter(s, out), r, closer(in, out)}, nil
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
	payload
	file *os.File // keeps the descriptor open
	fd   int
	buf  []byte
}

func newFdWriter(s side, f *os.File) *fdWriter {
	return &fdWriter{s.payload, f, int(f.Fd()), make([]byte, s.batch*s.size)}
}

func (w *fdWriter) send(first, n uint64) error {
	for i := first; i < first+n; {
		for off := 0; off < len(w.buf); off += w.size {
			w.fill(w.buf[off:off+w.size], i)
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
	payload
	file       *os.File
	fd         int
	buf        []byte
	start, end int
}

func (r *streamReader) receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		for r.end-r.start < r.size {
			if err := r.more(); err != nil {
				return err
			}
		}
		if err := r.check(r.buf[r.start:r.start+r.size], i); err != nil {
			return err
		}
		r.start += r.size
	}
	return nil
}

func (r *streamReader) more() error {
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
	k, err := fdRead(r.fd, r.buf[r.end:])
	r.end += k
	return err
}

// packetReader reads a record by one read.
type packetReader struct {
	payload
	file *os.File
	fd   int
	buf  []byte
}

func (r *packetReader) receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		k, err := fdRead(r.fd, r.buf)
		if err != nil {
			return err
		}
		if err := r.check(r.buf[:k], i); err != nil {
			return err
		}
	}
	return nil
}

// open returns the n descriptors that lay made for this side.
func (s side) open(n int) ([]*os.File, error) {
	if len(s.files) != n {
		return nil, fmt.Errorf("%d descriptors, expected %d", len(s.files), n)
	}
	return s.files, nil
}

// ended makes an end of file an error.
func ended(n int, err error) (int, error) {
	if n == 0 && err == nil {
		return 0, errors.Join(errFarGone, io.ErrUnexpectedEOF)
	}
	return max(n, 0), err
}
