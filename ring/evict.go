package ring

import (
	"fmt"
	"time"
)

// Eviction: in a ring made for it the writer drops a reader that has held it back too long, and goes on. Here is the
// writer's side; comeback.go has the reader's.
//
// The time is the writer's own running time: what lies between two looks at those in its way, each counted for at most a
// slice. A writer that was stopped, or whose machine slept, has not looked meanwhile: however long that took, it counts as
// one slice. A reader that moves begins anew; since readers tell where they are now and then only, whoever has been in the way
// for a slice is asked.

const (
	minEvictAfter = time.Millisecond
	// leastLooks is how many looks it takes at least until somebody is evicted: that many times the machine may sleep before a
	// reader that slept with it is taken for slow.
	leastLooks = 16
)

// clock is what the time is counted by. Tests have another.
var clock = time.Now

// spell is how long a reader has held this writer back without moving.
type spell struct {
	word   slotState // 0: it is not in the way
	cursor uint64
	held   time.Duration
}

// patience says how long this writer waits for a reader.
func (w *Writer) patience(own time.Duration) error {
	least := w.hdr.evictAfter
	switch {
	case own > 0 && !w.hdr.has(modeEvict):
		return fmt.Errorf("%w: eviction after %s asked for, and the ring was made without", ErrConfig, own)
	case own > 0 && own < least:
		return fmt.Errorf("%w: eviction after %s asked for, and the ring grants readers %s", ErrConfig, own, least)
	case own < 0 || !w.hdr.has(modeEvict):
		return nil
	}
	limit := max(own, least)
	w.back.limit, w.back.slice = limit, limit/leastLooks
	return nil
}

// overdue looks at those in the way of a record that ends at end, adds up how long each has been there, and reports
// whether one has been there too long.
func (w *Writer) overdue(end uint64) (over bool) {
	w.sayHeld()
	b := &w.back
	if b.limit == 0 && (w.log == nil || b.told) {
		return false // nobody asks how long it has been
	}
	now := clock()
	w.tellHeld(now)
	if b.limit == 0 {
		return false
	}
	if b.spent == nil {
		b.spent = make([]spell, len(w.slots))
	}
	passed := min(now.Sub(b.last), b.slice)
	if b.last.IsZero() {
		clear(b.spent)
	}
	b.last = now
	ask := false
	for i := range w.used() {
		s, p := &w.slots[i], &b.spent[i]
		st, c := slotState(s.word.Load()), s.cursor.Load()
		switch {
		case !st.mayEvict() || end <= c+w.capacity():
			*p = spell{}
		case p.word != st || p.cursor != c:
			*p = spell{st, c, 0}
		default:
			p.held += passed
			over = over || p.held >= b.limit
			ask = ask || p.held >= b.slice
		}
	}
	if ask && w.spaceWake.Load()&asleep == 0 {
		w.spaceWake.Or(asleep) // Z1: as if the writer slept, which it may not do: whoever moves stores its cursor
	}
	return over
}

// evictOverdue evicts all whose time is over. A shared writer has the mutex. The logger, which may take its time, comes last.
func (w *Writer) evictOverdue() (some bool) {
	var evicted []int
	for i := range w.back.spent {
		p := &w.back.spent[i]
		if p.held >= w.back.limit && w.evict(holder{i, p.word}, p.cursor) {
			w.add(statEvictions, 1)
			evicted = append(evicted, i)
		}
	}
	for _, i := range evicted {
		p := &w.back.spent[i]
		w.dropped(i, "reader evicted", "pid", w.slots[i].pid.Load(), "position", p.cursor, "held", p.held)
	}
	return len(evicted) > 0
}

// evict drops the reader of a slot whose cursor is c, unless the slot has changed since, or the reader has moved: between the
// look at it and now the writer may have been stopped. Whoever is evicted may be stopped anywhere, and goes on some day: it
// still has the slot, and copies before it looks whether it was dropped.
//
//	S8 the number of the record at c, for who comes back under the reader's name. Not if that is owed an earlier one
//	S7 active to evicted, by CAS on all of the word: it hits nobody else. The cursors are looked at again afterwards,
//	   before anything is given away (W3)
func (w *Writer) evict(one holder, c uint64) bool {
	s := &w.slots[one.slot]
	if !one.word.owed() {
		n, was := uint64(0), s.sequence.Load()
		if h, ok := w.parse(c, w.pub-c); ok && w.pub-c <= w.capacity() { // it may be below oldest: the writer has counted it there
			n = h.seq
		}
		if slotState(s.word.Load()) != one.word || !s.sequence.CompareAndSwap(was, n) { // S8: in a member's slot the word means something else
			return false
		}
	}
	if s.cursor.Load() != c {
		return false
	}
	return s.word.CompareAndSwap(uint64(one.word), uint64(one.word.as(stateEvicted))) // S7
}
