package ring

import "context"

// SeekTo goes to another place in the stream: the next record is the one that from names, as for a reader just opened. Next
// is the first record that is not consumed: what was delivered since comes again. The cursor moves along, also with
// ManualAck: what lies before the new place is consumed, what lies behind it is not. Backwards it goes as far as there are
// records; what Seq asks for beyond, the next record counts in Lost. With an error the reader stays where it was. It takes as
// long as a walk through a 64th of the ring.
//
// Errors: ErrNoTimes, ErrEvicted, ErrCorrupt, ErrLost, ErrMisuse, os.ErrClosed, and the context's cause if it is done.
func (r *Reader) SeekTo(ctx context.Context, from Start) error {
	return r.do("seek", func() error {
		if err := r.maySeek(ctx, from); err != nil {
			return err
		}
		if err := r.dismissed(); err != nil {
			return err
		}
		if from == Next {
			r.again()
			return nil
		}
		return r.seek(from)
	})
}

// SeekTo goes to another place in the stream: the next record is the one that from names, as for an observer just opened.
// Next is the first record that is not consumed: what was delivered since comes again, if it is still there. With an error
// the observer stays where it was. It takes as long as a walk through a 64th of the ring.
//
// Errors: ErrNoTimes, ErrCorrupt, ErrLost, ErrMisuse, os.ErrClosed, and the context's cause if it is done.
func (v *Observer) SeekTo(ctx context.Context, from Start) error {
	return v.do("seek", func() error {
		if err := v.maySeek(ctx, from); err != nil {
			return err
		}
		if from == Next {
			v.again()
			return nil
		}
		return v.goTo(from)
	})
}

// maySeek refuses what no seek can do.
func (c *consumer) maySeek(ctx context.Context, from Start) error {
	if err := ended(ctx); err != nil {
		return err
	}
	if err := c.endLending(); err != nil {
		return err
	}
	return c.knows(from)
}

// again goes back to what is not consumed.
func (c *consumer) again() {
	c.pos, c.expect, c.jumped, c.window = c.done.position, c.done.sequence, false, nil
}

// seek moves a registered reader. The bytes from its cursor on are its own; if from is not there, it registers anew at
// oldest, by S1 to S3, and looks from there on.
func (r *Reader) seek(from Start) error {
	low, high := r.stored, r.published.Load() // R1
	start, err := r.locate(from, low, high)
	if err == nil && !r.within(from, start, low, high) {
		if err := r.enterAtOldest(); err != nil {
			return err
		}
		low = r.slot.cursor.Load()
		r.stored = low
		if low > high || high-low > r.capacity() || low%recordSize != 0 {
			err = corrupt("cursor %d, published %d, capacity %d", low, high, r.capacity())
		} else {
			start, err = r.locate(from, low, high)
		}
	}
	order(&r.fence)                         // V1
	if gone := r.dismissed(); gone != nil { // V2: what was looked at may be overwritten
		return gone
	}
	if err == nil {
		if start.sequence == 0 && start.position == r.pos {
			start.sequence = r.expect
		}
		r.place(from, start.mark, high)
	}
	r.storeCursor()
	return err
}

// enterAtOldest moves the cursor back to oldest. It does not move forward: the slot is looked at after oldest, and as long as the
// reader was not evicted, nothing from its cursor on was given away.
func (r *Reader) enterAtOldest() error {
	o := r.oldest.Load()
	if err := r.dismissed(); err != nil {
		return err
	}
	r.enterAt(r.slot, o)
	return nil
}

// within reports whether at, found between low and high, is where s lies in all of the ring: it is the very record, or one
// before it, at low or behind, was passed over.
func (m *memory) within(s Start, at found, low, high uint64) bool {
	if s.kind == startNewest || s.kind == startSeq && at.sequence == s.n && s.n > 0 {
		return true
	}
	first, err := m.first(low, high)
	return err == nil && at.sequence > first.sequence
}

