package ring

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mmring/mmring/internal/release"
)

// How many leases of a reader may be out at a time.
const (
	defaultLeases = 64
	mostLeases    = 4096
)

// lent is what a reader has lent out: the leases from first to next, of which some may be back already, until the first is.
// The reader lends, any goroutine gives back, and neither has to wait: only who moves first, which is done now and then, takes
// the mutex.
type lent struct {
	loans []loan // of a power of two; loan n stands at n modulo that
	most  uint64 // that may be out
	full  error  // ErrWindow, wrapped once

	next uint64 // of the reader alone

	every   atomic.Uint64 // that of the reader, in the ring whose records these are
	reach   atomic.Uint64 // position behind the last one; stored by the reader
	waiting atomic.Bool   // the reader has caught up, at at: everything before is consumed when nothing is out
	closed  atomic.Bool   // Close was called while leases were out
	first   atomic.Uint64 // this and the rest is stored under mu
	stored  atomic.Uint64 // the cursor as it stands in the file

	mu      sync.Mutex
	lending bool   // else the cursor is the reader's alone, and may be in another ring: whoever comes late leaves it alone
	done    mark   // consumed: everything before the first
	records uint64 // consumed
	bytes   uint64 // of their payloads
	slept   uint64 // times that the reader slept
	at      mark
	end     uint64 // next, as it was when the reader was at at, or was closed
	over    bool   // the last lease has come back after Close
}

// loan is one lease.
type loan struct {
	back  atomic.Uint64 // number of the lease of this place that came back last
	end   mark          // behind the record
	bytes uint64
}

func (t *lent) size() uint64 { return uint64(len(t.loans)) }

func (t *lent) loan(n uint64) *loan { return &t.loans[n&(t.size()-1)] }

// giveBack ends lease n; false if it is not out.
func (t *lent) giveBack(n uint64) bool { return t.loan(n).back.CompareAndSwap(n-t.size(), n) }

// due reports whether something has to be done at once about what came back.
func (t *lent) due() bool {
	return t.waiting.Load() || t.closed.Load() || t.reach.Load()-t.stored.Load() >= t.every.Load()
}

func (t *lent) isOut(n uint64) bool { return t.loan(n).back.Load() == n-t.size() }

// checkLeases says what cannot be.
func (o *ReaderOptions) checkLeases() error {
	if o.Leases < 0 || o.Leases > mostLeases {
		return fmt.Errorf("%w: %d leases: must be 0 to %d", ErrConfig, o.Leases, mostLeases)
	}
	return nil
}

// newLent returns what the reader needs to lend.
func (r *Reader) newLent() *lent {
	most := r.leases
	if most == 0 {
		most = defaultLeases
	}
	t := &lent{loans: make([]loan, 1<<bits.Len(uint(most-1))), most: uint64(most)}
	t.full = fail("lease", r.path, fmt.Errorf("%w: %d leases are out", ErrWindow, most))
	for i := range t.loans {
		t.loans[i].back.Store(uint64(i)) // the first lease of a place has a number that is one size larger
	}
	t.next = t.size()
	t.first.Store(t.size())
	return t
}

// startLending makes a reader that has delivered copies one that lends. What was delivered is consumed, as by every next
// call.
func (r *Reader) startLending() error {
	switch {
	case r.hdr.has(modeEvict):
		return fmt.Errorf("no leases in a ring that may evict its readers: %w", errors.ErrUnsupported)
	case r.manual:
		return fmt.Errorf("%w: a reader with ManualAck has no leases: Release consumes", ErrMisuse)
	}
	if r.lent == nil {
		r.lent = r.newLent()
	}
	r.done, r.window = mark{r.pos, r.expect}, nil
	r.lends, r.manual = true, true // no other call consumes
	t := r.lent
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lending, t.done = true, r.done
	t.every.Store(r.every)
	t.stored.Store(r.stored)
	t.reach.Store(r.pos)
	t.waiting.Store(false)
	t.records, t.bytes, t.slept = r.records, r.bytes, r.waits
	return nil
}

