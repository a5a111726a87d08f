package ring

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/mmring/mmring/lock"
)

// What is to be seen of groups from outside, and what is put right without them.

// GroupInfo is a group.
type GroupInfo struct {
	Slot  int
	Name  string
	State string // "active", "claimed" (being made), "evicted" (removed, and members are still attached) or "corrupt"

	Cursor     uint64 // position: what lies before it has been given out
	Seq        uint64 // number of the record that is given out next; 0 if it cannot be told
	LagBytes   uint64 // published, not yet given out
	LagRecords uint64
	HoldsBack  bool // the writer cannot overwrite what lies behind its cursor and is at the end of its space
	Members    []MemberInfo
}

// MemberInfo is a slot of a group's member. One that works on several claims at a time has several.
type MemberInfo struct {
	Slot  int
	State string // "active", "claimed" (being made), "evicted" or "corrupt"
	Alive bool   // a process holds the slot
	PID   int    // of the process that holds or held it
	Since time.Time

	ClaimStart   uint64 // position
	ClaimEnd     uint64 // position; 0: it has nothing
	ClaimSeq     uint64 // number of the first record that is not done; 0 if there is none, or it cannot be told
	ClaimRecords uint64 // from that one on; of some of them it may have said that they are done
	ClaimBytes   uint64
	Delivery     int    // of what is claimed: above 1, others had it before
	Records      uint64 // delivered since it joined, as of its last claim
	Bytes        uint64
	Waits        uint64
	HoldsBack    bool // the writer cannot overwrite what is claimed and is at the end of its space
}

// inspectGroups adds the groups and their members to info.
func (h *handle) inspectGroups(info *Info) error {
	place := map[tie]int{} // in info.Groups
	for i := range h.used() {
		s := &h.slots[i]
		st := slotState(s.word.Load())
		if st.kind() != kindGroup || st.state() == stateFree {
			continue
		}
		g := GroupInfo{Slot: i, Name: text(s.name), State: stateName(st), Cursor: s.cursor.Load()}
		if st.state() == stateActive && !st.durable() {
			g.State = stateNames[stateClaimed]
		}
		g.Seq = h.numberAt(g.Cursor, info)
		g.LagBytes = info.Published - min(g.Cursor, info.Published)
		g.LagRecords = between(g.Seq, info.NextSeq)
		g.HoldsBack = st.holdsBack() && g.LagBytes > info.recordsRoom()
		place[st.tieOf(i)] = len(info.Groups)
		info.Groups = append(info.Groups, g)
	}
	for i := range h.used() {
		s := &h.slots[i]
		st := slotState(s.word.Load())
		if st.kind() != kindMember || st.state() == stateFree {
			continue
		}
		alive, err := lock.Held(h.file, lifeByte(i))
		if err != nil {
			return err
		}
		of := tie(s.group.Load())
		at, ok := place[of]
		if !ok { // of a group that is not there any more, or never was
			at = len(info.Groups)
			place[of] = at
			info.Groups = append(info.Groups, GroupInfo{Slot: of.slot(), State: "none"})
		}
		info.Groups[at].Members = append(info.Groups[at].Members, h.inspectMember(i, st, alive, info))
	}
	return nil
}

func (h *handle) inspectMember(i int, st slotState, alive bool, info *Info) MemberInfo {
	s := &h.slots[i]
	m := MemberInfo{
		Slot: i, State: stateName(st), Alive: alive, PID: int(s.pid.Load()), Since: stamp(s.started.Load()),
		Records: s.records.Load(), Bytes: s.bytes.Load(), Waits: s.waits.Load(),
	}
	start, end := s.claimStart.Load(), s.claimEnd.Load()
	if !st.mayClaim() || end == 0 || start >= end || end > info.Published {
		return m // nothing, or nothing that we can place: it was claimed since we looked
	}
	m.ClaimStart, m.ClaimEnd, m.ClaimBytes = start, end, end-start
	m.ClaimSeq = h.numberAt(start, info)
	m.ClaimRecords = between(m.ClaimSeq, h.numberAt(end, info))
	m.Delivery = int(min(s.deliveries.Load(), math.MaxInt32))
	m.HoldsBack = info.Published-start > info.recordsRoom()
	return m
}

// numberAt is the number of the record that starts at position, or will; 0 if it cannot be told.
func (h *handle) numberAt(position uint64, info *Info) uint64 {
	if position == info.Published {
		return info.NextSeq
	}
	if position > info.Published {
		return 0 // it was published since we looked
	}
	at, err := h.first(position, info.Published)
	if err != nil || position < h.oldest.Load() {
		return 0
	}
	return at.sequence
}

