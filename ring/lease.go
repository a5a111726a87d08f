package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"sync/atomic"
)

// Lease is a record that is read where it lies: its Payload is the ring's own memory, which the writer leaves alone until
// the lease is released. Leases may be released in any order and by any goroutine. The cursor moves over a record when its
// lease and all before it are released: until then the writer waits for it, and after a crash it comes again.
type Lease struct {
	// Record has the record's number, tag and time. Its Payload must not be written to, which is a fault, nor used after
	// Release. Whoever may write to the file may change its bytes under the eyes of who reads them: what was checked must
	// be copied before it is used. A file that is truncated meanwhile makes their use a fault that kills the process,
	// unless it is made in Use, or its goroutine has called debug.SetPanicOnFault.
	Record

	r *Reader
	n uint64 // of this lease, from 1 on
}

// Lease waits for the next record as Next does and lends it out. Up to ReaderOptions.Leases may be out at a time; one more is
// ErrWindow, at once. While leases are out, the calls that deliver copies or consume (Next, Read, Records, Batches, Ack,
// AckTo, SeekTo) answer ErrLeased; when all are back they go on behind the last one.
//
// Observers have no leases, since nobody waits for them. Nor have readers with ManualAck (ErrMisuse: Release consumes) and
// rings that may evict their readers (errors.ErrUnsupported: what is lent would be overwritten). A reader that follows
// (Follow) goes on with another ring when nothing of this one is out, and until then answers ErrLeased. A checksum is
// compared before the record is lent. Other errors are those of Next.
func (r *Reader) Lease(ctx context.Context) (l Lease, err error) {
	if err := r.begin(); err != nil {
		return Lease{}, fail("lease", r.path, err)
	}
	running := true
	defer func() {
		if running {
			err = r.rescued("lease", recover())
		}
	}()
	if err = r.due(ctx); err == nil && !r.quickLend(&l) {
		err = r.lend(ctx, &l)
	}
	running = false
	return l, r.exit("lease", err)
}

// Leases lends the records out from the next one on, for a range loop, which ends as one over Records does: see Err. Asking
// for the next turn releases the lease of the last one, unless the body has. After break, return and a panic it is still
// out. The body may use the reader, and runs with debug.SetPanicOnFault set. For small records this costs half of what Lease
// and Release cost.
func (r *Reader) Leases(ctx context.Context) iter.Seq[Lease] {
	return func(yield func(Lease) bool) { r.finished(r.lendAll(ctx, yield)) }
}

func (r *Reader) lendAll(ctx context.Context, yield func(Lease) bool) (err error) {
	if err := r.begin(); err != nil {
		return fail("lease", r.path, err)
	}
	armed, inside := r.armed, true
	defer func() {
		if r.armed = armed; inside {
			err = r.rescued("lease", recover())
		} else {
			debug.SetPanicOnFault(armed)
		}
	}()
	for {
		var l Lease
		if err = r.due(ctx); err == nil && !r.quickLend(&l) {
			err = r.lend(ctx, &l)
		}
		inside = false
		if err != nil {
			r.armed = armed
			return r.exit("lease", err)
		}
		r.finish()
		if !yield(l) {
			return nil
		}
		if r.lent.giveBack(l.n) && r.lent.due() {
			err = r.collect()
		}
		if err == nil {
			err = r.admit()
		}
		if err != nil {
			return fail("lease", r.path, err)
		}
		inside = true
	}
}

// Release gives the record back, and with it what was released before and waited for this one. It may come after Close, and
// the last one then gives back what the reader had. The writer learns of it at once where the leases span more than a 64th of
// the ring or 16 KiB or the reader waits, else at the reader's next call at the latest. ErrMisuse: it was released before.
func (l Lease) Release() error {
	if l.r == nil {
		return fmt.Errorf("%w: not a lease", ErrMisuse)
	}
	if !l.r.lent.giveBack(l.n) {
		return fail("release", l.r.path, l.ended())
	}
	if l.r.lent.due() {
		return fail("release", l.r.path, l.r.collect())
	}
	return nil
}

// WriteTo writes the payload to w, in Use. It is io.WriterTo.
func (l Lease) WriteTo(w io.Writer) (n int64, err error) {
	err = l.Use(func(payload []byte) (err error) {
		n, err = Record{Payload: payload}.WriteTo(w)
		return err
	})
	return n, err
}

func (l Lease) ended() error {
	return fmt.Errorf("%w: the lease of record %d has been released", ErrMisuse, l.Seq)
}

// Use calls f with the payload and returns what it returns. It is ErrLost instead if f was ended by a fault, because the file
// was truncated, and ErrEvicted if the reader was dropped by then, so that the bytes may have been overwritten. It protects
// the goroutine that calls it and none that f starts.
func (l Lease) Use(f func(payload []byte) error) (err error) {
	if l.r == nil {
		return fmt.Errorf("%w: not a lease", ErrMisuse)
	}
	r := l.r
	if !r.lent.isOut(l.n) {
		return fail("use", r.path, l.ended())
	}
	end := r.lent.loan(l.n).end.position
	armed := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(armed)
		if p := recover(); p != nil {
			err = fail("use", r.path, r.swept(p))
		}
	}()
	if err := f(l.Payload); err != nil {
		return err
	}
	if !r.lent.isOut(l.n) {
		return fail("use", r.path, l.ended())
	}
	var fence atomic.Uint32
	order(&fence)                                  // V1: the loads of f come before
	return fail("use", r.path, r.dismissedAt(end)) // V2
}

