package ring

import "math"

// border is a place that a walk is on its way to: no record before it is of interest. Those have numbers
// below seq and, if timed is set, were published before nanos.
type border struct {
	seq   uint64
	nanos int64
	timed bool
}

// border is where a walk to s begins to look. Newest is behind everything.
func (s Start) border() border {
	switch s.kind {
	case startNewest:
		return border{seq: math.MaxUint64}
	case startTime:
		return border{seq: math.MaxUint64, nanos: int64(s.n), timed: true}
	}
	return border{seq: s.n}
}

// skim is walk for what lies before a border, and has nothing special about it: data records, whole, in order. It stops
// before the first other one, which may be anything. Most of a walk is this loop.
func (m *memory) skim(from mark, high uint64, to border) mark {
	data, mask := m.data, m.mask
	largest := min(uint64(len(data))/2, maxRecord)
	pos, seq := from.position, from.sequence
	for seq < to.seq && pos < high {
		b := data[pos&mask:]
		if len(b) < recordSize+timeSize+sumSize {
			break
		}
		word := loadWord(b[0:8])
		size, flags := uint64(uint32(word)), uint8(word>>40)
		whole := align16(size)
		switch {
		case uint8(word>>32) != kindData, flags&^(flagTime|flagSum) != 0, loadWord(b[8:16]) != seq,
			size < recordSize+timeSize+sumSize, size > largest, whole > high-pos, whole > uint64(len(b)),
			to.timed && (flags&flagTime == 0 || int64(loadWord(b[16:24])) >= to.nanos):
			return mark{pos, seq}
		}
		pos += whole
		seq++
	}
	return mark{pos, seq}
}
