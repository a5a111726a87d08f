package ring

import "context"

// identity names the running kernel and the file, so that a ring that comes from before a reboot, or is a copy, is
// noticed. It is what the state group holds.
type identity struct {
	boot   [2]uint64
	device uint64
	inode  uint64
}

func (m *memory) identity() identity {
	return identity{[2]uint64{m.bootID[0].Load(), m.bootID[1].Load()}, m.device.Load(), m.inode.Load()}
}

func (m *memory) setIdentity(id identity) {
	m.bootID[0].Store(id.boot[0])
	m.bootID[1].Store(id.boot[1])
	m.device.Store(id.device)
	m.inode.Store(id.inode)
}

// recovery is a Recovery in the making.
type recovery struct {
	*handle
	Recovery
	ctx context.Context

	low, high uint64             // oldest and published as they were found
	start     uint64             // what stays is from here
	next      mark               // to here
	astray    [indexEntries]bool // entries that prove themselves and lead into the middle of a record
}

// recover makes the ring ready for the next writer, whose role the caller holds. It may be killed anywhere and started
// again, with the same result; docs/recovery.md has the table.
//
//	clean, same boot, same file    nothing to do
//	same boot, same file           what lies below published is whole: only the number of the next record is missing, and
//	                               the last stride tells it. If it does not, as below
//	another boot, a copy, full     everything from oldest to published is looked at, checksums too. What stays starts at
//	                               oldest, or at the first index entry from which a record is whole, and ends at the first
//	                               record that is not
func (h *handle) recover(ctx context.Context, now identity, full bool) (Recovery, error) {
	r := &recovery{handle: h, ctx: ctx}
	var err error
	if r.low, r.high, err = h.bounds(); err != nil {
		return r.Recovery, err
	}
	r.compare(now, full)
	h.clean.Store(0)     // C1: before anything changes
	h.clearMirror()      // M0
	h.mutexWord.Store(0) // X8: whoever had it is dead
	clear(h.mutexNext)
	if r.Dirty {
		h.add(statRecoveries, 1)
	}
	if err := r.examine(); err != nil {
		return r.Recovery, err
	}
	r.owe()
	h.nextSeq.Store(r.next.sequence) // C2: before published, so that the pair is right again whenever we die
	if r.Full {
		if err := r.cut(); err != nil {
			return r.Recovery, err
		}
	}
	for i, e := range h.index {
		if r.misleads(i) {
			e.wipe() // C4: no hint leads beyond published
		}
	}
	h.epoch.Add(1)     // C7: who copies without a slot discards what it copied before
	h.setIdentity(now) // C5: from here on the ring is this boot's and this file's
	h.startle()
	r.Oldest, r.Published, r.Next = r.start, r.next.position, r.next.sequence
	return r.Recovery, nil
}

// compare finds out in what state the ring was left.
func (r *recovery) compare(now identity, full bool) {
	was := r.memory.identity()
	if was == (identity{}) && r.low == r.high {
		was = now // nobody has written to it yet
	}
	r.Dirty = r.clean.Load() != 1
	r.Rebooted = was.boot != now.boot
	r.Copied = was.device != now.device || was.inode != now.inode
	r.Full = full || r.Rebooted || r.Copied
}

// cut gives up what is not whole and puts right what leads there, while no reader can register. Published moves back, and
// oldest forward, only when nobody alive is registered: the bytes of a living reader are never taken from it.
func (r *recovery) cut() error {
	some := r.start != r.low || r.next.position != r.high
	held, err := r.holdSlots(some)
	defer held.release()
	if err != nil {
		return err
	}
	r.mendSlots(held) // before published: a cursor above it would cost its reader the slot, if we died between
	if some {
		r.oldest.Store(r.start)            // C6: never above published, neither the old nor the new one
		r.published.Store(r.next.position) // C3
	}
	r.pay()
	return nil
}

// startle wakes all sleepers, whatever the words say: a dead writer may have changed a word without waking.
func (m *memory) startle() {
	alarm(m.dataWake)
	alarm(m.spaceWake)
}
