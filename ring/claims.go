package ring

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
)

// Claims are several records in the making, which one store publishes: readers see none or all. Exactly one of Commit and
// Abort ends them; until then the writer's other calls answer ErrClaimed, and Close leaves the memory mapped.
type Claims struct {
	reserved
	block []byte
	parts []part
}

// part is one of them: size bytes at off of the block are its record, header and all.
type part struct {
	off, size uint64
	tag       uint16
	dropped   bool
}

// ClaimBatch makes room for as many records as there are sizes, each with up to so many bytes of payload, and returns them,
// to be filled, in any order, and committed together. All of them, with their headers, have at most half the capacity: else it is
// ErrTooLarge. It waits as Publish does, and fails as Publish does. A process that dies with claims out has published
// nothing. The Claims belong to the Writer and are used again by the next call. In a ring of shared writers the others wait
// while they are out.
func (w *Writer) ClaimBatch(ctx context.Context, sizes ...int) (c *Claims, err error) {
	if err := w.begin(); err != nil {
		return nil, fail("claim", w.path, err)
	}
	running := true
	defer func() {
		if running {
			err = w.rescued("claim", recover())
		}
	}()
	total, err := w.together(sizes)
	if err == nil {
		err = w.reserve(ctx, total)
	}
	running = false
	if err != nil || !w.held() {
		return nil, w.notHeld(err)
	}
	off := w.pos & w.mask
	c = &w.claims
	*c = Claims{reserved{w, true}, w.data[off : off+total : off+total], c.parts[:0]}
	at := uint64(0)
	for _, n := range sizes {
		size := uint64(w.prefix) + uint64(n)
		c.parts = append(c.parts, part{off: at, size: size})
		at += align16(size)
	}
	return c, nil
}

// together returns how many bytes the records of so many bytes each take, or why that cannot be.
func (w *Writer) together(sizes []int) (total uint64, err error) {
	for _, n := range sizes {
		total += align16(uint64(w.prefix) + uint64(n))
		if n < 0 || total > w.hdr.maxRecord() {
			return 0, fmt.Errorf("%w: claim of %d bytes in %d records that have at most %d together, headers and all", ErrTooLarge, n, len(sizes), w.hdr.maxRecord())
		}
	}
	return total, nil
}

// Len returns how many records were claimed.
func (c *Claims) Len() int { return len(c.parts) }

// Bytes returns the bytes of the ring for record i, from 0 on. What Claim.Bytes says holds.
func (c *Claims) Bytes(i int) []byte {
	p := &c.parts[i]
	return c.block[p.off+uint64(c.w.prefix) : p.off+p.size : p.off+p.size]
}

// SetTag gives record i a tag.
func (c *Claims) SetTag(i int, tag uint16) { c.parts[i].tag = tag }

// Cut leaves the first m bytes of record i, for which more was claimed: ErrTooLarge if it was not. What comes behind it is
// moved by Commit.
func (c *Claims) Cut(i, m int) error {
	p := &c.parts[i]
	if n := int(p.size) - c.w.prefix; m < 0 || m > n {
		return fail("cut", c.w.path, fmt.Errorf("%w: %d bytes of record %d, claimed were %d", ErrTooLarge, m, i, n))
	}
	p.size = uint64(c.w.prefix) + uint64(m)
	return nil
}

// Drop takes record i out: it will not be published, and leaves no gap in the numbers.
func (c *Claims) Drop(i int) { c.parts[i].dropped = true }

// Commit publishes the records that were not dropped, in their order, and returns the number of the first and how many they
// are. A second Commit, or one after Abort, answers ErrMisuse; one after Close has published nothing and answers
// os.ErrClosed.
func (c *Claims) Commit() (first uint64, n int, err error) {
	w := c.w
	if !c.end() {
		return 0, 0, fail("commit", w.path, errClaimOver)
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
		first = w.seq
		if n = c.seal(); n == 0 {
			first = 0
			w.abandon()
		}
		w.publishNext(n == 1)
		w.letGo()
	}
	running = false
	return first, n, w.exit("commit", err)
}

// seal makes records of what was filled, one behind the other, and returns how many.
func (c *Claims) seal() (n int) {
	w := c.w
	start := w.pos
	for i := range c.parts {
		p := &c.parts[i]
		if p.dropped {
			continue
		}
		if w.pos/w.stride() != start/w.stride() {
			w.note(w.pos, w.seq)
			start = w.pos
		}
		at := w.pos & w.mask
		rec := w.data[at : at+p.size]
		if payload := c.Bytes(i); &rec[0] != &c.block[p.off] {
			copy(rec[w.prefix:], payload)
		}
		w.seal(at, p.size, p.tag)
		if w.flags != 0 {
			w.decorate(rec)
		}
		w.bytes += p.size - uint64(w.prefix)
		n++
	}
	return n
}
