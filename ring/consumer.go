package ring

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"sync/atomic"

	"github.com/mmring/mmring/lock"
)

// consumer is what Reader and Observer have in common: a place in the stream that moves forward.
//
// done <= pos <= pub: up to done records are consumed, the one between done and pos has been delivered and not yet
// consumed, what lies between pos and pub is published and not yet delivered.
type consumer struct {
	*handle
	slot *slot // nil: an observer, which owns no bytes and looks again after each copy (V1, V2)
	life *lock.Life
	mine slotState // the slot's word while all is well

	pos     uint64
	pub     uint64
	expect  uint64 // number of the record at pos; 0: not known yet
	want    uint64 // number of the first record wanted; 0: any
	done    mark   // consumed
	stored  uint64 // the cursor as it stands in the file
	jumped  bool   // an overrun lies between the last record and pos
	manual  bool   // only AckTo consumes
	newest  bool   // after an overrun go on behind the newest record
	records uint64 // delivered and consumed
	bytes   uint64 // of their payloads
	last    uint64 // bytes of the one delivered last
	waits   uint64 // times it slept

	win   window
	err   error // why Records ended
	look  func() bool
	fence atomic.Uint32
}

// Next consumes the record delivered before, waits for the one after it, and returns it. Its payload is valid until the
// next call.
//
// Errors: io.EOF when the ring has ended and everything has been read, the context's cause, ErrCorrupt, ErrEvicted,
// ErrLost, ErrMisuse, os.ErrClosed. The context is looked at when Next waits and once in 256 calls.
func (c *consumer) Next(ctx context.Context) (Record, error) { return c.deliver(ctx, nil) }

// Read is Next with the payload copied into buf, which must be large enough: otherwise io.ErrShortBuffer, and the record
// comes again. The returned Payload is a part of buf.
func (c *consumer) Read(ctx context.Context, buf []byte) (Record, error) {
	if buf == nil {
		buf = []byte{}
	}
	return c.deliver(ctx, buf)
}

// Records returns the records from the next one on, for a range loop, which ends when the ring does, at an error or when
// the context is done: see Err. Asking for the next turn consumes the record of the last one; break, return and a panic do
// not: it comes again. The loop's body may use the reader, and runs with debug.SetPanicOnFault set.
func (c *consumer) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if c.err = c.each(ctx, yield); isEOF(c.err) {
			c.err = nil
		}
	}
}

// each delivers records until there are no more or yield does not want any.
func (c *consumer) each(ctx context.Context, yield func(Record) bool) (err error) {
	if err := c.begin(); err != nil {
		return fail("read", c.path, err)
	}
	defer c.settle(debug.SetPanicOnFault(true), "read", &err)
	inside, done := true, false
	defer func() {
		if inside {
			c.finish()
		} else if !done {
			c.rewind()
		}
	}()
	for {
		var rec Record
		if err := c.step(ctx, &rec, nil); err != nil {
			return err
		}
		c.finish()
		inside = false
		if !yield(rec) {
			return nil
		}
		if err := c.begin(); err != nil {
			done = true
			return err
		}
		inside = true
	}
}

// Err returns why the last Records loop ended: nil after the ring's end and after a break.
func (c *consumer) Err() error { return c.err }

func (c *consumer) deliver(ctx context.Context, into []byte) (rec Record, err error) {
	if err := c.begin(); err != nil {
		return Record{}, fail("read", c.path, err)
	}
	defer c.finish()
	defer c.settle(debug.SetPanicOnFault(true), "read", &err)
	if err := c.step(ctx, &rec, into); err != nil {
		return Record{}, err
	}
	return rec, nil
}

// step consumes the record delivered before and reads the next one into rec.
func (c *consumer) step(ctx context.Context, rec *Record, into []byte) error {
	if err := c.due(ctx); err != nil {
		return err
	}
	if !c.manual {
		c.consume()
	}
	for {
		if c.pos == c.pub {
			if err := c.await(ctx); err != nil {
				return err
			}
		}
		if ok, err := c.take(rec, into); ok || err != nil {
			return err
		}
	}
}

// consume makes the delivered record's bytes the writer's again, at the latest when the writer sleeps for them or a
// stride has come together.
func (c *consumer) consume() {
	c.done = mark{c.pos, c.expect}
	if c.slot == nil {
		return
	}
	if c.done.position-c.stored >= c.stride() || c.spaceWake.Load()&asleep != 0 {
		c.storeCursor()
	}
}

// storeCursor tells the writer how far this reader is, and wakes it if it sleeps.
func (c *consumer) storeCursor() {
	if c.slot == nil || c.stored == c.done.position {
		return
	}
	c.slot.records.Store(c.records)
	c.slot.bytes.Store(c.bytes)
	c.slot.waits.Store(c.waits)
	c.slot.cursor.Store(c.done.position) // R2
	c.stored = c.done.position
	rouse(c.spaceWake)
}