// quickLend makes l the next record if it is there and there is nothing special about it.
func (r *Reader) quickLend(l *Lease) bool {
	off := r.pos & r.mask
	left := min(r.pub-r.pos, r.mask+1-off)
	if left < recordSize || !r.lends || r.selected.tags != nil || r.jumped || r.want != 0 || r.since != 0 || r.spaceWake.Load()&asleep != 0 {
		return false
	}
	t := r.lent
	if t.next-t.first.Load() >= t.most || r.pos-t.stored.Load() >= r.every || t.waiting.Load() {
		return false
	}
	b := r.data[off : off+left : off+left]
	word, seq := loadWord(b[0:8]), loadWord(b[8:16])
	size := uint64(uint32(word))
	whole := align16(size)
	if word>>32&0xffff != kindData || seq != r.expect || seq == 0 || size < recordSize || whole > left || r.overwritten() {
		return false
	}
	r.pos += whole
	r.expect = seq + 1
	r.records++
	r.bytes += size - recordSize
	l.Seq, l.Tag, l.Payload = seq, uint16(word>>48), b[recordSize:size:size]
	l.r, l.n = r, t.grant(mark{r.pos, seq + 1}, size-recordSize)
	return true
}

// lend is quickLend for everything else.
func (r *Reader) lend(ctx context.Context, l *Lease) error {
	if !r.lends {
		if err := r.startLending(); err != nil {
			return err
		}
	}
	for {
		if r.pos == r.pub {
			if err := r.awaitLoan(ctx); err != nil {
				return err
			}
			continue
		}
		if ok, err := r.view(l); ok || err != nil {
			return err
		}
	}
}

// view makes l the record at pos, where it lies. It returns false without an error when there was none to lend: padding, or
// a record that is not wanted.
func (r *Reader) view(l *Lease) (ok bool, err error) {
	if err := r.lent.makeRoom(r); err != nil {
		return false, err
	}
	h, good := r.parse(r.pos, r.pub-r.pos)
	switch {
	case r.overwritten():
		return false, r.dismissed()
	case !r.plausible(h, good):
		return false, r.contradiction(h, good)
	case h.kind == kindPadding:
		r.pass(h.whole)
		return false, nil
	}
	if r.selected.tags != nil && !r.selected.tags.has(h.tag) {
		r.passOver(h)
		return false, nil
	}
	off := r.pos & r.mask
	start, end := off+uint64(h.prefix), off+uint64(h.size)
	l.Payload = r.data[start:end:end] // who appends to it must not reach the next record
	if h.flags&flagSum != 0 && !sumRight(r.data[off:start], l.Payload) {
		return false, corrupt("checksum of record %d at position %d", h.seq, r.pos)
	}
	l.Seq, l.Tag = h.seq, h.tag
	if h.flags != 0 {
		l.nanos, _ = r.timeOf(r.pos, h)
	}
	if !r.accept(&l.Record, h.whole) {
		return false, nil
	}
	l.Lost += r.selected.lost
	r.selected.lost = 0
	l.r, l.n = r, r.lent.grant(mark{r.pos, r.expect}, uint64(len(l.Payload)))
	return true, nil
}

// awaitLoan waits until more than pos is published.
func (r *Reader) awaitLoan(ctx context.Context) error {
	r.lookout.alone = 0 // a copy beside published would be of no use
	err := r.await(ctx)
	r.window = nil
	if err == nil || r.reopen == nil {
		return err
	}
	if out := r.lent.out(); out != nil {
		return fmt.Errorf("%w: and nothing more comes here: %w", out, err)
	}
	if err := r.follow(ctx, err); err != nil || r.lends {
		return err
	}
	return r.startLending() // in another ring
}

// collect does for a goroutine that is not inside of the reader what is due after a release. The last release after Close
// gives back what the reader had.
func (r *Reader) collect() (err error) {
	t := r.lent
	t.mu.Lock()
	armed := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(armed)
		p := recover()
		last := t.closed.Load() && !t.over && t.first.Load() == t.end
		t.over = t.over || last
		t.mu.Unlock()
		if p != nil {
			err = r.swept(p)
		}
		if last {
			err = errors.Join(err, r.release())
		}
	}()
	if !t.over { // else nothing is mapped any more
		t.settle(&r.consumer, false)
	}
	return nil
}

// Close ends the reader. It may be called from any goroutine, and again (nil): waits end with os.ErrClosed, and a running
// call is waited for. Leases that are out keep slot and memory until the last is released: the answer is ErrLeased then, and
// names their records.
func (r *Reader) Close() error {
	if !r.close(r.cancelWaits) {
		return nil
	}
	if err := r.closeLent(); err != nil {
		return fail("close", r.path, err)
	}
	return fail("close", r.path, r.release())
}
