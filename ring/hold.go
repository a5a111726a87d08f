package ring

import (
	"fmt"
	"log/slog"

	"github.com/mmring/mmring/internal/release"
	"github.com/mmring/mmring/lock"
)

// hold is a slot of kind member that this member has, and what is claimed in it.
//
// from <= next.position <= end: what lies before from is done, what lies between the two has been given to the user, and some
// of it, but not all, may be done. The bytes from from to end are the member's own.
type hold struct {
	m     *Member
	index int
	slot  *slot
	life  *lock.Life
	mine  slotState // the slot's word while all is well
	found bool      // the slot was a dead member's

	from     mark
	next     mark
	end      uint64   // 0: nothing is claimed
	givenTo  uint64   // what lies before it has been given to the user, or to that of another member
	old      uint64   // what lies before it to that of another, perhaps
	delivery int      // and what that has now
	records  []handed // what the user has, some of it done
	first    int      // of them that is not done
	serial   uint32   // of records: they are others now

	skip   []stretch // further on than next: done before it was taken back
	window []byte    // a private copy of the ring's bytes from next.position on, or nothing
	own    []byte    // memory for windows
	spare  []byte    // what of it nobody has
}

// stretch is a part of a claim, padding and a record behind it.
type stretch struct{ from, behind mark }

// handed is a record that the user has.
type handed struct {
	behind mark // where the next one starts
	done   bool
}

// give delivers the next record; false if there is none left, or, unless it may copy more, none in the window. It fails if
// the slot was dropped, if what was claimed is no record, or, if it may copy more, once for each record that is damaged.
func (h *hold) give(w *Work, more bool) (ok bool, err error) {
	if h.m.window > 1 {
		h.m.mu.Lock()
		defer h.m.mu.Unlock()
	}
	for h.next.position < h.end {
		raw := h.window
		if len(raw) < recordSize {
			if !more {
				return false, nil
			}
			if h.skips() {
				continue
			}
			if err := h.fill(recordSize); err != nil {
				return false, err
			}
			raw = h.window
		}
		if h.quick(w, raw) {
			return true, nil
		}
		rec, good := h.parse(raw)
		if !good || rec.seq == 0 || h.next.sequence != 0 && rec.seq != h.next.sequence {
			return false, h.contradiction(rec, good)
		}
		if rec.kind == kindPadding {
			h.next = mark{h.next.position + rec.whole, rec.seq}
			h.window = h.window[min(rec.whole, uint64(len(h.window))):]
			continue
		}
		if rec.whole > uint64(len(raw)) {
			if !more {
				return false, nil
			}
			if err := h.fill(rec.whole); err != nil {
				return false, err
			}
			continue
		}
		if !right(rec, raw) {
			if !more {
				return false, nil
			}
			return false, h.passOver(w, rec)
		}
		h.deliver(w, rec, raw[:rec.size:rec.size])
		return true, nil
	}
	return false, nil
}

// right reports whether the record of which raw is a private copy has the checksum that it should, if any.
func right(rec head, raw []byte) bool {
	return rec.flags&flagSum == 0 || sumRight(raw[:rec.prefix], raw[rec.prefix:rec.size])
}

// passOver makes w the number of a record that is damaged, and goes on behind it. It counts as done: nobody can do it, and it
// would come to one member after the other.
func (h *hold) passOver(w *Work, rec head) error {
	m, at := h.m, h.next.position
	h.next = mark{at + rec.whole, rec.seq + 1}
	h.window = h.window[min(rec.whole, uint64(len(h.window))):]
	h.records = append(h.records, handed{behind: h.next, done: true})
	m.stats.Damaged++
	m.event(slog.LevelWarn, "record damaged", "seq", rec.seq, "position", at)
	*w = Work{Record: Record{Seq: rec.seq}}
	h.advance()
	return corrupt("checksum of record %d at position %d: it is passed over", rec.seq, at)
}

// skips goes on behind what was done before it was taken back, if that is next.
func (h *hold) skips() bool {
	if len(h.skip) == 0 || h.skip[0].from.position != h.next.position {
		return false
	}
	h.next, h.skip = h.skip[0].behind, h.skip[1:]
	h.advance()
	return true
}

