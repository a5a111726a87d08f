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
	reserved
	rec []byte
	tag uint16
}

// reserved is what Claim and Claims have in common: a part of the ring that is their writer's alone.
type reserved struct {
	w   *Writer
	out bool // neither Commit nor Abort has ended it
}

// Claim makes room for a record with up to n bytes of payload and returns it, to be filled and committed. It waits as
// Publish does, and fails as Publish does. A process that dies with a claim out has published nothing. The Claim belongs
// to the Writer and is used again by the next call. In a ring of shared writers the others wait while it is out.
func (w *Writer) Claim(ctx context.Context, n int) (c *Claim, err error) {
	if err := w.begin(); err != nil {
		return nil, fail("claim", w.path, err)
	}
	running := true
	defer func() {
		if running {
			err = w.rescued("claim", recover())
		}
	}()
	size := uint64(w.prefix) + uint64(n)
	if n < 0 {
		err = fmt.Errorf("%w: claim of %d bytes", ErrTooLarge, n)
	} else {
		err = w.reserve(ctx, size)
	}
	running = false
	if err != nil || !w.held() {
		return nil, w.notHeld(err)
	}
	off := w.pos & w.mask
	c = &w.claim
	c.reserved, c.rec, c.tag = reserved{w, true}, w.data[off:off+size:off+size], 0
	return c, nil
}

// reserve makes room for so many bytes at pos, in one piece.
func (w *Writer) reserve(ctx context.Context, size uint64) error {
	if w.mutex != nil {
		return w.reserveShared(ctx, size)
	}
	if err := w.due(ctx); err != nil {
		return err
	}
	if align16(size) > w.lim-w.pos {
		return w.room(ctx, size)
	}
	return nil
}

// held leaves the gate shut behind a call that has reserved something; false if it was closed meanwhile.
func (w *Writer) held() bool {
	debug.SetPanicOnFault(w.armed)
	return w.hold()
}

// notHeld ends a call that reserved nothing, because of err, or that found itself closed.
func (w *Writer) notHeld(err error) error {
	if err != nil {
		return w.exit("claim", err)
	}
	w.guarded(w.giveUp)
	w.finish()
	return fail("claim", w.path, os.ErrClosed)
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
func (c *Claim) Commit(m int) (seq uint64, err error) {
	w := c.w
	if m < 0 || m > len(c.rec)-w.prefix {
		return 0, fail("commit", w.path, fmt.Errorf("%w: commit of %d bytes, claimed were %d", ErrTooLarge, m, len(c.rec)-w.prefix))
	}
	if !c.end() {
		return 0, fail("commit", w.path, errClaimOver)
	}
	running := true
	w.armed = debug.SetPanicOnFault(true)
	defer func() {
		if running {
			err = w.rescued("commit", recover())
		}
	}()
	if w.closed() {
		w.giveUp()
		err = os.ErrClosed
	} else {
		w.seal(w.pos&w.mask, uint64(w.prefix+m), c.tag)
		if w.flags != 0 {
			w.decorate(c.rec[:w.prefix+m])
		}
		w.bytes += uint64(m)
		w.publishNext(true)
		seq = w.seq - 1
		w.letGo()
	}
	running = false
	return seq, w.exit("commit", err)
}

// Abort gives back what was claimed: nothing was published. It does nothing after Commit or Abort.
func (r *reserved) Abort() {
	if r.end() {
		r.w.guarded(r.w.giveUp)
		r.w.finish()
	}
}

// end makes the call that ends the claim the one inside of the writer; false if it has ended.
func (r *reserved) end() bool {
	if !r.out || !r.w.resume() {
		return false
	}
	r.out = false
	return true
}

var errClaimOver = fmt.Errorf("%w: the claim has been committed or aborted", ErrMisuse)

// abandon forgets what was reserved and not sealed: the next record starts at the published position again, which may be
// before padding that was made for another.
func (w *Writer) abandon() {
	w.pos, w.seq, w.lim = w.pub, w.pubSeq, w.pub
	for i, p := range &w.starts {
		if p >= w.pub && p > 0 {
			w.starts[i] = 0
			w.index[i].set(0, 0)
		}
	}
}
