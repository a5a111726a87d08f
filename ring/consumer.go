package ring

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/mmring/mmring/internal/release"
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
	expect  uint64                          // number of the record at pos; 0: not known yet
	want    uint64                          // number of the first record wanted; 0: any
	since   int64                           // time before which records are passed over, in nanoseconds since 1970; 0: none
	done    mark                            // consumed
	stored  uint64                          // the cursor as it stands in the file
	every   uint64                          // bytes between two stores of the cursor at the most
	era     uint64                          // an observer's: the epoch that it looks at
	jumped  bool                            // an overrun lies between the last record and pos
	manual  bool                            // only AckTo consumes
	newest  bool                            // after an overrun go on behind the newest record
	wary    bool                            // what was copied may have been overwritten: an observer, or a reader that can be evicted
	fenced  bool                            // the kernel has no membarrier that would make up for a fence behind stores of the cursor
	owed    bool                            // the first record tells what was lost to an eviction, and it is not consumed yet
	records uint64                          // delivered and consumed
	bytes   uint64                          // of their payloads
	waits   uint64                          // times it slept
	last    struct{ records, bytes uint64 } // as they were before the delivery that is not consumed

	window  []byte // a private copy of the ring's bytes from pos on, or nothing
	own     []byte // memory for windows
	lookout lookout
	seen    struct{ records, position uint64 } // when lookout was last asked
	leased  uint64                             // position up to which this reader has asked for the mirror
	lines   int                                // cache lines that the mirror of a record like the last one takes
	batch   []Record
	err     error // why Records or Batches ended
	look    func() bool
	fence   atomic.Uint32

	warnAt   uint64 // bytes behind at which it is warned; 0: never
	warned   bool   // it has been, and has not caught up since
	warnings uint64
	selected selection // by tags

	lends  bool // it lends records out instead of copying them
	lent   *lent
	leases int // that may be out; 0: as many as by default

	reopen   func(context.Context) error // goes on with the ring that is at the path now; nil: it is not followed
	followed uint64                      // how often that was done
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

func (c *consumer) deliver(ctx context.Context, into []byte) (rec Record, err error) {
	if err := c.begin(); err != nil {
		return Record{}, fail("read", c.path, err)
	}
	running := true
	defer func() {
		if running {
			err = c.rescued("read", recover())
		}
	}()
	err = c.step(ctx, &rec, into)
	running = false
	return rec, c.exit("read", err)
}

// step consumes the record delivered before and reads the next one into rec. What was consumed is the writer's again at
// the latest when the writer sleeps for it, or a stride has come together.
func (c *consumer) step(ctx context.Context, rec *Record, into []byte) error {
	if !c.manual {
		c.done = mark{c.pos, c.expect}
		if c.slot != nil && (c.pos-c.stored >= c.every || c.spaceWake.Load()&asleep != 0) {
			c.storeCursor()
		}
	}
	if c.calls++; c.calls&255 == 0 {
		c.watchful()
		if err := ended(ctx); err != nil {
			return err
		}
	}
	for !c.quick(rec, into) {
		if ok, err := c.find(ctx, rec, into); ok || err != nil {
			return err
		}
	}
	return nil
}

// quick reads the next record if it is whole in the window and there is nothing special about it.
func (c *consumer) quick(rec *Record, into []byte) bool {
	raw := c.window
	if len(raw) < recordSize {
		return false
	}
	word, seq := le.Uint64(raw[0:8]), le.Uint64(raw[8:16])
	size := uint64(uint32(word))
	whole := align16(size)
	if uint16(word>>32) != kindData || seq != c.expect || seq == 0 || size < recordSize || whole > uint64(len(raw)) || c.jumped || c.want != 0 {
		return false
	}
	payload := raw[recordSize:size:size] // who appends to it must not reach the next record
	if into != nil {
		if len(payload) > len(into) {
			return false
		}
		payload = into[:copy(into, payload):len(payload)]
	}
	c.pos += whole
	c.window = raw[whole:]
	c.expect = seq + 1
	c.records++
	c.bytes += size - recordSize
	rec.Seq, rec.Lost, rec.Tag, rec.nanos, rec.Payload = seq, 0, uint16(word>>48), 0, payload
	return true
}

