package ring

import (
	"log/slog"
	"time"

	"github.com/mmring/mmring/lock"
)

// HeldBack says what a writer that finds no space waits for.
type HeldBack struct {
	Since   time.Time // when it first found none, by its clock
	Slot    int       // of the reader that is furthest behind
	Name    string    // a member's: that of its group
	Durable bool
	PID     int    // of the process that holds or held the slot
	Alive   bool   // it still does
	Cursor  uint64 // position
	Bytes   uint64 // published, and not yet consumed by it
}

// heldBack is a writer's side of being held back: since when, and by whom how long.
type heldBack struct {
	since time.Time // zero: the last record found space
	mark  uint64    // since, as it stands in the statistics
	told  bool      // the logger knows

	limit time.Duration // how long a reader may hold this writer back; 0: for ever
	slice time.Duration // what one look at them counts for at most
	last  time.Time     // the look before; zero: there was none since the writer got on
	spent []spell       // by slot
}

// heldAfter is how long a writer is held back before its logger is told.
const heldAfter = time.Second

// stuck is told that a record which ends at end finds no space, and evicts whose time is over. It reports whether that was
// anybody.
func (w *Writer) stuck(end uint64) bool {
	if w.back.since.IsZero() {
		w.back.since, w.back.told = clock(), false
		w.back.mark = uint64(w.back.since.UnixNano())
	}
	if w.overdue(end) {
		return w.evictOverdue()
	}
	return false
}

// getsOn is told that a record has found space. If another writer says that it has found none, it may be dead, or have given
// up: one that still waits says so again (sayHeld).
func (w *Writer) getsOn() {
	if word := w.stats[statHeldSince]; word.Load() != 0 {
		word.Store(0)
	}
	w.back.since, w.back.last = time.Time{}, time.Time{}
}

// HeldBack says who holds this writer back, and since when; nil if the last record found space. It is for those who do not
// wait (TryPublish); while Publish waits, Inspect tells the same, also in another process.
func (w *Writer) HeldBack() (by *HeldBack, err error) {
	err = w.do("held back", func() error {
		if !w.back.since.IsZero() {
			by, err = w.holdUp(w.back.since)
		}
		return err
	})
	return by, err
}

// sayHeld says in the statistics since when the writer is held back, of several the first.
func (w *Writer) sayHeld() {
	if word := w.stats[statHeldSince]; word.Load() == 0 {
		word.CompareAndSwap(0, w.back.mark)
	}
}

// tellHeld tells the logger, once, who holds the writer back, if it is for a while.
func (w *Writer) tellHeld(now time.Time) {
	if w.log == nil || w.back.told || now.Sub(w.back.since) < heldAfter {
		return
	}
	w.back.told = true
	if by, err := w.holdUp(w.back.since); err == nil && by != nil {
		w.event(slog.LevelWarn, "held back", "slot", by.Slot, "name", by.Name, "pid", by.PID, "alive", by.Alive,
			"bytes", by.Bytes, "for", now.Sub(w.back.since))
	}
}

// holdUp describes whose cursor or claim is the smallest; nil if nobody has anything left to read.
func (h *handle) holdUp(since time.Time) (*HeldBack, error) {
	slowest, m := -1, uint64(0)
	for i := range h.used() {
		s := &h.slots[i]
		st := slotState(s.word.Load())
		at := s.cursor.Load()
		if st.mayClaim() && s.claimEnd.Load() != 0 {
			at = s.claimStart.Load()
		} else if !st.holdsBack() {
			continue
		}
		if slowest < 0 || at < m {
			slowest, m = i, at
		}
	}
	if slowest < 0 || m == h.published.Load() {
		return nil, nil
	}
	alive, err := lock.Held(h.file, lifeByte(slowest))
	if err != nil {
		return nil, err
	}
	s := &h.slots[slowest]
	return &HeldBack{
		Since: since, Slot: slowest, Name: h.nameOf(s), Durable: slotState(s.word.Load()).durable(), PID: int(s.pid.Load()), Alive: alive,
		Cursor: m, Bytes: max(h.published.Load(), m) - m,
	}, nil
}

// nameOf is the name of who has slot s: a group's member has that of the group.
func (m *memory) nameOf(s *slot) string {
	if of := tie(s.group.Load()); slotState(s.word.Load()).kind() == kindMember && m.binds(of) {
		s = &m.slots[of.slot()]
	}
	return text(s.name)
}
