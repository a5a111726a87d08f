package ring

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/mmring/mmring/internal/fault"
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
	if err = r.due(ctx); err == nil {
		err = r.lend(ctx, &l)
	}
	running = false
	return l, r.exit("lease", err)
}

// Release gives the record back, and with it what was released before and waited for this one. It may come after Close, and
// the last one then gives back what the reader had. ErrEvicted: the reader was dropped while the lease was out, and the
// bytes may have been overwritten. ErrMisuse: it was released before.
func (l Lease) Release() (err error) {
	if l.r == nil {
		return fmt.Errorf("%w: not a lease", ErrMisuse)
	}
	l.r.lent.mu.Lock()
	defer l.r.released(debug.SetPanicOnFault(true), &err)
	return l.r.takeBack(l)
}

// Use calls f with the payload and returns what it returns, or ErrLost if that was ended by a fault, because the file was
// truncated. It protects the goroutine that calls it and none that f starts.
func (l Lease) Use(f func(payload []byte) error) (err error) {
	if l.r == nil {
		return fmt.Errorf("%w: not a lease", ErrMisuse)
	}
	if err := l.r.lent.has(l); err != nil {
		return fail("use", l.r.path, err)
	}
	armed := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(armed)
		if p := recover(); p != nil {
			err = fail("use", l.r.path, l.r.gone(p))
		}
	}()
	return f(l.Payload)
}

// lend makes l the next record.
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
	off := r.pos & r.mask
	start, end := off+uint64(h.prefix), off+uint64(h.size)
	payload := r.data[start:end:end]
	if h.flags&flagSum != 0 && !sumRight(r.data[off:start], payload) {
		return false, corrupt("checksum of record %d at position %d", h.seq, r.pos)
	}
	nanos, _ := r.timeOf(r.pos, h)
	rec := Record{Seq: h.seq, Tag: h.tag, Payload: payload, nanos: nanos}
	n, err := r.grant(&rec, h.whole)
	if n == 0 {
		return false, err
	}
	*l = Lease{rec, r, n}
	return true, nil
}

// grant takes the record at pos, of so many bytes of the ring, over and returns the number of its lease; 0 if it is not
// wanted, or as many are out as may be.
func (r *Reader) grant(rec *Record, whole uint64) (uint64, error) {
	t := r.lent
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done.position != t.stored && r.spaceWake.Load()&asleep != 0 {
		t.storeCursor(r)
	}
	if t.next-t.first >= t.most {
		return 0, t.full
	}
	if !r.accept(rec, whole) {
		return 0, nil
	}
	n := t.next
	*t.loan(n) = loan{end: mark{r.pos, r.expect}, bytes: uint64(len(rec.Payload))}
	t.next++
	return n, nil
}

// awaitLoan waits until more than pos is published. Who releases meanwhile stores the cursor: the writer may need the space
// for what we wait for.
func (r *Reader) awaitLoan(ctx context.Context) error {
	r.lent.waits(r, true)
	r.lookout.alone = 0 // a copy beside published would be of no use
	err := r.await(ctx)
	r.window = nil
	out := r.lent.waits(r, false)
	if err == nil || r.reopen == nil {
		return err
	}
	if out != nil {
		return fmt.Errorf("%w: and nothing more comes here: %w", out, err)
	}
	if err := r.follow(ctx, err); err != nil {
		return err
	}
	r.startLoans()
	return nil
}

// takeBack ends l. It first does what cannot fail, then looks at the ring.
func (r *Reader) takeBack(l Lease) error {
	t := r.lent
	if err := t.isOut(l); err != nil {
		return err
	}
	t.loan(l.n).back = true
	for t.first != t.next && t.loan(t.first).back {
		one := t.loan(t.first)
		t.done = one.end
		t.records++
		t.bytes += one.bytes
		t.first++
	}
	idle := t.waiting && t.first == t.next
	if idle {
		t.done = t.at
	}
	if t.done.position != t.stored && (idle || t.done.position-t.stored >= r.every || r.spaceWake.Load()&asleep != 0) {
		t.storeCursor(r)
	}
	return r.dismissedAt(t.done.position)
}

// released is deferred by Release: a fault in the mapping is its error. The last lease after Close gives back what the
// reader had.
func (r *Reader) released(armed bool, err *error) {
	debug.SetPanicOnFault(armed)
	t := r.lent
	p := recover()
	last := t.closed && !t.over && t.first == t.next
	t.over = t.over || last
	t.mu.Unlock()
	if p != nil {
		*err = r.gone(p)
	}
	if last {
		*err = errors.Join(*err, r.release())
	}
	if *err != nil {
		*err = fail("release", r.path, *err)
	}
}

// gone is faulted for a goroutine that is not inside of the reader. It passes every other panic on.
func (r *Reader) gone(p any) error {
	if addr, ok := fault.Addr(p); !ok || !r.maps(addr) {
		panic(p)
	}
	return errGone
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
