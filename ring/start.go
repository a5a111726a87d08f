package ring

// Start says where in the stream a reader or observer begins. Its zero value is Next.
type Start struct {
	kind startKind
	n    uint64
}

type startKind uint8

const (
	startNext startKind = iota
	startOldest
	startNewest
	startSeq
	startLast
)

var (
	// Next is where the durable cursor of that name stands; without one, Oldest.
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

// locate returns the place that s names between low, a record boundary, and high, published at some time. A sequence of 0
// in it means that no number is known. What it reads may be overwritten while it reads: the caller either owns the bytes
// or looks at oldest afterwards.
func (m *memory) locate(s Start, low, high uint64) (mark, error) {
	if low == high {
		return mark{position: high}, nil
	}
	from, err := m.first(low, high)
	if err != nil {
		return from, err
	}
	target := s.n
	switch s.kind {
	case startNext, startOldest:
		return from, nil
	case startNewest, startLast:
		if p, n, ok := m.lastProven(low, high); ok {
			from = mark{p, n}
		}
		end, err := m.walk(from, high, nil)
		if err != nil || s.kind == startNewest || s.n == 0 {
			return end, err
		}
		target = end.sequence - min(s.n, end.sequence-1)
		if from, err = m.first(low, high); err != nil {
			return from, err
		}
	}
	for i := range m.index {
		if p, n, ok := m.proven(i, low, high); ok && n <= target && n > from.sequence {
			from = mark{p, n}
		}
	}
	if from.sequence >= target {
		return from, nil
	}
	return m.walk(from, high, func(_ uint64, h head) bool { return h.seq >= target })
}

// wanted is the first number that a reader asking for s is owed, 0 if it takes what there is.
func (s Start) wanted() uint64 {
	if s.kind == startSeq {
		return max(s.n, 1)
	}
	return 0
}
