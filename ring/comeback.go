package ring

import (
	"fmt"
	"sync/atomic"
)

// Eviction, the reader's side: it finds out, says how far it was, and comes back under its name. evict.go has the
// writer's.

// Evicted is the error of a reader that was dropped; it wraps ErrEvicted.
type Evicted struct {
	Position uint64 // everything before it was consumed
	Seq      uint64 // number of the record there; 0 if it is not known
	Lost     uint64 // records from there on that are overwritten by now; the others can still be read, by another reader
}

// Error says how far the reader was.
func (e *Evicted) Error() string {
	if e.Seq == 0 {
		return fmt.Sprintf("%v: at position %d", ErrEvicted, e.Position)
	}
	return fmt.Sprintf("%v: at position %d, before record %d; %d lost so far", ErrEvicted, e.Position, e.Seq, e.Lost)
}

// Unwrap returns ErrEvicted.
func (e *Evicted) Unwrap() error { return ErrEvicted }

// account says how far this reader was, which was evicted. What the writer noted is for one that has not seen any number
// itself.
func (c *consumer) account(e *Evicted) {
	e.Seq = c.done.sequence
	if noted := c.slot.sequence.Load(); e.Seq == 0 || c.unpaid() && noted < e.Seq {
		e.Seq = noted
	}
	if oldest, _, _, err := c.spot(Oldest); err == nil && e.Seq > 0 {
		e.Lost = max(oldest.sequence, e.Seq) - e.Seq
	}
}

// unpaid reports whether this reader is owed records from before the first that is still there, and has not consumed
// anything since it came back.
func (c *consumer) unpaid() bool { return c.owed && c.stored == c.done.position }

// comeBack makes the evicted cursor of slot s one that the writer waits for again: where it stood, if nothing from there on
// was overwritten, else at oldest. Its reader is owed the difference: it is told with the first record, and until that is
// consumed also the next one who comes. We hold the slot's byte and the registry.
//
//	S8 the number that it is owed from: that at the cursor, which it may have moved since it was evicted
//	S0 owed, if the cursor will no longer say how far it was; still evicted
//	S1 the cursor, then the word: active, owed, next generation
func (g registration) comeBack(s *slot, st slotState) error {
	low, high, err := g.bounds()
	if err != nil {
		return err
	}
	c := s.cursor.Load()
	at, whole := g.standsAt(c, low, high)
	if whole && !st.owed() {
		s.sequence.Store(at.sequence) // S8
	}
	st = slotState(uint64(st) + 1<<32)
	if s.sequence.Load() != 0 {
		st |= flagOwed
	}
	if !whole {
		c = low
		s.word.Store(uint64(st)) // S0
	}
	s.cursor.Store(c)                        // S1
	s.word.Store(uint64(st.as(stateActive))) // S1
	g.enterAt(s, c)
	return nil
}

// standsAt returns the place at c; whole is false if records from there on are gone.
func (m *memory) standsAt(c, low, high uint64) (at mark, whole bool) {
	if c < low || c > high || c%recordSize != 0 {
		return at, false
	}
	var err error
	if c == high {
		at, err = m.tail(low, high)
	} else {
		at, err = m.first(c, high)
	}
	var fence atomic.Uint32
	order(&fence)                                                  // V1
	whole = err == nil && m.oldest.Load() <= c                     // V2
	return at, whole && (low < high || m.published.Load() == high) // else the number of the next record may be that of a later one
}

// owe has the first record say what was lost, if this reader comes back after an eviction and goes on where it was. Who asks
// for another start does not want to know.
func (r *Reader) owe(from Start) {
	if !r.mine.owed() {
		return
	}
	r.owed = true
	if from != Next {
		r.pay()
		return
	}
	next := mark{sequence: r.expect}
	if r.expect == 0 { // nothing is published from here on
		next, _, _, _ = r.spot(Newest)
	}
	if n := r.slot.sequence.Load(); n <= next.sequence { // else it cannot be, or what was cut off: nothing was lost
		r.want = n
	}
}

// pay is told that a reader which is owed something has been told: it is about to store its cursor for the first time, and
// so has consumed the record that told it.
//
//	S9 the owed bit is off, by CAS: the reader may have been evicted again
func (c *consumer) pay() {
	if !c.owed {
		return
	}
	c.owed = false
	if paid := c.mine &^ flagOwed; c.slot.word.CompareAndSwap(uint64(c.mine), uint64(paid)) { // S9
		c.mine = paid
	}
}

// leaveEvicted leaves the slot of a durable reader that was evicted as it is, and notes how far it has come since: the
// number, then the cursor.
func (r *Reader) leaveEvicted() {
	if r.done.sequence != 0 && !r.unpaid() {
		r.slot.sequence.Store(r.done.sequence) // S8
	}
	r.slot.cursor.Store(r.done.position) // R2
}
