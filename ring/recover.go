package ring

import (
	"fmt"

	"github.com/mmring/mmring/lock"
)

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

// Recovery is what a writer found and did when it opened the ring.
type Recovery struct {
	Dirty   bool   // the last writer did not close
	Foreign bool   // the file comes from before a reboot, or is a copy
	Records uint64 // walked
	Cut     uint64 // bytes cut off the end, because a record there was not whole
}

// recover makes the ring ready for the next writer, whose role the caller holds, and returns the place where it goes on.
// It may be killed anywhere and started again; docs/recovery.md has the table.
//
//	clean, same boot, same file    nothing to do
//	same boot, same file           what lies below published is whole: only the number of the next record is missing
//	another boot, or a copy        everything from oldest to published is looked at, and cut at the first record that is
//	                               not whole
func (h *handle) recover(now identity) (mark, Recovery, error) {
	oldest, published, err := h.bounds()
	if err != nil {
		return mark{}, Recovery{}, err
	}
	var r Recovery
	r.Dirty = h.clean.Load() != 1
	r.Foreign = h.memory.identity() != now
	h.clean.Store(0) // C1: before anything changes
	next := mark{published, h.nextSeq.Load()}
	if r.Dirty || r.Foreign || next.sequence == 0 {
		if next, err = h.derive(oldest, published, &r); err != nil {
			return mark{}, r, err
		}
	}
	h.nextSeq.Store(next.sequence) // C2: before published, so that the pair is right again whenever we die
	if next.position != published {
		if err := h.cut(next.position, published); err != nil {
			return mark{}, r, err
		}
		r.Cut = published - next.position
		h.add(statCut, r.Cut)
	}
	for i := range h.index {
		if h.index[i].position.Load() >= next.position {
			h.index[i].set(0, 0) // C4: of records that were never published
		}
	}
	if r.Dirty {
		h.add(statRecoveries, 1)
	}
	h.epoch.Add(1)
	h.setIdentity(now) // C5: from here on the ring is this boot's and this file's
	h.stamp.Store(0)   // M0: no mirror of the dead writer's
	h.startle()
	return next, r, nil
}

// derive finds the number of the next record by walking, from the last index entry or from oldest.
func (h *handle) derive(oldest, published uint64, r *Recovery) (mark, error) {
	if !r.Foreign {
		if next, err := h.tail(oldest, published); err == nil {
			return next, nil
		}
	}
	word := max(h.nextSeq.Load(), 1)
	if oldest == published {
		return mark{published, word}, nil
	}
	from, err := h.first(oldest, published)
	if err != nil {
		return mark{oldest, word}, nil // not even the first record is whole: all of it is cut
	}
	next, _ := h.walk(from, published, func(pos uint64, rec head) bool {
		r.Records++
		return !h.whole(pos, rec)
	})
	return next, nil
}

// whole reports whether the record at pos, already parsed, carries the checksum of its bytes, where it has one.
func (m *memory) whole(pos uint64, rec head) bool {
	if rec.flags&flagSum == 0 {
		return true
	}
	off := pos & m.mask
	at, end := off+uint64(rec.prefix), off+uint64(rec.size)
	return sumRight(m.data[off:at], m.data[at:end])
}

// cut moves published back to end, which needs that nobody alive is registered, after it has clamped the durable cursors.
func (h *handle) cut(end, published uint64) error {
	for i := range h.slots {
		held, err := lock.Held(h.file, lifeByte(i))
		if err != nil {
			return err
		}
		if held {
			return fmt.Errorf("%w: slot %d is held, and %d damaged bytes at position %d have to be cut: end its process first", ErrBusy, i, published-end, end)
		}
	}
	for i := range h.slots { // before published: a cursor above it would cost its reader the slot, if we died between
		if c := h.slots[i].cursor.Load(); c > end {
			h.slots[i].cursor.Store(end)
		}
	}
	h.published.Store(end) // C3
	return nil
}

// startle wakes all sleepers, whatever the words say: a dead writer may have changed a word without waking.
func (m *memory) startle() {
	alarm(m.dataWake)
	alarm(m.spaceWake)
}