// goTo moves an observer.
func (v *Observer) goTo(from Start) error {
	at, high, era, err := v.spot(from)
	if err != nil {
		return err
	}
	v.place(from, at, high)
	v.era = era
	return nil
}

// place is where the consumer goes on: at, which is where from lies. Up to high records are published.
func (c *consumer) place(from Start, at mark, high uint64) {
	c.pos, c.pub, c.expect, c.want, c.since = at.position, high, at.sequence, from.wanted(), 0
	if at.position == high {
		c.since = from.since()
	}
	c.done, c.window, c.jumped = at, nil, false
	c.selected.window, c.selected.lost = nil, 0
	c.seen.position = at.position
}

// spot finds where from lies, and published and epoch at that time, for somebody who owns no bytes: what it reads on the way
// counts only if none of it was overwritten.
func (c *consumer) spot(from Start) (at mark, high, era uint64, err error) {
	for range overtaken {
		era = c.epoch.Load()
		low, high, err := c.bounds()
		if err != nil {
			return at, high, era, err
		}
		start, err := c.locate(from, low, high)
		if err == nil && start.sequence == 0 {
			start.mark, err = c.tail(low, high)
		}
		order(&c.fence)                                            // V1
		if c.oldest.Load() > start.base || c.epoch.Load() != era { // V2
			continue
		}
		if low == high && c.published.Load() != high {
			continue // the number of the next record may be that of a later one
		}
		return start.mark, high, era, err
	}
	return at, high, era, corrupt("overtaken %d times while looking for a place in it", overtaken)
}

// overtaken is how often somebody looks again for a place that was overwritten under its eyes. Each time the writer has
// gone on for at least a stride.
const overtaken = 1000

// Lag returns how far this reader or observer is behind: what is published and not consumed, in records and in bytes of the
// ring. An observer's may be more than the ring holds: then the first of it is lost. It takes as long as a walk
// through a 64th of the ring; Pressure may be asked at any time.
func (c *consumer) Lag() (records, bytes uint64, err error) {
	err = c.do("lag", func() error {
		c.catchUp()
		end, _, _, err := c.spot(Newest)
		if gone := c.dismissed(); gone != nil {
			return gone
		}
		if err != nil || end.position <= c.done.position {
			return err
		}
		first := c.done
		if first.sequence == 0 { // a reader's, so what it looks at is its own
			first, err = c.first(first.position, end.position)
			order(&c.fence)                         // V1
			if gone := c.dismissed(); gone != nil { // V2
				return gone
			}
			if err != nil {
				return err
			}
		}
		records, bytes = end.sequence-min(first.sequence, end.sequence), end.position-first.position
		return nil
	})
	return records, bytes, err
}

// Remaining returns how many records can be had without waiting: published, not yet delivered and not overwritten. It takes
// as long as Lag.
func (c *consumer) Remaining() (records uint64, err error) {
	err = c.do("remaining", func() error {
		end, _, _, err := c.spot(Newest)
		if gone := c.dismissed(); gone != nil {
			return gone
		}
		if err != nil || end.position <= c.pos {
			return err
		}
		oldest, _, _, err := c.spot(Oldest)
		if err != nil {
			return err
		}
		next := max(oldest.sequence, c.expect, c.want)
		if here, err := c.first(c.pos, end.position); err == nil && (c.expect == 0 || c.jumped) {
			next = max(next, here.sequence) // passed over are records that are still there
		}
		records = end.sequence - min(next, end.sequence)
		return nil
	})
	return records, err
}

// Pressure returns what share of the capacity is published and not consumed, from 0 to 1. Near 1 a reader holds the writer
// back, and an observer is about to be overrun: the writer overwrites up to two 64ths of the ring ahead of what it needs. It costs
// a load of one shared word, and a reader's own.
func (c *consumer) Pressure() (share float64, err error) {
	err = c.do("pressure", func() error {
		c.catchUp()
		if err := c.dismissed(); err != nil {
			return err
		}
		behind := max(c.published.Load(), c.done.position) - c.done.position
		share = min(float64(behind)/float64(c.capacity()), 1)
		return nil
	})
	return share, err
}