// endLending makes the reader one that delivers copies again, if nothing is out. Who has given the last lease back may not
// have taken the mutex yet: it finds that nothing is lent, and does nothing.
func (c *consumer) endLending() error {
	if !c.lends {
		return nil
	}
	t := c.lent
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takeBack()
	if err := t.named(); err != nil {
		return err
	}
	c.done, c.stored = mark{c.pos, c.expect}, t.stored.Load()
	c.lends, c.manual, t.lending = false, false, false
	t.waiting.Store(false)
	return nil
}

// catchUp makes known to the reader what others have released.
func (c *consumer) catchUp() {
	if !c.lends {
		return
	}
	t := c.lent
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takeBack()
	c.done, c.stored = t.done, t.stored.Load()
}

// makeRoom makes sure that one more may be out, and tells the writer what it has to know.
func (t *lent) makeRoom(r *Reader) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting.Store(false)
	t.settle(&r.consumer, false)
	if t.next-t.first.Load() >= t.most {
		return t.full
	}
	return nil
}

// grant lends out the record that ends at end and returns the number of its lease.
func (t *lent) grant(end mark, bytes uint64) (n uint64) {
	n = t.next
	one := t.loan(n)
	one.end, one.bytes = end, bytes
	t.next = n + 1
	release.Store(&t.reach, end.position)
	return n
}

// caughtUp is storeCursor of a reader that lends, and has nothing more to deliver now. From here on whoever releases what is
// out stores the cursor: the writer may need that space for what the reader waits for.
func (t *lent) caughtUp(c *consumer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.end, t.slept = mark{c.pos, c.expect}, t.next, c.waits
	t.waiting.Store(true) // before it looks what is back: who gives back looks at it after that
	t.settle(c, true)
	c.done, c.stored = t.done, t.stored.Load()
}

// settle takes back what can be, and stores the cursor if the writer should know: at all events, or because the reader waits
// and nothing is out, or a stride has come together, or the writer sleeps.
func (t *lent) settle(c *consumer, always bool) {
	if !t.lending {
		return
	}
	t.takeBack()
	behind := t.done.position - t.stored.Load()
	idle := t.waiting.Load() && t.first.Load() == t.end
	if behind != 0 && (always || idle || behind >= c.every || c.spaceWake.Load()&asleep != 0) {
		t.storeCursor(c)
	}
}

// takeBack moves first over what is back.
func (t *lent) takeBack() {
	n := t.first.Load()
	for ; t.loan(n).back.Load() == n; n++ {
		one := t.loan(n)
		t.done = one.end
		t.records++
		t.bytes += one.bytes
	}
	if n == t.end && t.waiting.Load() {
		t.done = t.at
	}
	t.first.Store(n)
}

// out is named for the reader, who has not the mutex.
func (t *lent) out() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.named()
}

// storeCursor is the reader's for what is released.
func (t *lent) storeCursor(r *consumer) {
	s := r.slot
	s.count(t.records, t.bytes, t.slept)
	if r.fenced {
		s.cursor.Store(t.done.position) // R2
	} else {
		release.Store(s.cursor, t.done.position) // R2: the fence between it and the look that follows is the sleeper's
	}
	t.stored.Store(t.done.position)
	rouse(r.spaceWake)
}

// named is an ErrLeased that names the records whose leases are out; nil if none is. It is for the reader, or who closes it.
func (t *lent) named() error {
	const most = 8 // stretches
	var all []string
	more := uint64(0)
	for n := t.first.Load(); n != t.next; {
		if !t.isOut(n) {
			n++
			continue
		}
		end := n + 1
		for end != t.next && t.isOut(end) {
			end++
		}
		one := fmt.Sprint(t.loan(n).end.sequence - 1)
		if end != n+1 {
			one += fmt.Sprintf(" to %d", t.loan(end-1).end.sequence-1)
		}
		if len(all) < most {
			all = append(all, one)
		} else {
			more += end - n
		}
		n = end
	}
	if len(all) == 0 {
		return nil
	}
	if more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w: of records %s", ErrLeased, strings.Join(all, ", "))
}

// closeLent leaves what the reader has to the last lease, if any is out, and names them.
func (r *Reader) closeLent() error {
	t := r.lent
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = t.next
	t.closed.Store(true) // before it looks what is back: who gives back looks at it after that
	t.takeBack()
	err := t.named()
	t.over = err == nil
	return err
}