// between is how many records lie between two numbers; 0 if one of them cannot be told.
func between(from, to uint64) uint64 {
	if from == 0 || to < from {
		return 0
	}
	return to - from
}

// claim looks whether what the member in slot i has claimed can be. A claim below oldest, or at the group's cursor or behind,
// was never held: its owner, or who finishes it, clears it.
func (s *survey) claim(i int) {
	slot, off := &s.slots[i], slotOffset(i)
	if g := tie(slot.group.Load()); !s.binds(g) {
		s.fault(off+slotGroup, "slot", "member's slot %d is of group %d, which is none", i, g.slot())
		return
	}
	start, end := slot.claimStart.Load(), slot.claimEnd.Load()
	_, high, err := s.bounds() // after the claim, which is of records that were published before
	switch {
	case err != nil:
		s.fault(offOldest, "counters", "%v", err)
	case end == 0 || slot.claimEnd.Load() != end || slot.claimStart.Load() != start: // another one by now
	case start >= end || end > high || (start|end)%recordSize != 0:
		s.fault(off+slotClaimStart, "slot", "claim of slot %d from %d to %d, published is %d", i, start, end, high)
	case start >= s.oldest.Load():
		if _, ok := s.parse(start, high-start); !ok && s.oldest.Load() <= start && slot.claimStart.Load() == start {
			s.fault(off+slotClaimStart, "slot", "claim %d of slot %d is not at a record", start, i)
		}
	}
}

// mendClaim puts right what a dead member has claimed: between oldest and published, at records.
func (r *recovery) mendClaim(i int) {
	s := &r.slots[i]
	start, end := s.claimStart.Load(), s.claimEnd.Load()
	if end == 0 {
		r.free(i, "is process %d's, a group's member, which is dead", s.pid.Load())
		return
	}
	if g := tie(s.group.Load()); !r.binds(g) {
		r.free(i, "claims %d to %d of group %d, which is none", start, end, g.slot())
		return
	}
	from, to := r.boundaryAt(start), r.boundaryAt(end)
	if rec, ok := r.parse(to, r.next.position-to); ok && to < end {
		to += rec.whole // the record that end was in the middle of is claimed too
	}
	if from >= to || start >= end {
		s.claimEnd.Store(0) // G6
		r.free(i, "claims %d to %d, where no record is", start, end)
		return
	}
	r.mendHighWater(i)
	if from != start || to != end {
		r.mended(slotOffset(i)+slotClaimStart, "slot", "claim %d to %d of slot %d: moved to %d to %d", start, end, i, from, to)
		s.claimStart.Store(from) // G5
		s.claimEnd.Store(to)     // G5
	}
}

// works reports whether a living process is a member of the group.
func (r *recovery) works(of tie, held *heldSlots) bool {
	for i := range r.slots {
		s := &r.slots[i]
		if st := slotState(s.word.Load()); held.lives[i] == nil && st.state() != stateFree && st.kind() == kindMember && tie(s.group.Load()) == of {
			return true
		}
	}
	return false
}

// mendGroups moves the cursors of groups that are older than what the dead have claimed, as a power cut may leave them, to
// where the claims end: else their records would be given out again as if nobody had had them. It is what their owners did, or
// were about to do. A cursor does not pass what is in no claim: who had it is not known, and perhaps it is not done.
func (r *recovery) mendGroups(held *heldSlots) {
	var claims []int
	for i := range r.slots {
		s := &r.slots[i]
		if held.lives[i] != nil && slotState(s.word.Load()).mayClaim() && s.claimEnd.Load() != 0 {
			claims = append(claims, i)
		}
	}
	slices.SortFunc(claims, func(a, b int) int {
		return cmp.Compare(r.slots[a].claimStart.Load(), r.slots[b].claimStart.Load())
	})
	for _, i := range claims {
		s := &r.slots[i]
		g := tie(s.group.Load()).slot() // it binds, or the claim would be none any more
		k, start, end := r.slots[g].cursor.Load(), s.claimStart.Load(), s.claimEnd.Load()
		if start <= k && k < end && r.slots[g].cursor.CompareAndSwap(k, end) { // G3
			r.mended(slotOffset(g)+slotCursor, "slot", "cursor %d of group%s: moved to %d, where the claim of slot %d ends", k, quoted(text(r.slots[g].name)), end, i)
		}
	}
}
