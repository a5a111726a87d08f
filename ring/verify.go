package ring

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Fault is one thing that is wrong in a ring's file.
type Fault struct {
	Offset int64  // bytes from the start of the file
	What   string // "counters", "index", "slot" or "record"
	Text   string
}

// String is one line for people.
func (f Fault) String() string { return fmt.Sprintf("offset %d: %s: %s", f.Offset, f.What, f.Text) }

// Report is what Verify found.
type Report struct {
	Records uint64 // looked at
	Padding uint64
	Bytes   uint64 // of payload
	Sums    uint64 // checksums compared
	Lost    bool   // a writer overwrote records while they were looked at; the rest was verified
	Faults  []Fault
	More    uint64 // faults beyond the first 1000, which are only counted
}

// Verify walks header, counters, slots and every record from oldest to published, and changes nothing. An error means
// that it could not look, or that the header is wrong; everything else is a Fault. The ring may be in use.
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
	low, high, err := h.bounds()
	if err != nil {
		r.fault(offOldest, "counters", "%v", err)
		return r, nil
	}
	h.verifyRecords(&r, low, high)
	if low == high && h.nextSeq.Load() == 0 {
		r.fault(offNextSeq, "counters", "next sequence is 0 in an empty ring")
	}
	if c := h.clean.Load(); c > 1 {
		r.fault(offClean, "counters", "clean flag is %d", c)
	}
	if e := h.ended.Load(); e > 1 {
		r.fault(offEnded, "counters", "ended flag is %d", e)
	}
	if used := h.highWater.Load(); used > uint32(len(h.slots)) {
		r.fault(offHighWater, "counters", "%d slots used of %d", used, len(h.slots))
	}
	if s := h.stamp.Load(); s%recordSize != 0 || s > maxPosition {
		r.fault(offStamp, "counters", "stamp %d cannot be a position", s)
	}
	for i := range h.slots {
		h.verifySlot(&r, i)
	}
	return r, nil
}

func (r *Report) fault(off int64, what, format string, args ...any) {
	const most = 1000
	if len(r.Faults) == most {
		r.More++
		return
	}
	r.Faults = append(r.Faults, Fault{off, what, fmt.Sprintf(format, args...)})
}

// verifyRecords walks from low to high. What a running writer overtakes is passed over.
func (h *handle) verifyRecords(r *Report, low, high uint64) {
	if low == high {
		return
	}
	at, err := h.first(low, high)
	for err == nil && at.position < high {
		at, err = h.walk(at, high, func(pos uint64, rec head) bool {
			r.Records++
			r.Bytes += uint64(rec.size - rec.prefix)
			if rec.flags&flagSum != 0 {
				r.Sums++
			}
			return !h.whole(pos, rec)
		})
		if o := h.oldest.Load(); o > at.position { // V2: it was overwritten, perhaps while we looked
			r.Lost = true
			if o >= high {
				return
			}
			at, err = h.first(o, high)
			continue
		}
		if err == nil && at.position < high {
			r.fault(h.offset(at.position), "record", "checksum of record %d is wrong", at.sequence)
			rec, _ := h.parse(at.position, high-at.position)
			at = mark{at.position + rec.whole, at.sequence + 1}
		}
	}
	if err != nil {
		r.fault(h.offset(at.position), "record", "%v", err)
	}
}

// offset is where in the file a position stands.
func (h *handle) offset(position uint64) int64 { return h.hdr.data + int64(position&h.mask) }

func (h *handle) verifySlot(r *Report, i int) {
	s := &h.slots[i]
	off := slotOffset(i)
	st := slotState(s.word.Load())
	if st.state() > stateCorrupt || st.kind() > kindMember {
		r.fault(off, "slot", "word %#x of slot %d", uint64(st), i)
		return
	}
	if st.state() == stateCorrupt {
		r.fault(off, "slot", "slot %d (%q) was dropped: its cursor %d could not be", i, text(s.name), s.cursor.Load())
		return
	}
	if !st.holdsBack() {
		return
	}
	if i >= h.used() {
		r.fault(off, "slot", "slot %d is active above the high water of %d", i, h.used())
	}
	c := s.cursor.Load()
	low, high, err := h.bounds() // after the cursor, which may only move forward
	switch {
	case err != nil:
		r.fault(offOldest, "counters", "%v", err)
	case c > high || c%recordSize != 0:
		r.fault(off+slotCursor, "slot", "cursor %d of slot %d, published is %d", c, i, high)
	case c >= low && c < high:
		if _, ok := h.parse(c, high-c); !ok && h.oldest.Load() <= c {
			r.fault(off+slotCursor, "slot", "cursor %d of slot %d is not at a record", c, i)
		}
	}
}
