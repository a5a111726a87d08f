package ring

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"
)

// Fault is one thing that is wrong in a ring's file.
type Fault struct {
	Offset int64  // bytes from the start of the file
	What   string // "counters", "mirror", "index", "slot" or "record"
	Text   string
}

// String is one line for people.
func (f Fault) String() string { return fmt.Sprintf("offset %d: %s: %s", f.Offset, f.What, f.Text) }

// Report is what Verify found.
type Report struct {
	Records uint64 // looked at
	Padding uint64 // records that only fill the end of the region
	Bytes   uint64 // of payload
	Sums    uint64 // checksums compared
	Unread  uint64 // bytes behind a fault in which no record could be made out
	Lost    bool   // a writer overwrote records while they were looked at; the rest was verified
	Faults  []Fault
	More    uint64 // faults beyond the first 1000, which are only counted
}

// Verify walks header, counters, index, slots and every record from oldest to published, and changes nothing. An error
// means that it could not look, or that the header is wrong; everything else is a Fault. The ring may be in use. Its time
// is bounded by the capacity, whatever the file says.
func Verify(path string) (Report, error) {
	h, err := openHandle(context.Background(), path, openOptions{allowFS: true})
	if err != nil {
		return Report{}, fail("verify", path, err)
	}
	defer h.release()
	r, err := h.verify()
	return r, fail("verify", path, err)
}

func (h *handle) verify() (r Report, err error) {
	defer h.settle(debug.SetPanicOnFault(true), "verify", &err)
	s := &survey{handle: h}
	s.state()
	before := h.numbers()
	s.low, s.high, err = h.bounds()
	if err != nil {
		s.fault(offOldest, "counters", "oldest %d, published %d, capacity %d: no record can be trusted", h.oldest.Load(), h.published.Load(), h.capacity())
	} else {
		after := h.numbers()
		s.records()
		s.numbered(before, after)
		s.mirrored()
	}
	for i := range h.slots {
		s.slot(i, err == nil)
	}
	return s.Report, nil
}

func (r *Report) fault(off int64, what, format string, args ...any) {
	const most = 1000
	if len(r.Faults) == most {
		r.More++
		return
	}
	r.Faults = append(r.Faults, Fault{off, what, fmt.Sprintf(format, args...)})
}

// state looks at the words that have few values.
func (s *survey) state() {
	if c := s.clean.Load(); c > 1 {
		s.fault(offClean, "counters", "clean flag is %d", c)
	}
	if e := s.ended.Load(); e > 1 {
		s.fault(offEnded, "counters", "ended flag is %d", e)
	}
	if used := s.highWater.Load(); used > uint32(len(s.slots)) {
		s.fault(offHighWater, "counters", "%d slots used of %d", used, len(s.slots))
	}
	if p := s.stamp.Load(); p%recordSize != 0 || p > maxPosition {
		s.fault(offStamp, "counters", "stamp %d cannot be a position", p)
	}
	for i := range s.index {
		if p := s.index[i].position.Load(); p%recordSize != 0 || p > maxPosition {
			s.fault(entryOffset(i), "index", "position %d of entry %d cannot be one", p, i)
		}
	}
}

// numbers are the next-sequence word, and whether it is that of the published position.
type numbers struct {
	word  uint64
	clean bool
}

func (m *memory) numbers() numbers { return numbers{m.nextSeq.Load(), m.clean.Load() == 1} }

// numbered compares the next-sequence word, as it was before and after oldest and published were loaded, with the records:
// it is not above the number at published, not below the one at oldest, and in a closed ring it is the next one.
func (s *survey) numbered(before, after numbers) {
	closed := before.clean && after.clean
	switch {
	case s.low == s.high:
		if before.word == 0 && before == after {
			s.fault(offNextSeq, "counters", "next sequence is 0 in an empty ring")
		}
	case s.Lost || s.next.position != s.high || s.next.sequence == 0: // not known
	case closed && before.word != s.next.sequence && s.published.Load() == s.high, before.word > s.next.sequence:
		s.fault(offNextSeq, "counters", "next sequence is %d, the records say %d", before.word, s.next.sequence)
	case after.word < s.first && s.oldest.Load() == s.low:
		s.fault(offNextSeq, "counters", "next sequence is %d, the oldest record is %d", after.word, s.first)
	}
}

// mirrored compares the mirror with the last record, if the stamp says that it holds that.
func (s *survey) mirrored() {
	p := s.published.Load()
	if p != s.high || s.stamp.Load() != p || s.last.sequence == 0 {
		return
	}
	var mirror, record [mirrorSize]byte
	copyOut(mirror[:], s.mirror)
	rec, ok := s.parse(s.last.position, s.high-s.last.position)
	same := ok && rec.whole <= mirrorSize
	if same {
		off := s.last.position & s.mask
		copyOut(record[:rec.size], s.data[off:off+uint64(rec.size)])
		same = bytes.Equal(mirror[:rec.size], record[:rec.size])
	}
	if !same && s.published.Load() == p && s.stamp.Load() == p { // else the writer has gone on
		s.fault(offMirror, "mirror", "stamp is published %d, and the mirror is not record %d", p, s.last.sequence)
	}
}

// offset is where in the file a position stands.
func (h *handle) offset(position uint64) int64 { return h.hdr.data + int64(position&h.mask) }

// slot looks at slot i, and at its cursor if there are bounds to compare it with.
func (s *survey) slot(i int, bounded bool) {
	slot, off := &s.slots[i], slotOffset(i)
	st := slotState(slot.word.Load())
	name := text(slot.name)
	switch {
	case st.state() > stateCorrupt || st.kind() > kindMember || st.state() != stateFree && st.kind() == 0 || st.state() == stateFree && st&slotUse != 0:
		s.fault(off, "slot", "word %#x of slot %d", uint64(st), i)
	case st.state() == stateCorrupt:
		s.fault(off, "slot", "slot %d (%q) was dropped: its cursor %d could not be", i, name, slot.cursor.Load())
	case st.mayClaim():
		if i >= s.used() {
			s.fault(off, "slot", "slot %d is active above the high water of %d", i, s.used())
		}
		if bounded && slot.claimEnd.Load() != 0 {
			s.claim(i)
		}
	case !st.holdsBack():
	default:
		if st.durable() && checkName(name) != nil {
			s.fault(off+slotName, "slot", "durable slot %d has the name %q", i, name)
		}
		if i >= s.used() {
			s.fault(off, "slot", "slot %d is active above the high water of %d", i, s.used())
		}
		if bounded {
			s.cursor(i)
		}
	}
}

// cursor looks whether a slot's cursor is where a record starts. Below oldest it is a registration under way.
func (s *survey) cursor(i int) {
	off := slotOffset(i) + slotCursor
	c := s.slots[i].cursor.Load()
	low, high, err := s.bounds() // after the cursor, which may only move forward
	switch {
	case err != nil:
		s.fault(offOldest, "counters", "%v", err)
	case c > high || c%recordSize != 0:
		s.fault(off, "slot", "cursor %d of slot %d, published is %d", c, i, high)
	case c >= low && c < high:
		if _, ok := s.parse(c, high-c); !ok && s.oldest.Load() <= c {
			s.fault(off, "slot", "cursor %d of slot %d is not at a record", c, i)
		}
	}
}
