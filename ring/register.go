package ring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mmring/mmring/lock"
)

// registration is the way of a reader into the file.
//
//	lock the slot's byte            from here on nobody else moves the slot to or from free
//	word = claimed, generation + 1  S0: the writer does not count it; a death here leaves a slot that the next one takes
//	name, people, high water        raised before S1, read by the writer after W2
//	cursor = oldest, word = active  S1: from here on the writer counts it
//	full fence                      S2
//	while oldest > cursor: raise    S3: a writer that moved oldest meanwhile did not see us, we see it
//	durable                         last: a half registered reader is never durable
type registration struct {
	*handle
	name    string
	durable bool
	fresh   bool // the name must not be known yet
	must    bool // it must be known
}

// register finds or takes a slot and returns it with its lock byte held, active, its cursor at low or above. known says
// that a durable cursor of that name was there and stands at the returned slot's cursor.
func (g registration) register(ctx context.Context) (i int, life *lock.Life, known bool, err error) {
	if g.name != "" {
		registry, err := g.holdRegistry(ctx)
		if err != nil {
			return 0, nil, false, err
		}
		defer registry.Close()
		if i, life, known, err = g.byName(); err != nil || known {
			return i, life, known, err
		}
		if g.must {
			return 0, nil, false, fmt.Errorf("no durable reader %q: %w", g.name, fs.ErrNotExist)
		}
	}
	i, life, err = g.freeSlot()
	if errors.Is(err, ErrNoSlot) && g.name == "" {
		i, life, err = g.freeSlotLater(ctx)
	}
	if err != nil {
		return 0, nil, false, err
	}
	s := &g.slots[i]
	s.word.Store(uint64(slotState(s.word.Load()).claimed(kindReader))) // S0
	clear(s.name)
	copy(s.name, g.name)
	g.people(s)
	g.raiseHighWater(i)
	g.enterAt(s, g.oldest.Load())
	if g.durable {
		s.word.Or(flagDurable) // S4
	}
	return i, life, false, nil
}

// raiseHighWater makes everybody look at slot i from now on.
func (m *memory) raiseHighWater(i int) {
	for n := m.highWater.Load(); n < uint32(i+1) && !m.highWater.CompareAndSwap(n, uint32(i+1)); n = m.highWater.Load() {
	}
}

// raises bounds how often enterAt follows oldest. Two are enough for any writer that keeps to the protocol: one that sees
// the cursor moves oldest no further.
const raises = 8

// enterAt runs S1 to S3 with a start at cursor.
func (h *handle) enterAt(s *slot, cursor uint64) {
	s.cursor.Store(cursor)                                          // S1
	if st := slotState(s.word.Load()); st.state() == stateClaimed { // else it is active, or was dropped and stays so
		s.word.Store(uint64(st.as(stateActive))) // S1
	}
	for range raises { // S2: the stores above are full fences on amd64, and ordered before the load below on arm64
		o := h.oldest.Load() // S3
		if o <= cursor {
			return
		}
		if st := slotState(s.word.Load()); st.state() == stateEvicted && !st.owed() {
			return // the cursor has to say how far it was
		}
		cursor = o
		s.cursor.Store(cursor)
	}
}

// holdRegistry waits for the byte under which names are given.
func (h *handle) holdRegistry(ctx context.Context) (*lock.Life, error) {
	return h.holdByte(ctx, registryByte)
}

// holdByte waits for the byte at off.
func (h *handle) holdByte(ctx context.Context, off int64) (*lock.Life, error) {
	for {
		life, err := lock.TryHold(h.file, off)
		if !errors.Is(err, lock.ErrBusy) {
			return life, err
		}
		turn, cancel := context.WithTimeoutCause(ctx, longestSleep, errTurn)
		err = lock.WaitFree(turn, h.file, off)
		cancel()
		if errors.Is(err, errTurn) {
			err = h.still()
		}
		if err != nil {
			return nil, err
		}
	}
}

// byName takes over the durable cursor of the registration's name, if there is one. Its generation grows and it stays
// active all the time, so that it goes on holding the writer back whenever we die.
func (g registration) byName() (i int, life *lock.Life, known bool, err error) {
	i, ok := g.find(g.name)
	if !ok {
		return 0, nil, false, nil
	}
	s := &g.slots[i]
	if g.fresh && slotState(s.word.Load()).durable() {
		return 0, nil, false, fmt.Errorf("durable reader %q: %w", g.name, fs.ErrExist)
	}
	life, err = lock.TryHold(g.file, lifeByte(i))
	if errors.Is(err, lock.ErrBusy) {
		return 0, nil, false, fmt.Errorf("%w: reader %q is attached, process %d", ErrBusy, g.name, s.pid.Load())
	}
	if err != nil {
		return 0, nil, false, err
	}
	st := slotState(s.word.Load())
	switch {
	case !st.durable():
		return 0, nil, false, life.Close() // an ephemeral reader of that name has died
	case st.kind() != kindReader:
		life.Close()
		return 0, nil, false, fmt.Errorf("%w: %q is a group's", ErrName, g.name)
	case st.state() != stateEvicted && !st.holdsBack():
		life.Close()
		return 0, nil, false, corrupt("durable reader %q was dropped by the writer; remove it and start again", g.name)
	case !g.durable:
		life.Close()
		return 0, nil, false, fmt.Errorf("%w: %q is a durable reader's", ErrName, g.name)
	case st.state() == stateEvicted:
		g.people(s)
		if err := g.comeBack(s, st); err != nil {
			life.Close()
			return 0, nil, false, err
		}
		return i, life, true, nil
	}
	if !s.word.CompareAndSwap(uint64(st), uint64(st)+1<<32) { // S0
		life.Close()
		return 0, nil, false, corrupt("durable reader %q: its slot changed while it was attached", g.name)
	}
	g.people(s)
	if st.owed() { // who came before may have died while it registered; else the writer has counted the cursor all the time
		g.enterAt(s, s.cursor.Load())
	}
	return i, life, true, nil
}

// find returns the slot in use under name.
func (m *memory) find(name string) (int, bool) {
	for i := range m.used() {
		if st := slotState(m.slots[i].word.Load()); st.state() != stateFree && text(m.slots[i].name) == name {
			return i, true
		}
	}
	return 0, false
}

// freeSlot locks the byte of a slot that is free, or whose ephemeral owner is dead, or a group's member that has nothing.
func (h *handle) freeSlot() (int, *lock.Life, error) {
	for i := range h.slots {
		s := &h.slots[i]
		if s.kept() {
			continue
		}
		life, err := lock.TryHold(h.file, lifeByte(i))
		if errors.Is(err, lock.ErrBusy) {
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		if !s.kept() { // nobody can change it any more
			return i, life, nil
		}
		life.Close()
	}
	return 0, nil, fmt.Errorf("%w: all %d are taken", ErrNoSlot, len(h.slots))
}

// freeSlotLater looks again once the registry is free: a recovery that gives damaged records up holds it, and all slots.
func (g registration) freeSlotLater(ctx context.Context) (int, *lock.Life, error) {
	registry, err := g.holdRegistry(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer registry.Close()
	return g.freeSlot()
}

// people writes down who we are; nobody decides by it. A durable cursor's name is decided by, and stays as it is: a death
// while it was written again would leave a cursor that nobody can find.
func (g registration) people(s *slot) {
	s.pid.Store(uint64(os.Getpid()))
	s.started.Store(uint64(time.Now().UnixNano()))
	for _, counter := range []interface{ Store(uint64) }{s.records, s.bytes, s.waits} {
		counter.Store(0)
	}
}
