package ring

import (
	"errors"
	"fmt"

	"github.com/mmring/mmring/lock"
)

// heldSlots are the lock bytes that keep readers from registering: the registry, and those of slots that no living process
// has (nil: one has it).
type heldSlots struct {
	registry *lock.Life
	lives    []*lock.Life
}

func (s *heldSlots) release() {
	for _, l := range append(s.lives, s.registry) {
		if l != nil {
			_ = l.Close() // nothing depends on it: the descriptor closes at last
		}
	}
}

// holdSlots takes the bytes of all slots that are free or whose processes are dead. With all it fails with ErrBusy if
// there is another. Who wants to register meanwhile waits for the registry.
func (r *recovery) holdSlots(all bool) (*heldSlots, error) {
	held := &heldSlots{lives: make([]*lock.Life, len(r.slots))}
	var err error
	if held.registry, err = r.holdRegistry(r.ctx); err != nil {
		return held, err
	}
	for i := range r.slots {
		held.lives[i], err = lock.TryHold(r.file, lifeByte(i))
		switch {
		case err == nil:
		case !errors.Is(err, lock.ErrBusy):
			return held, err
		case all:
			s := &r.slots[i]
			return held, fmt.Errorf("%w: %d damaged bytes have to be given up at position %d, and process %d reads%s: end it first",
				ErrBusy, r.Skipped+r.Cut, r.damaged(), s.pid.Load(), quoted(text(s.name)))
		}
	}
	return held, nil
}

// damaged is the first position that is not whole.
func (r *recovery) damaged() uint64 {
	if r.Skipped > 0 {
		return r.low
	}
	return r.next.position
}

// mendSlots puts right what can be said of the slots of the dead without their owners: cursors between oldest and
// published, at a record. A cursor that was in the middle of a record goes to its start: the record comes again.
func (r *recovery) mendSlots(held *heldSlots) {
	for i := range r.slots {
		if held.lives[i] != nil && !slotState(r.slots[i].word.Load()).mayClaim() {
			r.mendSlot(i, held)
		}
	}
	for i := range r.slots { // when it is known which groups there are
		if held.lives[i] != nil && slotState(r.slots[i].word.Load()).mayClaim() {
			r.mendClaim(i)
		}
	}
	r.mendGroups(held)
	if n := r.highWater.Load(); n > uint32(len(r.slots)) {
		r.mended(offHighWater, "counters", "%d slots used of %d: set to all", n, len(r.slots))
		r.highWater.Store(uint32(len(r.slots)))
	}
	if e := r.ended.Load(); e > 1 {
		r.mended(offEnded, "counters", "ended flag %d: set to 1", e)
		r.ended.Store(1)
	}
}

func (r *recovery) mendSlot(i int, held *heldSlots) {
	s, off := &r.slots[i], slotOffset(i)
	st := slotState(s.word.Load())
	name := quoted(text(s.name))
	switch {
	case st&slotUse == 0:
	case st.kind() == kindWriter: // its peers finish what it has begun
	case st.state() == stateFree:
		r.free(i, "is free, and its word %#x says more", uint64(st))
	case st.durable() && checkName(text(s.name)) != nil && st.kind() == kindGroup && r.works(st.tieOf(i), held):
		r.left(off, "slot", "nobody can ask for the group's name%s, and it has members: end them first", name)
	case st.durable() && checkName(text(s.name)) != nil:
		r.free(i, "is durable, and nobody can ask for its name%s", name)
	case st.durable() && st.state() == stateEvicted: // whoever comes under its name looks for what is left
	case st.durable() && !st.holdsBack():
		r.left(off, "slot", "durable reader%s was dropped, its cursor %d is not to be trusted: remove it (mmring readers rm)", name, s.cursor.Load())
	case !st.durable():
		r.free(i, "is%s process %d's, which is dead", name, s.pid.Load())
	default:
		r.mendHighWater(i)
		if c, to := s.cursor.Load(), r.boundaryAt(s.cursor.Load()); c != to {
			r.mended(off+slotCursor, "slot", "cursor %d of reader%s: moved to %d", c, name, to)
			s.cursor.Store(to)
		}
	}
}

// mendHighWater makes everybody look at slot i, which is active.
func (r *recovery) mendHighWater(i int) {
	if used := r.highWater.Load(); used <= uint32(i) {
		r.mended(offHighWater, "counters", "%d slots used, slot %d is active: raised", used, i)
		r.highWater.Store(uint32(i + 1))
	}
}

// free frees slot i, whose byte is held, and says why.
func (r *recovery) free(i int, why string, args ...any) {
	r.mended(slotOffset(i), "slot", "slot %d "+why+": freed", append([]any{i}, args...)...)
	s := &r.slots[i]
	s.word.Store(s.word.Load() &^ slotUse) // S6
}

// boundaryAt returns where the record starts that position c lies in, within what stays.
func (r *recovery) boundaryAt(c uint64) uint64 {
	c = min(max(c, r.start), r.next.position)
	if c == r.next.position {
		return c
	}
	from, err := r.first(r.start, r.next.position)
	if err != nil {
		return r.start
	}
	for i := range r.index {
		if p, s, ok := r.proven(i, r.start, c); ok && p > from.position && !r.astray[i] {
			from = mark{p, s}
		}
	}
	at, _ := r.walk(from, c, nil) // stops before the record that reaches over c
	return at.position
}
