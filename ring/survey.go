package ring

import (
	"fmt"
	"sync/atomic"
)

// survey is a Report in the making.
type survey struct {
	*handle
	Report
	low, high uint64   // oldest and published, as they were at the start
	first     uint64   // number of the record at low
	next      mark     // behind the last record that was looked at
	last      mark     // that record
	paddings  uint64   // in a row, up to next
	anchors   []anchor // index entries that are still ahead
	scratch   []byte
	fence     atomic.Uint32
}

// records walks from oldest to published. Where no record is, it goes on at the next place that the index knows. What a
// running writer overtakes is passed over. Each turn moves forward.
func (s *survey) records() {
	s.anchors, s.scratch = s.memory.anchors(s.low, s.high), make([]byte, windowSize)
	at, _ := s.parse(s.low, s.high-s.low)
	s.first, s.next = at.seq, mark{s.low, at.seq}
	for s.next.position < s.high {
		at := s.next.position // a header that was being written when we read it leads from where a record was to where none is
		whole := s.step()
		order(&s.fence)                // V1
		switch o := s.oldest.Load(); { // V2: what was overwritten, perhaps while we looked
		case o > at:
			s.Lost = true
			s.leap(mark{o, 0})
		case !whole:
			s.leap(s.broken())
		}
	}
	if s.paddings > 0 && s.next.position == s.high {
		s.fault(offPublished, "counters", "published %d is behind padding, without the record that it belongs to", s.high)
	}
	s.astray(s.next.position)
}

// step looks at the record at next and moves behind it; false if there is none.
func (s *survey) step() bool {
	at := s.next
	h, ok := s.parse(at.position, s.high-at.position)
	if !ok || h.seq == 0 || h.seq != at.sequence {
		return false
	}
	s.astray(at.position)
	s.next.position += h.whole
	if h.kind == kindPadding {
		s.paddings++
		s.Padding++
		return true
	}
	s.last, s.paddings = at, 0
	s.next.sequence++
	s.Records++
	s.Bytes += uint64(h.size - h.prefix)
	if h.flags&flagSum != 0 {
		s.Sums++
	}
	if !s.whole(at.position, h, s.scratch) && s.oldest.Load() <= at.position { // V2
		s.fault(s.offset(at.position), "record", "checksum of record %d is wrong", at.sequence)
	}
	return true
}

// leap goes on at a place further on; one whose number is 0 tells its own.
func (s *survey) leap(to mark) {
	if to.position%recordSize != 0 || to.position > s.high {
		to.position = s.high
	}
	if to.sequence == 0 && to.position < s.high {
		h, _ := s.parse(to.position, s.high-to.position)
		to.sequence = h.seq
	}
	for len(s.anchors) > 0 && s.anchors[0].position < to.position {
		s.anchors = s.anchors[1:]
	}
	s.next, s.last, s.paddings = to, mark{}, 0
}

// broken says what is wrong at next, and returns where to go on: an entry of the index with a larger number, or published.
func (s *survey) broken() mark {
	at := s.next
	to := mark{position: s.high}
	for _, a := range s.anchors {
		if a.position > at.position && a.sequence > at.sequence {
			to = a.mark
			break
		}
	}
	what := fmt.Sprintf("no record at position %d, expected %d", at.position, at.sequence)
	if h, ok := s.parse(at.position, s.high-at.position); ok {
		what = fmt.Sprintf("record %d at position %d, expected %d", h.seq, at.position, at.sequence)
	}
	gap := to.position - at.position
	s.fault(s.offset(at.position), "record", "%s; %d bytes passed over", what, gap)
	s.Unread += gap
	return to
}

// astray finds index entries that lead into the middle of the record before position.
func (s *survey) astray(position uint64) {
	for len(s.anchors) > 0 && s.anchors[0].position <= position {
		if a := s.anchors[0]; a.position != position && s.oldest.Load() <= a.position {
			s.fault(entryOffset(a.entry), "index", "entry %d leads to position %d, in the middle of a record", a.entry, a.position)
		}
		s.anchors = s.anchors[1:]
	}
}
