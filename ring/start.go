package ring

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// Start says where in the stream a reader or observer begins. Its zero value is Next.
type Start struct {
	kind startKind
	n    uint64 // number of records, or of a record, or nanoseconds since 1970 as an int64
}

type startKind uint8

const (
	startNext startKind = iota
	startOldest
	startNewest
	startSeq
	startLast
	startTime
)

var (
	// Next is where the durable cursor of that name stands; without one, Oldest. For SeekTo it is the first record that is
	// not consumed.
	Next = Start{kind: startNext}
	// Oldest is the oldest record still there.
	Oldest = Start{kind: startOldest}
	// Newest is behind the newest record: only what comes from now on.
	Newest = Start{kind: startNewest}
)

// Seq is the record of number n. If it is gone, the first record delivered says in Lost how many are missing; if it is
// not there yet, everything before it is passed over.
func Seq(n uint64) Start { return Start{startSeq, n} }

// Last is the n-th record from the end, or the oldest where there are fewer.
func Last(n uint64) Start { return Start{startLast, n} }

// At is the first record published at t or later, by the writer's clock, or the oldest if that is later. If there is none
// yet, everything earlier is passed over until it comes. Where that clock was set back, it is a record that is not earlier
// than t and whose predecessor is, of which there may be several. Only rings with timestamps know times: in others it is
// ErrNoTimes.
func At(t time.Time) Start {
	n := t.UnixNano() // right from 1678 to 2262: records have no other times
	if !time.Unix(0, n).Equal(t) {
		if n = math.MaxInt64; t.Before(time.Unix(0, 0)) {
			n = math.MinInt64
		}
	}
	return Start{startTime, uint64(n)}
}

// knows refuses a start by time in a ring whose records have none.
func (h *handle) knows(s Start) error {
	if s.kind == startTime && !h.hdr.has(modeTimestamps) {
		return fmt.Errorf("%w: no start at %s", ErrNoTimes, time.Unix(0, int64(s.n)).UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// wanted is the first number that a reader asking for s is owed, 0 if it takes what there is.
func (s Start) wanted() uint64 {
	if s.kind == startSeq {
		return max(s.n, 1)
	}
	return 0
}

// since is the time before which a reader asking for s passes records over, 0 if there is none.
func (s Start) since() int64 {
	if s.kind == startTime {
		return int64(s.n)
	}
	return 0
}

// found is where a start lies, and the lowest position whose bytes that was concluded from. A sequence of 0 in it means
// that no number is known.
type found struct {
	mark
	base uint64
}

// locate returns the place that s names between low, a record boundary, and high, published at some time. What it reads may
// be overwritten while it reads: the caller either owns the bytes from low on or looks afterwards whether oldest has passed
// base, which is set also with an error.
func (m *memory) locate(s Start, low, high uint64) (found, error) {
	if low == high {
		return found{mark{position: high}, high}, nil
	}
	switch s.kind {
	case startNext, startOldest:
		at, err := m.first(low, high)
		return found{at, low}, err
	case startNewest:
		return m.through(Newest, low, high)
	case startLast:
		end, err := m.through(Newest, low, high)
		if err != nil || s.n == 0 {
			return end, err
		}
		at, err := m.through(Seq(end.sequence-min(s.n, end.sequence-1)), low, high)
		at.base = min(at.base, end.base)
		return at, err
	}
	return m.through(s, low, high)
}

// compare says whether the record with header h at position pos lies before s (-1), is it (0), or is it or behind it (1).
func (s Start) compare(m *memory, pos uint64, h head) int {
	switch s.kind {
	case startNewest:
		return -1
	case startSeq:
		return cmp.Compare(h.seq, s.n)
	}
	if t, ok := m.timeOf(pos, h); ok && t >= int64(s.n) {
		return 1 // those before it may be of the same nanosecond
	}
	return -1
}

// through goes to the first record that does not lie before s, from the last one before it that the index knows; to high if
// there is none. A way that turns out to lead nowhere is the index's fault if there is another one from low.
func (m *memory) through(s Start, low, high uint64) (found, error) {
	visit := func(pos uint64, h head) bool { return s.compare(m, pos, h) >= 0 }
	if from, ok := m.lastBefore(s, low, high); ok {
		at, err := m.walkTo(s.border(), from, high, visit)
		if err == nil || m.oldest.Load() > low {
			return found{at, from.position}, err
		}
	}
	from, err := m.first(low, high)
	if err != nil {
		return found{from, low}, err
	}
	at, err := m.walkTo(s.border(), from, high, visit)
	return found{at, low}, err
}

// lastBefore returns the last proven entry of the index within [low, high] that does not lie behind s; ok is false if there
// is none.
func (m *memory) lastBefore(s Start, low, high uint64) (from mark, ok bool) {
	for i := range m.index {
		p, n, good := m.proven(i, low, high)
		if !good || ok && p <= from.position {
			continue
		}
		if s.kind != startNewest { // which is behind them all, also behind one at high
			if h, again := m.parse(p, high-p); !again || h.seq != n || s.compare(m, p, h) > 0 {
				continue
			}
		}
		from, ok = mark{p, n}, true
	}
	return from, ok
}
