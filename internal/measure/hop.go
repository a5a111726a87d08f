package measure

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/view"
)

// RawHop is the limit: one word goes to the other process and back, each way in a cache line of its own. Its payload is
// that word.
type RawHop struct{}

// Where the two words lie, and how often a side that waits for one asks whether the other side still lives.
const (
	thereOffset = 0
	backOffset  = 256
	hopBytes    = 4096

	looksPerCheck = 1 << 22
)

// Name is "raw hop".
func (RawHop) Name() string { return "raw hop" }

// Lay has nothing to prepare.
func (RawHop) Lay(string) (near, far []*os.File, err error) { return nil, nil, nil }

// Join maps the two words.
func (RawHop) Join(ctx context.Context, s Side) (Ends, error) {
	mem, err := MapShared(filepath.Join(s.Dir, "hop"), hopBytes)
	if err != nil {
		return Ends{}, err
	}
	out, in := thereOffset, backOffset
	if s.Far {
		out, in = in, out
	}
	h := &hop{ctx: ctx, spoil: s.Spoil, out: mem[out : out+8], in: view.Uint64(mem, in)}
	return Ends{h, h, func() { Unmap(mem) }}, nil
}

// hop is one side of a raw hop. The store is a plain one: there is nothing to order, as the word itself is all there is.
type hop struct {
	ctx   context.Context
	spoil uint64
	out   []byte
	in    *atomic.Uint64
	seen  uint64
}

func (h *hop) Send(first, n uint64) error {
	for i := first; i < first+n; i++ {
		v := i + 1
		if v == h.spoil {
			v = ^v
		}
		le.PutUint64(h.out, v)
	}
	return nil
}

func (h *hop) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		v, err := h.wait()
		if err != nil {
			return err
		}
		if v != i+1 {
			return wrong(i)
		}
	}
	return nil
}

// wait returns the word once it has changed.
func (h *hop) wait() (uint64, error) {
	for {
		for range looksPerCheck {
			if v := h.in.Load(); v != h.seen {
				h.seen = v
				return v, nil
			}
		}
		if h.ctx.Err() != nil {
			return 0, ErrGone
		}
	}
}

// HopMeter measures the raw hop by a far process of its own, which sleeps meanwhile.
type HopMeter struct {
	*Session
	hop   *hop
	place Place
}

// NewHopMeter starts the far process. Whoever has it must Stop it. On a place with one processor it has no hops to tell.
func NewHopMeter(ctx context.Context, p Place) (*HopMeter, error) {
	s, err := Start(ctx, RawHop{}, Shape{Size: 8, Batch: 1}, p)
	if err != nil {
		return nil, err
	}
	return &HopMeter{s, s.Sender.(*hop), p}, nil
}

// How a raw hop is measured: groups of round trips, until there are many or some time has passed.
const (
	hopTrips     = 1500
	hopGroups    = 40
	hopGroupsMin = 4
	hopTime      = 30 * time.Millisecond
)

// Hop returns one way in nanoseconds: the lower quartile of groups of round trips, some 10 ms of them. Every few
// milliseconds some machines are slower by a third for a while, which is not a mood.
func (m *HopMeter) Hop() (float64, error) {
	if m.place.Alone() {
		return 0, nil
	}
	var each []float64
	for begin := time.Now(); len(each) < hopGroupsMin || len(each) < hopGroups && time.Since(begin) < hopTime; {
		group, err := m.group()
		if err != nil {
			return 0, err
		}
		each = append(each, float64(group)/hopTrips/2)
	}
	slices.Sort(each)
	return each[len(each)/4], nil
}

// group times one group of round trips, but for the first, for which the far side is only just told.
func (m *HopMeter) group() (time.Duration, error) {
	first, err := m.order(orderEcho, hopTrips+1)
	if err != nil {
		return 0, err
	}
	if err := m.hop.trips(first, 1); err != nil {
		return 0, m.finish(err)
	}
	begin := time.Now()
	err = m.hop.trips(first+1, hopTrips)
	return time.Since(begin), m.finish(err)
}

// trips sends the words first to first+n-1 to and fro, with nothing around that is not needed for it.
func (h *hop) trips(first uint64, n int) error {
	for range n {
		first++
		le.PutUint64(h.out, first)
		v, err := h.wait()
		if err != nil {
			return err
		}
		if v != first {
			return wrong(first - 1)
		}
	}
	return nil
}
