package ring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mmring/mmring/lock"
)

// The writer's slow path, once per stride: where may it write?

// room makes sure that a record of size bytes fits at pos. When it does not fit before the end of the region, padding
// fills the rest and pos moves to the region's start. A nil context means: do not wait.
func (w *Writer) room(ctx context.Context, size uint64) error {
	if size > w.hdr.maxRecord() {
		return w.tooLarge(size)
	}
	if w.mutex != nil {
		if err := w.refresh(); err != nil {
			return err
		}
	}
	if err := w.glance(); err != nil {
		return err
	}
	if w.over {
		return fmt.Errorf("%w: this writer said that no more would come", ErrEnded)
	}
	whole, pad := align16(size), uint64(0)
	if left := w.capacity() - w.pos&w.mask; whole > left {
		pad = left
	}
	end := w.pos + pad + whole
	if end >= maxPosition {
		return fmt.Errorf("%w: position %d: the stream is over; make a new ring", ErrTooLarge, end)
	}
	if err := w.makeSpace(ctx, end); err != nil {
		return err
	}
	if !w.back.since.IsZero() || w.mutex != nil && w.stats[statHeldSince].Load() != 0 {
		w.getsOn()
	}
	if pad > 0 {
		b := w.data[w.pos&w.mask:]
		le.PutUint64(b[0:8], headWord(uint32(pad), kindPadding, 0, 0))
		le.PutUint64(b[8:16], w.seq)
		w.pos += pad
	}
	w.note(w.pos, w.seq)
	// The next multiple of a stride at or above end: a claim that is committed short must not leave lim behind the region's end.
	w.lim = min(w.space, (end-1)/w.stride()*w.stride()+w.stride(), w.pos+w.hdr.maxRecord())
	w.flushStats()
	return nil
}

// makeSpace moves space to end or beyond. A nil context means: do not wait.
func (w *Writer) makeSpace(ctx context.Context, end uint64) error {
	for end > w.space {
		ok, err := w.advance(end)
		if err != nil {
			return err
		}
		if ok {
			continue
		}
		if w.pos != w.pub {
			w.publishNext(false) // what a batch has written so far; a reader may be waiting for just that
			continue
		}
		if w.stuck(end) {
			continue
		}
		if ctx == nil {
			freed, err := w.reapAtTimes(end)
			if err != nil {
				return err
			}
			if freed {
				continue
			}
			if w.mutex == nil { // a shared writer gives the mutex back, and may wait then
				w.add(statFull, 1)
			}
			w.want = end
			return w.full
		}
		if err := w.waitSpace(ctx, end); err != nil {
			return err
		}
	}
	return nil
}

// advance moves oldest as far as a record that ends at end needs, and with it space. It reports false when a registered
// reader is in the way.
//
//	W1 store oldest, W2 full fence, W3 the cursors again: a reader that registered meanwhile is either seen here, or sees
//	the new oldest in its S3 and starts there.
func (w *Writer) advance(end uint64) (ok bool, err error) {
	m, by := w.scan()
	if end > m+w.capacity() {
		return w.dropsStray(m, by), nil
	}
	if need := end - min(end, w.capacity()); need > w.old {
		b, ok := w.boundary(need, m)
		if !ok {
			w.drop(by, "cursor is not at a record")
			return true, nil
		}
		w.nextSeq.Store(w.pubSeq) // N1: if the ring is empty now, only this word knows the number
		w.old = b
		w.oldest.Store(b) // W1, W2: a full fence on amd64; on arm64 ordered before the loads of W3
	}
	if w.synced && w.told < w.old {
		if err := w.settleOldest(); err != nil {
			return false, err
		}
	}
	m, _ = w.scan() // W3
	w.space = min(w.old, m) + w.capacity()
	return true, nil
}

// holder is a slot that holds the writer back, and its word when its cursor was loaded.
type holder struct {
	slot int // -1: none
	word slotState
}

// scan returns the smallest position that somebody still needs, and whose slot it is; published if there is none. All
// cursors come before the first claim: what a group's cursor has passed is in a claim by then, also in that of a member
// whose slot nobody had when we came by.
func (w *Writer) scan() (m uint64, by holder) {
	m, by.slot = w.pub, -1
	claims := false
	for i := range w.used() {
		s := &w.slots[i]
		st := slotState(s.word.Load())
		claims = claims || st.mayClaim() || st.kind() == kindGroup
		if st.holdsBack() {
			w.weigh(holder{i, st}, s.cursor.Load(), &m, &by) // R2's partner
		}
	}
	if !claims {
		return m, by
	}
	for i := range w.used() {
		s := &w.slots[i]
		st := slotState(s.word.Load())
		if st.mayClaim() && s.claimEnd.Load() != 0 {
			w.weigh(holder{i, st}, s.claimStart.Load(), &m, &by)
		}
	}
	return m, by
}

// weigh takes the position c of the slot of one into account, or drops the slot if c cannot be.
func (w *Writer) weigh(one holder, c uint64, m *uint64, by *holder) {
	switch {
	case c > w.pub || c%recordSize != 0:
		w.drop(one, "cursor cannot be", "cursor", c, "published", w.pub)
	case c < *m || by.slot < 0:
		*m, *by = c, one
	}
}