// find waits if nothing more is published, and else reads what quick does not. It returns false without an error when
// there is something to look at again.
func (c *consumer) find(ctx context.Context, rec *Record, into []byte) (bool, error) {
	if c.lends {
		if err := c.endLending(); err != nil {
			return false, err
		}
	}
	if c.selected.tags != nil {
		return c.findWanted(ctx, rec, into)
	}
	if c.pos == c.pub {
		err := c.await(ctx)
		if err != nil && c.reopen != nil {
			err = c.follow(ctx, err)
		}
		return false, err
	}
	if len(c.window) < recordSize {
		if c.fill(recordSize) {
			return false, nil
		}
		return false, c.dismissed()
	}
	return c.take(rec, into)
}

// storeCursor tells the writer how far this reader is, and wakes it if it sleeps.
func (c *consumer) storeCursor() {
	if c.lends {
		c.lent.caughtUp(c)
		return
	}
	if c.slot == nil || c.stored == c.done.position {
		return
	}
	c.slot.count(c.records, c.bytes, c.waits)
	if c.fenced || c.owed {
		c.pay()
		c.slot.cursor.Store(c.done.position) // R2
	} else {
		release.Store(c.slot.cursor, c.done.position) // R2: the fence between it and the look that follows is the sleeper's
	}
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
		c.pass(h.whole)
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
	c.pass(whole)
	if c.jumped {
		rec.Lost = rec.Seq - c.expect
	}
	c.expect, c.jumped = rec.Seq+1, false
	if c.want != 0 {
		if c.want > rec.Seq {
			c.done = mark{c.pos, c.expect}
			return false
		}
		rec.Lost, c.want = rec.Seq-c.want, 0
	}
	if c.since != 0 {
		if rec.nanos < c.since {
			c.done = mark{c.pos, c.expect}
			return false
		}
		c.since = 0
	}
	c.records++
	c.bytes += uint64(len(rec.Payload))
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
	err := c.dismissedAt(c.done.position)
	if e, ok := err.(*Evicted); ok {
		c.account(e)
	}
	return err
}

// dismissedAt is dismissed for a registered reader that has consumed what comes before position.
func (c *consumer) dismissedAt(position uint64) error {
	switch s := slotState(c.slot.word.Load()); {
	case s == c.mine:
		return nil
	case s.state() == stateEvicted:
		return &Evicted{Position: position}
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

// cut looks whether another writer has come, which may have moved published back and written there: what was copied before
// is worth nothing then, and published is looked at again. If it is now below pos, what this observer was about to read
// is gone, and the next look finds that out. Readers need not ask: published stays where it is while one is registered.
func (c *consumer) cut() bool {
	if c.slot != nil {
		return slotState(c.slot.word.Load()) != c.mine // V2
	}
	era := c.epoch.Load() // V2
	if era == c.era {
		return false
	}
	c.era, c.window = era, nil
	c.pub = max(c.published.Load(), c.pos) // R1
	return true
}

// overrun looks whether the record at pos has been overwritten, after it was copied, and if so moves to where records are
// still whole.
func (c *consumer) overrun() bool {
	order(&c.fence) // V1: the loads of the copy come before
	if c.cut() {
		return true
	}
	o := c.oldest.Load() // V2
	if o <= c.pos {
		return false
	}
	c.jumped = c.expect != 0
	c.pub = c.published.Load() // R1
	c.pos, c.window = o, nil
	if c.newest || c.pub < o || c.pub-o > c.capacity() {
		c.pos = c.pub
	}
	return true
}
