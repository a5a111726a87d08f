package ring

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"sync"

	"github.com/mmring/mmring/internal/release"
)

// How many leases of a reader may be out at a time.
const (
	defaultLeases = 16
	mostLeases    = 4096
)

// lent is what a reader has lent out: the leases from first on, of which some may be back already, until the first is. It is
// guarded by a mutex of this process, since any goroutine may release; everything else of a reader belongs to the one that
// is inside of it.
type lent struct {
	mu    sync.Mutex
	loans []loan // of a power of two; loan n stands at n modulo that
	most  uint64 // that may be out
	full  error  // ErrWindow, wrapped once
	first uint64
	next  uint64

	done    mark   // consumed: everything before the first that is out
	stored  uint64 // the cursor as it stands in the file
	records uint64 // consumed
	bytes   uint64 // of their payloads
	slept   uint64 // times that the reader slept

	waiting bool // the reader waits at at, where everything before is consumed when nothing is out
	at      mark
	closed  bool // Close was called while leases were out
	over    bool // and the last has come back
}

// loan is one lease.
type loan struct {
	end   mark // behind its record
	bytes uint64
	back  bool
}

func (t *lent) loan(n uint64) *loan { return &t.loans[n&uint64(len(t.loans)-1)] }

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
	full := fail("lease", r.path, fmt.Errorf("%w: %d leases are out", ErrWindow, most))
	return &lent{loans: make([]loan, 1<<bits.Len(uint(most-1))), most: uint64(most), full: full, first: 1, next: 1}
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
	r.startLoans()
	r.lends, r.manual = true, true // no other call consumes
	return nil
}

// startLoans begins at the reader's place.
func (r *Reader) startLoans() {
	t := r.lent
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done, t.stored = r.done, r.stored
	t.records, t.bytes, t.slept = r.records, r.bytes, r.waits
}

// endLending makes the reader one that delivers copies again, if nothing is out.
func (c *consumer) endLending() error {
	if !c.lends {
		return nil
	}
	t := c.lent
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.named(); err != nil {
		return err
	}
	c.done, c.stored = mark{c.pos, c.expect}, t.stored
	c.lends, c.manual = false, false
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
	c.done, c.stored = t.done, t.stored
}

// waits says that the reader begins or ends to wait, and stores the cursor before it does. It returns the leases that are
// out.
func (t *lent) waits(r *Reader, begins bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting, t.at, t.slept = begins, mark{r.pos, r.expect}, r.waits
	if begins {
		if t.first == t.next {
			t.done = t.at
		}
		if t.done.position != t.stored {
			t.storeCursor(r)
		}
	}
	r.done, r.stored = t.done, t.stored
	return t.named()
}

// storeCursor is the reader's for what is released.
func (t *lent) storeCursor(r *Reader) {
	s := r.slot
	s.records.Store(t.records)
	s.bytes.Store(t.bytes)
	s.waits.Store(t.slept)
	if r.fenced {
		s.cursor.Store(t.done.position) // R2
	} else {
		release.Store(s.cursor, t.done.position) // R2: the fence between it and the look that follows is the sleeper's
	}
	t.stored = t.done.position
	rouse(r.spaceWake)
}

// has is isOut for who has not the mutex.
func (t *lent) has(l Lease) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.isOut(l)
}

// isOut refuses a lease that has been released.
func (t *lent) isOut(l Lease) error {
	if l.n < t.first || l.n >= t.next || t.loan(l.n).back {
		return fmt.Errorf("%w: the lease of record %d has been released", ErrMisuse, l.Seq)
	}
	return nil
}

// named is an ErrLeased that names the records whose leases are out; nil if none is.
func (t *lent) named() error {
	const most = 8 // stretches
	if t.first == t.next {
		return nil
	}
	var all []string
	more := uint64(0)
	for n := t.first; n != t.next; {
		if t.loan(n).back {
			n++
			continue
		}
		end := n + 1
		for end != t.next && !t.loan(end).back {
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
	err := t.named()
	t.closed = err != nil
	return err
}
