package ring

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/lock"
)

// A group is a durable slot of kind group under its name; nobody has its byte for longer than it takes to make or remove
// it. A member has one slot of kind member for each of its claims: durable and without a name, so that what is claimed in it
// stays when its process dies.

// maxHolds bounds the slots that one member takes.
const maxHolds = 8

func newMember(h *handle, window int) *Member {
	m := &Member{handle: h, window: window, most: 1, lookout: newLookout(), fenced: !futex.Register()}
	m.teardown = m.resign
	m.look = m.looks
	m.ready = func() bool { return m.death.news.Load() || m.look() || m.ended.Load() != 0 && m.peer() < 0 }
	return m
}

// join finds the group, or makes it, and takes a slot of it. All under the registry byte: groups are made and removed there.
func (m *Member) join(ctx context.Context, name string, from Start) (err error) {
	defer m.settle(debug.SetPanicOnFault(true), "join group", &err)
	if err := m.knows(from); err != nil {
		return err
	}
	registry, err := m.holdRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	known := m.stands(name)
	if m.group, err = m.findGroup(ctx, name, from); err != nil {
		return err
	}
	defer func() {
		if err != nil && !known { // a group without members would hold the writer back
			err = errors.Join(err, m.unmake(ctx))
		}
	}()
	g := &m.slots[m.group]
	m.cursor, m.whole = g.cursor, slotState(g.word.Load())
	if err = m.enroll(); !errors.Is(err, ErrNoSlot) {
		return err
	}
	if _, err = m.search(len(m.slots)); err != nil { // what somebody has left may be all that there is
		return err
	}
	if m.at == nil {
		return m.enroll() // in what was a claim that never held, perhaps
	}
	m.at.found = false // now it is our own
	return nil
}

// unmake frees the group again that this member has made. Nobody else has joined it: the registry is held.
func (m *Member) unmake(ctx context.Context) error {
	life, err := m.holdByte(ctx, lifeByte(m.group))
	if err != nil {
		return err
	}
	m.slots[m.group].word.Store(uint64(m.whole &^ slotUse)) // S5: nobody has seen it
	rouse(m.spaceWake)
	return life.Close()
}

// stands reports whether there is a group of that name, whole.
func (h *handle) stands(name string) bool {
	i, ok := h.find(name)
	if !ok {
		return false
	}
	st := slotState(h.slots[i].word.Load())
	return st.kind() == kindGroup && st.state() == stateActive && st.durable()
}

// findGroup returns the slot of the group of that name, made if need be. The registry is held.
func (h *handle) findGroup(ctx context.Context, name string, from Start) (int, error) {
	i, ok := h.find(name)
	if !ok {
		return h.makeGroup(name, from)
	}
	s := &h.slots[i]
	switch st := slotState(s.word.Load()); {
	case st.kind() == kindGroup && st.state() == stateActive && st.durable():
		return i, nil
	case st.kind() == kindGroup && st.state() == stateCorrupt:
		return 0, corrupt("group %q was dropped by the writer; remove it and start again", name)
	case st.durable() && st.kind() != kindGroup:
		return 0, fmt.Errorf("%w: %q is a durable reader's", ErrName, name)
	}
	if err := h.freeName(ctx, i, name); err != nil { // a group being made or removed when somebody died, an ephemeral reader
		return 0, err
	}
	return h.makeGroup(name, from)
}

// freeName frees slot i, which has the name and is not durable or a group that was removed, if nobody alive is there.
func (h *handle) freeName(ctx context.Context, i int, name string) error {
	s := &h.slots[i]
	if slotState(s.word.Load()).kind() == kindGroup {
		return h.removeEvicted(ctx, i)
	}
	life, err := lock.TryHold(h.file, lifeByte(i))
	if errors.Is(err, lock.ErrBusy) {
		return fmt.Errorf("%w: reader %q is attached, process %d", ErrBusy, name, s.pid.Load())
	}
	if err != nil {
		return err
	}
	defer life.Close()
	s.word.Store(uint64(slotState(s.word.Load()) &^ slotUse)) // S6: free; we hold the byte
	return nil
}

// makeGroup takes a slot for a group, by S0 to S4 as a durable reader does. The registry is held.
func (h *handle) makeGroup(name string, from Start) (int, error) {
	i, life, err := h.freeSlot()
	if err != nil {
		return 0, err
	}
	defer life.Close()
	s := &h.slots[i]
	s.word.Store(uint64(slotState(s.word.Load()).claimed(kindGroup))) // S0
	clear(s.name)
	copy(s.name, name)
	registration{handle: h}.people(s)
	h.raiseHighWater(i)
	h.enterAt(s, h.oldest.Load())
	low, high := s.cursor.Load(), h.published.Load() // R1
	if high < low || high-low > h.capacity() || low%recordSize != 0 {
		err = corrupt("cursor %d, published %d, capacity %d", low, high, h.capacity())
	} else if start, e := h.locate(from, low, high); e != nil {
		err = e
	} else {
		s.cursor.Store(start.position)
		s.word.Or(flagDurable) // S4
		rouse(h.spaceWake)
		return i, nil
	}
	s.word.Store(uint64(slotState(s.word.Load()) &^ slotUse)) // S5: nobody has seen it
	return 0, err
}

// enroll takes one more slot for this member.
//
//	lock the slot's byte             it is free, or a dead member's that had claimed nothing
//	word = claimed, generation + 1   S0
//	group, no claim, people, high water
//	word = active, durable           S1: from here on the writer looks at its claims
func (m *Member) enroll() error {
	i, life, err := m.freeSlot()
	if err != nil {
		return err
	}
	s := &m.slots[i]
	st := slotState(s.word.Load()).claimed(kindMember)
	s.word.Store(uint64(st)) // S0
	clear(s.name)
	s.claimEnd.Store(0)
	s.group.Store(uint64(m.tie()))
	registration{handle: m.handle}.people(s)
	m.raiseHighWater(i)
	st = st.as(stateActive) | flagDurable
	s.word.Store(uint64(st)) // S1
	h := &hold{m: m, index: i, slot: s, life: life, mine: st}
	m.holds = append(m.holds, h)
	return nil
}

// enrollAnother is enroll for a member that has one already, while nobody removes the group.
func (m *Member) enrollAnother(ctx context.Context) error {
	ctx, over := m.whileOpen(ctx)
	defer over()
	registry, err := m.holdRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	if err := m.member(m.holds[0]); err != nil {
		return err
	}
	return m.enroll()
}

// giveBack gives the slot back, or, if something is claimed in it, leaves it to the other members.
func (h *hold) giveBack() {
	if h.found && h.end == 0 {
		return // given back when its claim was over
	}
	if st := slotState(h.slot.word.Load()); st.generation() == h.mine.generation() && (h.end == 0 || st.state() != stateActive) {
		h.slot.word.Store(uint64(st &^ slotUse)) // S5: we hold the byte
	}
}

// tie is that of this member's group.
func (m *Member) tie() tie { return m.whole.tieOf(m.group) }

// belongs reports whether slot s is that of a member of group g who has claimed something.
func (s *slot) belongs(g tie) bool {
	return slotState(s.word.Load()).mayClaim() && tie(s.group.Load()) == g && s.claimEnd.Load() != 0
}
