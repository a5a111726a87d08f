package ring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"time"

	"github.com/mmring/mmring/internal/spin"
	"github.com/mmring/mmring/lock"
)

// obtain gets this member something to do: a claim of up to most records that nobody has had, or what somebody has left.
func (m *Member) obtain(ctx context.Context, most int) error {
	m.pace()
	m.prune()
	m.holds[0].slot.count(m.stats.Records, m.stats.Bytes, m.stats.Waits)
	if time.Since(m.searched) >= deadCheck {
		if _, err := m.search(askedAtOnce); err != nil || m.at != nil {
			return err
		}
	}
	for {
		h, err := m.idle(ctx)
		if errors.Is(err, ErrWindow) {
			h = m.last()
		}
		if h == nil {
			return err
		}
		m.peek()
		if ok, err := m.take(h, min(most, m.most)); ok || err != nil {
			return err
		}
		if err := m.await(ctx); err != nil || m.at != nil {
			return err
		}
	}
}

// peek looks for what has been published if all that this member knows of has been given out. How often it looks is as with
// a reader: each look takes the cache line from the writer.
func (m *Member) peek() {
	if m.cursor.Load() < m.pub {
		return
	}
	if n := m.lookout.next(m.stats.Records-m.seen, false); n > 0 {
		spin.Pause(n)
	}
	m.seen = m.stats.Records
	m.lookout.empty = !m.look()
}

// prune forgets the slots that were given back.
func (m *Member) prune() {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.holds[:0]
	for _, h := range m.holds {
		if !h.found || h.end != 0 {
			kept = append(kept, h)
		}
	}
	clear(m.holds[len(kept):])
	m.holds = kept
}

// idle returns a slot of this member in which nothing is claimed, and takes one more if there is none.
func (m *Member) idle(ctx context.Context) (*hold, error) {
	h, own := m.idleOf()
	if h != nil {
		return h, nil
	}
	if own >= min(m.window, maxHolds) {
		return nil, fmt.Errorf("%w: each of %d claims has a record that is not done", ErrWindow, own)
	}
	err := m.enrollAnother(ctx)
	if errors.Is(err, ErrNoSlot) {
		return nil, fmt.Errorf("%w: each of %d claims has a record that is not done, and another one finds no slot", ErrWindow, own)
	}
	if err != nil {
		return nil, err
	}
	h, _ = m.idleOf()
	return h, nil
}

// idleOf returns a slot of this member in which nothing is claimed, or nil, and how many slots it has of its own.
func (m *Member) idleOf() (idle *hold, own int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.holds {
		if h.found {
			continue
		}
		own++
		if h.end == 0 && idle == nil {
			idle = h
		}
	}
	return idle, own
}

// last returns the slot of this member whose claim ends at the group's cursor and may become longer, or nil.
func (m *Member) last() *hold {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.cursor.Load()
	for _, h := range m.holds {
		if !h.found && (h.end == 0 || h.end == k && len(h.records) < maxWindow) {
			return h
		}
	}
	return nil
}

// looks reports whether there is something to claim.
func (m *Member) looks() bool {
	k := m.cursor.Load()
	m.pub = m.published.Load() // R1
	return m.pub != k
}

// await waits until there may be something to claim, or has found what somebody left, and that is at then.
func (m *Member) await(ctx context.Context) error {
	if err := m.end(); err != nil {
		return err
	}
	if err := ended(ctx); err != nil {
		return err
	}
	if m.spin(m.look) {
		return nil
	}
	start := time.Now()
	defer m.death.stop()
	for limit := time.Millisecond; ; limit = min(2*limit, deadCheck) {
		m.death.news.Store(false)
		mortal, err := m.search(len(m.slots))
		if err != nil || m.at != nil {
			return err
		}
		if err := m.end(); err != nil {
			return err
		}
		nap := longestSleep // nobody has a claim that could be left
		if mortal >= 0 && (time.Since(start) < watchAfter || !m.death.set(m.handle, mortal)) {
			nap = limit
		}
		m.stats.Waits++
		if _, err := m.sleep(ctx, m.dataWake, nap, m.ready); err != nil {
			return err
		}
		if m.look() {
			return nil
		}
		if err := m.member(m.holds[0]); err != nil {
			return err
		}
		if err := m.glance(); err != nil {
			return err
		}
	}
}