// quick delivers the next record if it is whole in the window and there is nothing special about it.
func (h *hold) quick(w *Work, raw []byte) bool {
	word, seq := le.Uint64(raw[0:8]), le.Uint64(raw[8:16])
	size := uint64(uint32(word))
	whole := align16(size)
	if uint16(word>>32) != kindData || seq != h.next.sequence || seq == 0 || size < recordSize || whole > uint64(len(raw)) {
		return false
	}
	w.Seq, w.Lost, w.Tag, w.nanos, w.Payload = seq, 0, uint16(word>>48), 0, raw[recordSize:size:size]
	h.hand(w, mark{h.next.position + whole, seq + 1}, raw[whole:])
	return true
}

// parse parses the header of the record at next, of which raw is a private copy.
func (h *hold) parse(raw []byte) (head, bool) {
	pos := h.next.position
	left := min(h.end-pos, h.m.capacity()-pos&h.m.mask)
	return h.m.parseWords(le.Uint64(raw[0:8]), le.Uint64(raw[8:16]), pos, left)
}

// deliver makes w the record of which raw is a private copy.
func (h *hold) deliver(w *Work, rec head, raw []byte) {
	prefix, payload := raw[:rec.prefix], raw[rec.prefix:]
	w.Seq, w.Tag, w.Payload, w.nanos, w.Lost = rec.seq, rec.tag, payload[:len(payload):len(payload)], 0, 0
	if rec.flags&flagTime != 0 {
		w.nanos = int64(le.Uint64(prefix[recordSize:]))
	}
	h.hand(w, mark{h.next.position + rec.whole, rec.seq + 1}, h.window[min(rec.whole, uint64(len(h.window))):])
}

// hand makes w, which is filled in, one that the user has. The next record is at behind, and there window begins.
func (h *hold) hand(w *Work, behind mark, window []byte) {
	m := h.m
	w.Delivery, w.hold, w.serial, w.index = 1, h, h.serial, len(h.records)
	if h.next.position < h.old {
		w.Delivery = h.delivery
		m.stats.Again++
	}
	h.next, h.window = behind, window
	if behind.position > h.givenTo {
		h.givenTo = behind.position
		release.Store(h.slot.cursor, h.givenTo) // G9: before anybody has it
	}
	h.records = append(h.records, handed{behind: behind})
	m.out++
	m.stats.Records++
	m.stats.Bytes += uint64(len(w.Payload))
}

// fill copies at least need bytes from next on, which must be in the claim and not reach past the region's end. What the
// user has of the window before stays as it is if it may be in use.
func (h *hold) fill(need uint64) error {
	m, off := h.m, h.next.position&h.m.mask
	n := min(max(need, windowSize), h.end-h.next.position, m.capacity()-off)
	if len(h.skip) > 0 {
		n = min(n, h.skip[0].from.position-h.next.position)
	}
	if m.window == 1 || len(h.records) == 0 {
		h.spare = h.own
	}
	if n > uint64(len(h.spare)) {
		h.own = make([]byte, max(n, windowSize))
		h.spare = h.own
	}
	h.window, h.spare = h.spare[:n:n], h.spare[n:]
	copyOut(h.window, m.data[off:off+n])
	order(&m.fence)                              // V1
	if slotState(h.slot.word.Load()) != h.mine { // V2: a slot that was dropped keeps nothing
		h.window = nil
		return h.dismissed()
	}
	return nil
}

// contradiction says what is wrong at next.
func (h *hold) contradiction(rec head, good bool) error {
	if err := h.dismissed(); err != nil {
		return err
	}
	if !good || rec.seq == 0 {
		return corrupt("no record at position %d (offset %d)", h.next.position, h.next.position&h.m.mask)
	}
	return corrupt("record %d at position %d, expected %d", rec.seq, h.next.position, h.next.sequence)
}

// dismissed reports that the slot was dropped.
func (h *hold) dismissed() error {
	switch s := slotState(h.slot.word.Load()); {
	case s == h.mine:
		return nil
	case s.state() == stateEvicted:
		return fmt.Errorf("%w: its group was removed", ErrEvicted)
	default:
		return corrupt("this member's slot was changed from %#x to %#x", uint64(h.mine), uint64(s))
	}
}
