package ring

import "context"

// Reading by tags: a reader or observer that wants only some tags passes over all other records. Those that have no such
// wish pay nothing for it: the window of one that has is put away between two calls, so that quick, which does not look at
// tags, finds none.

// tagSet has a bit for each tag.
type tagSet [1 << 16 / 64]uint64

// newTagSet returns the set of tags; nil if there are none: then all records are wanted.
func newTagSet(tags []uint16) *tagSet {
	if len(tags) == 0 {
		return nil
	}
	s := new(tagSet)
	for _, t := range tags {
		s[t/64] |= 1 << (t % 64)
	}
	return s
}

func (s *tagSet) has(tag uint16) bool { return s[tag/64]>>(tag%64)&1 != 0 }

// selection is what a consumer has that wants only some tags.
type selection struct {
	tags   *tagSet // nil: it wants all
	window []byte  // that of the consumer between two calls
	at     uint64  // where it begins
	lost   uint64  // records before the next one delivered, told by ones that were passed over
}

// takeOut gives the consumer its window back, unless it has gone elsewhere since.
func (c *consumer) takeOut() {
	if c.selected.at == c.pos {
		c.window = c.selected.window
	}
	c.selected.window = nil
}

// putAway is the end of what takeOut began.
func (c *consumer) putAway() {
	c.selected.window, c.selected.at, c.window = c.window, c.pos, nil
}

// findWanted is find for a consumer that wants only some tags. It waits until there is one.
func (c *consumer) findWanted(ctx context.Context, rec *Record, into []byte) (ok bool, err error) {
	c.takeOut()
	for !ok && err == nil {
		switch {
		case c.pos == c.pub:
			if err = c.await(ctx); err != nil && c.reopen != nil {
				err = c.follow(ctx, err)
			}
		case len(c.window) < recordSize:
			if !c.fill(recordSize) {
				err = c.dismissed()
			}
		case c.passesOver():
			err = c.due(ctx)
		case c.quick(rec, into):
			ok = true
		default:
			ok, err = c.take(rec, into)
		}
	}
	c.putAway()
	if ok {
		rec.Lost += c.selected.lost
		c.selected.lost = 0
	}
	return ok, err
}

// passesOver passes over the record at pos, whose header is in the window, if its tag is not wanted. What it is not sure of
// is for take.
func (c *consumer) passesOver() bool {
	h, good := c.parsePrivate(c.window)
	if h.kind != kindData || c.selected.tags.has(h.tag) || !c.plausible(h, good) {
		return false
	}
	c.passOver(h)
	if c.slot != nil && (c.pos-c.stored >= c.every || c.spaceWake.Load()&asleep != 0) {
		c.storeCursor()
	}
	return true
}

// passOver passes over the record at pos, which has header h. It is consumed if everything before it is, and the reader has
// been told of all that it lost to an eviction.
func (c *consumer) passOver(h head) {
	before := c.pos
	c.pass(h.whole)
	if c.jumped {
		c.selected.lost += h.seq - c.expect
	}
	if c.want != 0 && h.seq >= c.want {
		c.selected.lost, c.want = h.seq-c.want, 0
	}
	c.expect, c.jumped = h.seq+1, false
	if c.done.position == before && !c.owed {
		c.done = mark{c.pos, c.expect}
	}
}

// gatherWanted is gather for a consumer that wants only some tags.
func (c *consumer) gatherWanted(first Record, most int) {
	c.batch = append(c.batch[:0], first)
	c.takeOut()
	for len(c.batch) < most && len(c.window) >= recordSize {
		h, good := c.parsePrivate(c.window)
		var rec Record
		switch {
		case good && h.kind == kindData && h.seq == c.expect && h.whole <= uint64(len(c.window)) && !c.selected.tags.has(h.tag):
			c.passOver(h)
			continue
		case !c.quick(&rec, nil):
			c.putAway()
			return
		}
		c.batch = append(c.batch, rec)
	}
	c.putAway()
}
