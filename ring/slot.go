package ring

import (
	"sync/atomic"

	"github.com/mmring/mmring/internal/view"
)

// slot is a registered reader's place in the file.
//
// Only the holder of its lock byte moves it to or from free. Others change word by one CAS on all of it. cursor,
// counters and people belong to the holder.
type slot struct {
	word       *atomic.Uint64
	cursor     *atomic.Uint64
	deliveries *atomic.Uint64 // of a member: how often what it has claimed was given out
	sequence   *atomic.Uint64 // of a reader, the same word: number of the record at the cursor when it was evicted
	claimStart *atomic.Uint64 // what a group's member has taken out of the group starts here
	claimEnd   *atomic.Uint64 // 0: nothing
	group      *atomic.Uint64 // of a member: its group, as a tie
	pid        *atomic.Uint64
	started    *atomic.Uint64
	records    *atomic.Uint64
	bytes      *atomic.Uint64
	waits      *atomic.Uint64
	name       []byte
}

func newSlot(control []byte, off int) slot {
	u64 := func(field int) *atomic.Uint64 { return view.Uint64(control, off+field) }
	return slot{
		word: u64(slotWord), cursor: u64(slotCursor), deliveries: u64(slotSequence), sequence: u64(slotSequence),
		claimStart: u64(slotClaimStart), claimEnd: u64(slotClaimEnd), group: u64(slotGroup),
		pid: u64(slotPID), started: u64(slotStarted),
		records: u64(slotRecords), bytes: u64(slotBytes), waits: u64(slotWaits),
		name: control[off+slotName : off+slotName+slotNameSize],
	}
}

// slotState is a slot's word, taken apart.
type slotState uint64

func (s slotState) state() uint8       { return uint8(s) }
func (s slotState) kind() uint8        { return uint8(s >> 8) }
func (s slotState) durable() bool      { return s&flagDurable != 0 }
func (s slotState) generation() uint32 { return uint32(s >> 32) }

// owed reports whether the reader has to be told what it lost: it was evicted, has come back under its name, and has not
// consumed anything since.
func (s slotState) owed() bool { return s&flagOwed != 0 }

// slotUse are the bits of a word that a free slot has not: all but the generation.
const slotUse = 1<<32 - 1

// holdsBack reports whether the writer has to wait for this slot's cursor: a reader's, or that of a group.
func (s slotState) holdsBack() bool {
	return s.state() == stateActive && (s.kind() == kindReader || s.kind() == kindGroup)
}

// mayEvict reports whether a writer may drop the slot that holds it back: a reader's. Groups are waited for.
func (s slotState) mayEvict() bool { return s.state() == stateActive && s.kind() == kindReader }

// mayClaim reports whether the writer has to wait for what this slot has claimed, if anything: it is a group's member.
func (s slotState) mayClaim() bool { return s.state() == stateActive && s.kind() == kindMember }

// count stores what its owner has done since it was opened; nobody decides by it.
func (s *slot) count(records, bytes, waits uint64) {
	s.records.Store(records)
	s.bytes.Store(bytes)
	s.waits.Store(waits)
}

// kept reports whether the slot stays its owner's when that is dead: it is durable, and if it is a member's, something is
// claimed that others have to finish.
func (s *slot) kept() bool {
	st := slotState(s.word.Load())
	return st.durable() && (st.kind() != kindMember || st.mayClaim() && s.claimEnd.Load() != 0)
}

// as returns the word with another state, all else kept.
func (s slotState) as(state uint8) slotState { return s&^0xff | slotState(state) }

// claimed returns the word of the next owner: a new generation, kind set, nothing else.
func (s slotState) claimed(kind uint8) slotState {
	return slotState(uint64(s.generation()+1)<<32 | uint64(kind)<<8 | stateClaimed)
}

// tie names a group for good: its slot in bits 0 to 31, and the generation of that in the others. Another group may come to
// the slot, and is not what a claim that was left behind belongs to.
type tie uint64

// tieOf is the tie of the group in slot i, whose word is s.
func (s slotState) tieOf(i int) tie { return tie(s)>>32<<32 | tie(uint32(i)) }

// slot returns the number of the group's slot, which may be beyond all.
func (t tie) slot() int { return int(uint32(t)) }

// binds reports whether there is a group that t is the tie of.
func (m *memory) binds(t tie) bool {
	if t.slot() >= len(m.slots) {
		return false
	}
	st := slotState(m.slots[t.slot()].word.Load())
	return st.kind() == kindGroup && st.state() != stateFree && st.tieOf(t.slot()) == t
}

// lifeByte is the lock byte of slot i.
func lifeByte(i int) int64 { return lifeStart + int64(i) }

// slotOffset is where in the file slot i stands.
func slotOffset(i int) int64 { return int64(slotsStart + i*slotSize) }

// used returns how many slots have ever been used: those above were never registered.
func (m *memory) used() int { return int(min(m.highWater.Load(), uint32(len(m.slots)))) }
