package ring

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
)

// PublishFrom reads n bytes from r straight into the ring, publishes them as one record and returns its number. If r ends
// before or fails, nothing is published, and the error wraps r's; an early end is io.ErrUnexpectedEOF, and 100 reads of
// nothing in a row are io.ErrNoProgress. If r panics, nothing is published, and the panic goes on. While r reads, the writer's
// other calls answer ErrClaimed, and the other writers of a shared ring wait: from a slow r read first, and then publish. The
// context is looked at before r reads. Other errors are those of Publish.
func (w *Writer) PublishFrom(ctx context.Context, r io.Reader, n int) (seq uint64, err error) {
	if err := ended(ctx); err != nil {
		return 0, fail("publish", w.path, err)
	}
	c, err := w.Claim(ctx, n)
	if err != nil {
		return 0, fail("publish", w.path, err)
	}
	defer c.Abort() // unless it was committed
	if read, err := w.readInto(c.Bytes(), r); err != nil {
		return 0, fail("publish", w.path, fmt.Errorf("read %d of %d bytes: %w", read, n, err))
	}
	seq, err = c.Commit(n)
	return seq, fail("publish", w.path, err)
}

// readInto fills b, which is the ring's, from r.
func (w *Writer) readInto(b []byte, r io.Reader) (n int, err error) {
	armed := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(armed)
		if p := recover(); p != nil {
			err = w.swept(p)
		}
	}()
	return readFull(r, b)
}

// emptyReads is how many reads of nothing in a row are no progress.
const emptyReads = 100

// readFull is io.ReadFull for an r that need not keep the rules of io.Reader: it ends, and n is true.
func readFull(r io.Reader, b []byte) (n int, err error) {
	for empty := 0; n < len(b) && err == nil; empty++ {
		if empty == emptyReads {
			return n, io.ErrNoProgress
		}
		var more int
		more, err = r.Read(b[n:])
		if more < 0 || more > len(b)-n {
			return n, fmt.Errorf("a read into %d bytes says that it read %d", len(b)-n, more)
		}
		if n += more; more > 0 {
			empty = -1
		}
	}
	switch {
	case n == len(b):
		return n, nil
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// WriteTo writes the payload to w. It is io.WriterTo.
func (r Record) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.Payload)
	if err == nil && n < len(r.Payload) {
		err = io.ErrShortWrite
	}
	return int64(n), err
}