// end returns io.EOF when the ring has ended, everything has been given out, and nobody else has anything that may come
// here. A member that has something itself does not wait for the others: they might wait for it.
func (m *Member) end() error {
	if m.ended.Load() == 0 { // E2
		return nil
	}
	if k := m.cursor.Load(); m.published.Load() != k { // E3
		return nil
	}
	other := m.peer()
	switch {
	case other < 0:
		return io.EOF
	case m.window > 1 && m.left() < m.window:
		return fmt.Errorf("%w: the ring has ended, and process %d waits for what is not done here, or has what is not done there",
			ErrWindow, m.slots[other].pid.Load())
	}
	return nil
}

// peer returns the slot of another member of the group who has claimed something: the first behind our own; -1 if nobody has.
func (m *Member) peer() int {
	used, own := m.used(), m.first()
	for n := range used {
		i := (own + 1 + n) % used
		if m.slots[i].belongs(m.tie()) && !m.has(i) {
			return i
		}
	}
	return -1
}

// first is this member's first slot, behind which it begins to look at others.
func (m *Member) first() int {
	if len(m.holds) == 0 {
		return 0
	}
	return m.holds[0].index
}

// has reports whether slot i is this member's.
func (m *Member) has(i int) bool {
	for _, h := range m.holds {
		if h.index == i {
			return slotState(h.slot.word.Load()) == h.mine
		}
	}
	return false
}

// askedAtOnce is of how many others a member that has enough to do asks the kernel at a time.
const askedAtOnce = 8

// search looks whether another member that has claimed something is dead. If one is, its claim is this one's, and at. Else
// it returns the slot of one that is alive; -1 if there is none. It asks of at most so many, and goes on behind them the next
// time.
func (m *Member) search(most int) (mortal int, err error) {
	m.searched, mortal = time.Now(), -1
	used, from := m.used(), m.first()+1
	if m.asked > 0 {
		from = m.asked
	}
	m.asked = 0
	for n := range used {
		i := (from + n) % used
		if !m.slots[i].belongs(m.tie()) || m.has(i) {
			continue
		}
		if most--; most < 0 {
			m.asked = i
			break
		}
		held, err := lock.Held(m.file, lifeByte(i))
		if err != nil {
			return mortal, err
		}
		if !held {
			held, err = m.rescue(i)
		}
		if err != nil || m.at != nil {
			return mortal, err
		}
		if held && mortal < 0 {
			mortal = i
		}
	}
	return mortal, nil
}

// rescue makes what is claimed in slot i, whose owner is dead or has left, this member's, in that slot: it is never
// copied, so that it stays where the writer sees it. It reports whether somebody else holds the slot.
//
//	lock the slot's byte
//	load O and K       G7: start < O or start >= K: it was never held, since K was moved by another, or not at all
//	generation + 1     S0
//	given out + 1      G9: before any of it is given to a user, again
func (m *Member) rescue(i int) (held bool, err error) {
	life, err := lock.TryHold(m.file, lifeByte(i))
	if errors.Is(err, lock.ErrBusy) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	s := &m.slots[i]
	st := slotState(s.word.Load())
	if !s.belongs(m.tie()) { // it was another member that had it
		return false, life.Close()
	}
	start, end := s.claimStart.Load(), s.claimEnd.Load()
	o, k := m.oldest.Load(), m.cursor.Load() // G7
	end = min(end, k)
	if start < o || start >= end || end-start > m.capacity() || (start|end)%recordSize != 0 {
		s.claimEnd.Store(0)                 // G6
		s.word.Store(uint64(st &^ slotUse)) // S6
		m.spread()
		return false, life.Close()
	}
	if _, ok := m.parse(start, end-start); !ok {
		s.word.CompareAndSwap(uint64(st), uint64(st.as(stateCorrupt))) // S7
		m.add(statCorrupt, 1)
		m.event(slog.LevelWarn, "slot corrupt", "slot", i, "why", "claim is not at a record", "claim", start)
		m.spread()
		return false, life.Close()
	}
	mine := st + 1<<32
	if !s.word.CompareAndSwap(uint64(st), uint64(mine)) { // S0
		return false, life.Close()
	}
	times := min(s.deliveries.Load(), math.MaxInt32-1) + 1
	s.deliveries.Store(times) // G9
	m.event(slog.LevelWarn, "claim taken over", "slot", i, "pid", s.pid.Load(), "bytes", end-start)
	registration{handle: m.handle}.people(s)
	h := &hold{m: m, index: i, slot: s, life: life, mine: mine, found: true}
	h.claims(mark{position: start}, end, s.cursor.Load(), int(times))
	m.holds = append(m.holds, h)
	m.at = h
	m.stats.Rescued++
	return false, nil
}
