package ring

import (
	"cmp"
	"slices"
)

// set writes an entry. Torn or stale, it fails its proof.
func (e entry) set(position, sequence uint64) {
	e.position.Store(position)
	e.sequence.Store(sequence)
}

// wipe makes an entry that of no record. Killed in between, it is found again by its position.
func (e entry) wipe() {
	e.sequence.Store(0)
	e.position.Store(0)
}

// entryOffset is where in the file entry i stands.
func entryOffset(i int) int64 { return int64(indexStart + i*entrySize) }

// proven loads entry i and proves it: a data record starts at its position, within [low, high] and below published, and
// carries its sequence. low must be at least oldest.
func (m *memory) proven(i int, low, high uint64) (position, sequence uint64, ok bool) {
	p, s := m.index[i].position.Load(), m.index[i].sequence.Load()
	published := m.published.Load()
	if p < low || p > high || p >= published || p%recordSize != 0 || s == 0 {
		return 0, 0, false
	}
	h, ok := m.parse(p, published-p)
	return p, s, ok && h.kind == kindData && h.seq == s
}

// anchor is a place where a record starts, as far as is known.
type anchor struct {
	mark
	entry int // of the index; -1: oldest
}

// anchors returns the proven entries within [low, high], in order.
func (m *memory) anchors(low, high uint64) (all []anchor) {
	for i := range m.index {
		if p, s, ok := m.proven(i, low, high); ok {
			all = append(all, anchor{mark{p, s}, i})
		}
	}
	slices.SortFunc(all, func(a, b anchor) int { return cmp.Compare(a.position, b.position) })
	return all
}

// lastProven returns the last proven entry within [low, high]; ok is false if there is none.
func (m *memory) lastProven(low, high uint64) (position, sequence uint64, ok bool) {
	for i := range m.index {
		if p, s, good := m.proven(i, low, high); good && p >= position {
			position, sequence, ok = p, s, true
		}
	}
	return position, sequence, ok
}

// mark is a place in the stream: the position where a record starts, or will, and that record's number.
type mark struct {
	position uint64
	sequence uint64
}

// walk follows the records from from, calling visit for each data record (position, header) until it says stop or high is
// reached. It returns the place where it stopped. An error says what is wrong there; the caller decides whether that is
// corruption or an overrun.
func (m *memory) walk(from mark, high uint64, visit func(pos uint64, h head) (stop bool)) (mark, error) {
	if visit == nil {
		return m.walkTo(Newest.border(), from, high, nil)
	}
	return m.walkTo(border{}, from, high, visit)
}

// walkTo is walk that calls visit for no record before a border.
func (m *memory) walkTo(to border, from mark, high uint64, visit func(pos uint64, h head) (stop bool)) (mark, error) {
	for {
		if from = m.skim(from, high, to); from.position >= high {
			return from, nil
		}
		h, ok := m.parse(from.position, high-from.position)
		if !ok {
			return from, corrupt("no record at position %d (offset %d)", from.position, from.position&m.mask)
		}
		if h.seq != from.sequence {
			return from, corrupt("record %d at position %d, expected %d", h.seq, from.position, from.sequence)
		}
		if h.kind == kindData {
			if visit != nil && visit(from.position, h) {
				return from, nil
			}
			from.sequence++
		}
		from.position += h.whole
	}
}

// first returns the place of the record at position low, which must be a boundary below high: its number is its own word.
// With an error, only the position is right.
func (m *memory) first(low, high uint64) (mark, error) {
	h, ok := m.parse(low, high-low)
	if !ok || h.seq == 0 {
		return mark{position: low}, corrupt("no record at position %d (offset %d)", low, low&m.mask)
	}
	return mark{low, h.seq}, nil
}

// tail returns the place at published: the number that the next record has or will have. It starts at the last proven
// entry, so its time is proportional to a stride.
func (m *memory) tail(oldest, published uint64) (mark, error) {
	if oldest == published {
		return mark{published, max(m.nextSeq.Load(), 1)}, nil
	}
	var from mark
	if p, s, ok := m.lastProven(oldest, published); ok {
		from = mark{p, s}
	} else {
		var err error
		if from, err = m.first(oldest, published); err != nil {
			return from, err
		}
	}
	return m.walk(from, published, nil)
}