// take reads the record at pos into rec. It returns false without an error when there was none to deliver: padding, a
// record that is not wanted, or an overrun.
func (c *consumer) take(rec *Record, into []byte) (ok bool, err error) {
	h, raw, good, over := c.load(into != nil)
	switch {
	case over:
		return false, c.dismissed()
	case !c.plausible(h, good):
		return false, c.contradiction(h, good)
	case h.kind == kindPadding:
		c.pos += h.whole
		return false, nil
	}
	prefix, payload := raw[:h.prefix], raw[h.prefix:len(raw):len(raw)] // who appends to it must not reach the next record
	if into != nil {
		size := int(h.size - h.prefix)
		if size > len(into) {
			return false, fmt.Errorf("%w: record %d has %d bytes, the buffer %d", io.ErrShortBuffer, h.seq, size, len(into))
		}
		into = into[:size:size]
		if len(payload) == size {
			copy(into, payload)
		} else if !c.loadPayload(h, into) {
			return false, c.dismissed()
		}
		payload = into
	}
	if h.flags&flagSum != 0 && !sumRight(prefix, payload) {
		return false, corrupt("checksum of record %d at position %d", h.seq, c.pos)
	}
	rec.Seq, rec.Lost, rec.Tag, rec.nanos, rec.Payload = h.seq, 0, h.tag, 0, payload
	if h.flags&flagTime != 0 {
		rec.nanos = int64(le.Uint64(prefix[recordSize:]))
	}
	return c.accept(rec, h.whole), nil
}

// accept makes a record that was read whole, and takes so many bytes of the ring, the delivered one; false if it is none
// of those wanted.
func (c *consumer) accept(rec *Record, whole uint64) bool {
	c.pos += whole
	if c.jumped {
		rec.Lost = rec.Seq - c.expect
	}
	c.expect, c.jumped = rec.Seq+1, false
	if c.want != 0 {
		if c.want > rec.Seq {
			c.consume()
			return false
		}
		rec.Lost, c.want = rec.Seq-c.want, 0
	}
	c.records++
	c.last = uint64(len(rec.Payload))
	c.bytes += c.last
	return true
}

// plausible reports whether a parsed header is that of the record expected at pos.
func (c *consumer) plausible(h head, good bool) bool {
	switch {
	case !good || h.seq == 0:
		return false
	case c.expect == 0:
		return true
	case c.jumped:
		return h.seq >= c.expect
	}
	return h.seq == c.expect
}

// contradiction says what is wrong at pos. For a registered reader it looks first whether its slot is still its own.
func (c *consumer) contradiction(h head, good bool) error {
	if err := c.dismissed(); err != nil {
		return err
	}
	if !good || h.seq == 0 {
		return corrupt("no record at position %d (offset %d)", c.pos, c.pos&c.mask)
	}
	return corrupt("record %d at position %d, expected %d", h.seq, c.pos, c.expect)
}

// dismissed reports that the writer has dropped this reader.
func (c *consumer) dismissed() error {
	if c.slot == nil {
		return nil
	}
	switch s := slotState(c.slot.word.Load()); {
	case s == c.mine:
		return nil
	case s.state() == stateEvicted:
		return fmt.Errorf("%w: at position %d", ErrEvicted, c.done.position)
	default:
		return corrupt("this reader's slot was changed from %#x to %#x", uint64(c.mine), uint64(s))
	}
}

// overwritten reports, after a copy, whether what was copied may have been overwritten meanwhile: under an observer, which
// then moves on, or under a registered reader that was dropped, whose slot the writer no longer waits for.
func (c *consumer) overwritten() bool {
	if c.slot == nil {
		return c.overrun()
	}
	order(&c.fence)                                // V1
	return slotState(c.slot.word.Load()) != c.mine // V2
}

// overrun looks whether the record at pos has been overwritten, after it was copied, and if so moves to where records are
// still whole.
func (c *consumer) overrun() bool {
	order(&c.fence)      // V1: the loads of the copy come before
	o := c.oldest.Load() // V2
	if o <= c.pos {
		return false
	}
	c.jumped = c.expect != 0
	c.pub = c.published.Load() // R1
	c.pos = o
	if c.newest || c.pub < o || c.pub-o > c.capacity() {
		c.pos = c.pub
	}
	return true
}

// rewind takes back the delivery that was not consumed.
func (c *consumer) rewind() {
	if c.manual || c.begin() != nil {
		return
	}
	if c.pos != c.done.position {
		c.records--
		c.bytes -= c.last
	}
	c.pos, c.expect, c.jumped = c.done.position, c.done.sequence, false
	c.win.bytes = nil // the payload was the caller's to change
	c.finish()
}
