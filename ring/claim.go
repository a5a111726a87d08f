package ring

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
)

// Claim is a record in the making: its payload is written straight into the ring. Exactly one of Commit and Abort ends
// it; until then the writer's other calls answer ErrClaimed, and Close leaves the memory mapped.
type Claim struct {
	w   *Writer
	rec []byte
	tag uint16
}

// Claim makes room for a record with up to n bytes of payload and returns it, to be filled and committed. It waits as
// Publish does, and fails as Publish does. A process that dies with a claim out has published nothing. The Claim belongs
// to the Writer and is used again by the next call.
func (w *Writer) Claim(ctx context.Context, n int) (c *Claim, err error) {
	if err := w.begin(); err != nil {
		return nil, fail("claim", w.path, err)
	}
	if c, err = w.claimed(ctx, n); err != nil {
		w.finish()
		return nil, err
	}
	if !w.hold() {
		w.abandon()
		w.finish()
		return nil, fail("claim", w.path, os.ErrClosed)
	}
	return c, nil
}

// claimed is Claim inside the gate.
func (w *Writer) claimed(ctx context.Context, n int) (c *Claim, err error) {
	defer w.settle(debug.SetPanicOnFault(true), "claim", &err)
	if n < 0 {
		return nil, fmt.Errorf("%w: claim of %d bytes", ErrTooLarge, n)
	}
	if err := w.due(ctx); err != nil {
		return nil, err
	}
	rec, err := w.reserve(ctx, n)
	if err != nil {
		return nil, err
	}
	w.claim = Claim{w: w, rec: rec}
	return &w.claim, nil
}

// Bytes returns the claim's n bytes of the ring. They hold whatever was there before, and must not be used after Commit or
// Abort. A file that is truncated meanwhile makes their use a fault that kills the process, unless the caller's goroutine
// has called debug.SetPanicOnFault.
func (c *Claim) Bytes() []byte { return c.rec[c.w.prefix:] }

// SetTag gives the record a tag.
func (c *Claim) SetTag(tag uint16) { c.tag = tag }

// Commit publishes the first m bytes of the claim as a record and returns its number. A second Commit, or one after Abort,
// answers ErrMisuse; one after Close has published nothing and answers os.ErrClosed. m outside of 0 to n answers
// ErrTooLarge and leaves the claim out.
func (c *Claim) Commit(m int) (uint64, error) {
	w := c.w
	if m < 0 || m > len(c.rec)-w.prefix {
		return 0, fail("commit", w.path, fmt.Errorf("%w: commit of %d bytes, claimed were %d", ErrTooLarge, m, len(c.rec)-w.prefix))
	}
	if !w.resume() {
		return 0, fail("commit", w.path, fmt.Errorf("%w: the claim has been committed or aborted", ErrMisuse))
	}
	seq, err := c.commit(m)
	w.finish()
	return seq, err
}

func (c *Claim) commit(m int) (seq uint64, err error) {
	w := c.w
	defer w.settle(debug.SetPanicOnFault(true), "commit", &err)
	if w.closed() {
		w.abandon()
		return 0, os.ErrClosed
	}
	w.seal(c.rec[:w.prefix+m], c.tag)
	w.publish()
	return w.seq - 1, nil
}

// Abort gives the claim back: nothing was published. It does nothing to a claim that has ended.
func (c *Claim) Abort() {
	if c.w.resume() {
		c.w.abandon()
		c.w.finish()
	}
}

// abandon forgets what was reserved and not sealed: the next record starts at the published position again.
func (w *Writer) abandon() {
	w.pos, w.seq, w.lim = w.pub, w.pubSeq, w.pub
}
