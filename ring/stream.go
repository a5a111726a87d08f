package ring

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
)

// PublishFrom reads n bytes from r straight into the ring, publishes them as one record and returns its number. If r ends
// before or fails, nothing is published, and the error wraps r's; an early end is io.ErrUnexpectedEOF. If r panics, nothing is
// published, and the panic goes on. While r reads, the writer's other calls answer ErrClaimed, and the other writers of a
// shared ring wait: from a slow r read first, and then publish. The context is looked at before r reads. Other errors are
// those of Publish.
func (w *Writer) PublishFrom(ctx context.Context, r io.Reader, n int) (seq uint64, err error) {
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
	n, err = io.ReadFull(r, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
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