// drop takes a slot whose cursor is impossible out of the count, unless it has changed since. Its owner finds out and gets
// ErrCorrupt.
func (w *Writer) drop(one holder, why string, args ...any) {
	if w.slots[one.slot].word.CompareAndSwap(uint64(one.word), uint64(one.word.as(stateCorrupt))) { // S7
		w.add(statCorrupt, 1)
		w.dropped(one.slot, "slot corrupt", append([]any{"why", why}, args...)...)
	}
}

// dropsStray drops the slot that the writer would have to wait for if no record starts at its cursor. (Below oldest it is
// a registration under way.)
func (w *Writer) dropsStray(m uint64, by holder) bool {
	if by.slot < 0 || m < w.old || m >= w.pub {
		return false
	}
	if _, ok := w.parse(m, w.pub-m); ok {
		return false
	}
	w.drop(by, "cursor is not at a record", "cursor", m)
	return true
}

// boundary returns where a record starts, at need or above and at most m: the first known start that is a stride further
// than need, else the last one before that, else m. It is false if no record starts at m.
func (w *Writer) boundary(need, m uint64) (uint64, bool) {
	far := need + w.stride()
	above, below := uint64(maxPosition), uint64(0)
	for _, p := range &w.starts {
		switch {
		case p < need || p > m || p == 0:
		case p >= far:
			above = min(above, p)
		default:
			below = max(below, p)
		}
	}
	switch {
	case above != maxPosition:
		return above, true
	case below > 0:
		return below, true
	case m == w.pub:
		return m, true
	}
	_, ok := w.parse(m, w.pub-m)
	return m, ok
}

// note makes pos, where record seq starts, known to this writer and, by the index, to all others.
func (w *Writer) note(pos, seq uint64) {
	i := pos / w.stride() % indexEntries
	w.starts[i] = pos
	w.index[i].set(pos, seq) // N3: before the record is published
}

// learn takes over what the index proves of the records of writers before.
func (w *Writer) learn() {
	for i := range w.index {
		w.starts[i], _, _ = w.proven(i, w.old, w.pub)
	}
}

// hasSpace is what waitSpace waits for.
func (w *Writer) hasSpace() bool {
	m, _ := w.scan()
	return w.want <= m+w.capacity()
}

// deadCheck bounds how late a writer that waits finds out that the reader it waits for has died, until a watch tells it.
const deadCheck = 10 * time.Millisecond

// watchAfter is how long a wait lasts before it has a watch, and its sleeps are long.
var watchAfter = 50 * time.Millisecond

// waitSpace waits until a record that ends at end fits, or somebody in its way is to be evicted, which the caller does.
// Slots of dead readers in the way are freed; a living reader, also a stopped one, and a durable cursor are waited for.
func (w *Writer) waitSpace(ctx context.Context, end uint64) error {
	w.want = end
	w.add(statBlocked, 1)
	start := time.Now()
	defer func() { w.add(statBlockedNS, uint64(time.Since(start))) }()
	if w.spin(w.ready) {
		return nil
	}
	defer w.death.stop()
	for limit := time.Millisecond; ; limit = min(2*limit, deadCheck) {
		w.death.news.Store(false)
		mortal, err := w.reap(end)
		if err != nil || w.hasSpace() || w.overdue(end) {
			return err
		}
		nap := longestSleep // only durable cursors hold us: nobody's death would help
		if mortal >= 0 && (time.Since(start) < watchAfter || !w.death.set(w.handle, mortal)) {
			nap = limit
		}
		if w.back.limit > 0 {
			nap = min(nap, max(w.back.slice, minEvictAfter))
		}
		if _, err := w.sleep(ctx, w.spaceWake, nap, w.ready); err != nil || w.hasSpace() {
			return err
		}
		if err := w.still(); err != nil {
			w.poison(err)
			return err
		}
	}
}

// reap frees the slots of dead readers that a record ending at end would have to wait for, and returns the slot of one in
// the way that is a process, which can die; -1 if there is none.
func (w *Writer) reap(end uint64) (mortal int, err error) {
	mortal = -1
	for i := range w.used() {
		s := &w.slots[i]
		st := slotState(s.word.Load())
		if !st.holdsBack() || end <= s.cursor.Load()+w.capacity() {
			continue
		}
		if st.durable() {
			continue
		}
		freed, err := w.reapSlot(i)
		if err != nil {
			return -1, err
		}
		if freed {
			w.add(statReaped, 1)
			w.dropped(i, "reader reaped", "pid", s.pid.Load())
			continue
		}
		mortal = i
	}
	return mortal, nil
}

// reapAtTimes is reap for a caller that does not wait and asks again and again: not every answer is worth a system call.
// It reports whether a record that ends at end fits afterwards.
func (w *Writer) reapAtTimes(end uint64) (freed bool, err error) {
	if time.Since(w.reaped) < deadCheck {
		return false, nil
	}
	w.reaped, w.want = time.Now(), end
	_, err = w.reap(end)
	return err == nil && w.hasSpace(), err
}

// reapSlot frees slot i if its owner is dead: lock the byte, look again, free, unlock.
func (h *handle) reapSlot(i int) (bool, error) {
	life, err := lock.TryHold(h.file, lifeByte(i))
	if errors.Is(err, lock.ErrBusy) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer life.Close()
	s := &h.slots[i]
	if st := slotState(s.word.Load()); st.state() != stateFree && !st.durable() {
		s.word.Store(uint64(st &^ slotUse)) // S6: free; the generation stays
	}
	return true, nil
}
