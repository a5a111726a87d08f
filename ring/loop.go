package ring

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime/debug"
	"slices"
)

// Records returns the records from the next one on, for a range loop, which ends when the ring does, at an error or when
// the context is done: see Err. Asking for the next turn consumes the record of the last one; break, return and a panic do
// not: it comes again. The loop's body may use the reader, and runs with debug.SetPanicOnFault set.
func (c *consumer) Records(ctx context.Context) iter.Seq[Record] {
	return func(yield func(Record) bool) { c.finished(c.loop(ctx, 1, yield, nil)) }
}

// Batches is Records with up to n records a turn: those that are there, at least one; it never waits for more. The slice
// and the payloads are valid until the next turn, which consumes all of them together. A batch holds records of up to
// 16 KiB together, headers included, or one larger one. An n below 1 counts as 1.
func (c *consumer) Batches(ctx context.Context, n int) iter.Seq[[]Record] {
	return func(yield func([]Record) bool) { c.finished(c.loop(ctx, n, nil, yield)) }
}

// Err returns why the last loop over Records or Batches ended: nil after the ring's end and after a break.
func (c *consumer) Err() error { return c.err }

// finished keeps what a loop ended with for Err.
func (c *consumer) finished(err error) {
	if c.err = err; isEOF(err) {
		c.err = nil
	}
}

// What a loop is doing when it is left.
const (
	turnReads  = iota // it is inside of the handle
	turnYields        // the body runs, and the handle is free
	turnOver          // it has left by itself
)

// loop delivers to one, or up to most records at a time to many, until there are no more or the body does not want any.
// The goroutine's faults are armed once for all turns.
func (c *consumer) loop(ctx context.Context, most int, one func(Record) bool, many func([]Record) bool) (err error) {
	if err := c.begin(); err != nil {
		return fail("read", c.path, err)
	}
	armed, turn := c.armed, turnReads
	defer func() {
		switch turn {
		case turnReads:
			c.armed = armed
			err = c.rescued("read", recover())
		case turnYields:
			debug.SetPanicOnFault(armed)
			c.rewind()
		}
	}()
	for more := true; more; {
		var rec Record
		c.last.records, c.last.bytes = c.records, c.bytes
		if err = c.step(ctx, &rec, nil); err == nil && many != nil {
			if c.selected.tags != nil {
				c.gatherWanted(rec, most)
			} else {
				c.gather(rec, most)
			}
		}
		if err != nil {
			turn, c.armed = turnOver, armed
			return c.exit("read", err)
		}
		turn = turnYields
		c.finish()
		if many == nil {
			more = one(rec)
		} else {
			more = many(c.batch)
		}
		if more {
			if err = c.admit(); err != nil {
				turn = turnOver
				debug.SetPanicOnFault(armed)
				return fail("read", c.path, err)
			}
			turn = turnReads
		}
	}
	return nil
}

// gather makes the batch of first and what else is whole in the window and has nothing special about it: quick, for many.
func (c *consumer) gather(first Record, most int) {
	batch, raw, seq, bytes := append(c.batch[:0], first), c.window, c.expect, uint64(0)
	for len(batch) < most && len(raw) >= recordSize {
		word := le.Uint64(raw[0:8])
		size := uint64(uint32(word))
		whole := align16(size)
		if uint16(word>>32) != kindData || le.Uint64(raw[8:16]) != seq || size < recordSize || whole > uint64(len(raw)) {
			break
		}
		if len(batch) == cap(batch) {
			batch = slices.Grow(batch, len(batch))
		}
		batch = batch[:len(batch)+1]
		rec := &batch[len(batch)-1] // field by field: a whole Record would be made elsewhere first
		rec.Seq, rec.Lost, rec.Tag, rec.nanos, rec.Payload = seq, 0, uint16(word>>48), 0, raw[recordSize:size:size]
		raw = raw[whole:]
		bytes += size - recordSize
		seq++
	}
	c.records += seq - c.expect
	c.bytes += bytes
	c.pos += uint64(len(c.window) - len(raw))
	c.window, c.expect, c.batch = raw, seq, batch
}

// rewind takes back the delivery that was not consumed.
func (c *consumer) rewind() {
	if c.manual || c.begin() != nil {
		return
	}
	if c.pos != c.done.position {
		c.records, c.bytes = c.last.records, c.last.bytes
	}
	c.pos, c.expect, c.jumped = c.done.position, c.done.sequence, false
	c.window = nil // the payload was the caller's to change
	_ = c.exit("read", nil)
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
