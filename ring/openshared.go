package ring

import (
	"context"
	"runtime/debug"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/lock"
)

// How shared writers come and go. Who finds nobody else recovers the ring alone and shares the role then; all others only
// join. Who leaves last closes the ring.

// share makes an exclusive writer, which has recovered the ring, the first of several.
func (w *Writer) share(ctx context.Context) error {
	if err := w.life.Close(); err != nil { // the writer byte is for those who are alone
		return err
	}
	w.life = nil
	if err := w.role.Share(); err != nil {
		return err
	}
	return w.enroll(ctx, false)
}

// join makes a shared writer of a ring where others write, or have just done so: then, again, somebody has to be alone with
// it first.
func (w *Writer) join(ctx context.Context, o WriterOptions) (again bool, err error) {
	defer w.settle(debug.SetPanicOnFault(true), "open writer", &err)
	now, err := w.admitted(o)
	if err != nil {
		return false, err
	}
	if w.clean.Load() != 0 || w.memory.identity() != now {
		return true, ctx.Err()
	}
	w.fenced = !futex.Register()
	if !w.fenced && w.fenceless.Swap(1) == 0 { // Z5
		w.startle()
	}
	w.configure()
	w.pub, w.pos = nowhere, nowhere
	return false, w.enroll(ctx, o.Reopen)
}

// enroll takes a slot and with it a place among those who take the mutex.
//
//	lock the slot's byte             somebody dead may have had the mutex with this slot
//	word = claimed, generation + 1   S0: the mutex word, if it names the slot, names somebody else, or us
//	people, high water
//	word = active                    S1: it has no cursor and is never counted
//	lock                             takes the mutex from whoever had it with this slot (X3), before anything else
func (w *Writer) enroll(ctx context.Context, reopen bool) error {
	w.teardown = w.leaveShared
	i, life, err := w.freeSlot()
	if err != nil {
		return err
	}
	w.life = life
	s := &w.slots[i]
	st := slotState(s.word.Load()).claimed(kindWriter)
	s.word.Store(uint64(st)) // S0
	clear(s.name)
	registration{handle: w.handle}.people(s)
	w.raiseHighWater(i)
	s.word.Store(uint64(st.as(stateActive))) // S1
	w.mutex = &mutex{me: ownerWord(i, st.generation()), slot: i, reopen: reopen}
	w.busy = fail("publish", w.path, errContended)
	if err := w.lock(ctx); err != nil {
		return err
	}
	w.mutex.reopen = false
	w.introduce()
	w.unlock()
	return nil
}

// leaveShared is a shared writer's teardown: the slot is freed, the role given back, and if nobody else has it, the ring is
// closed.
func (w *Writer) leaveShared() (err error) {
	if w.mutex != nil && w.lost == nil {
		w.guarded(w.leaveSlot)
	}
	if w.life != nil {
		err = w.life.Close()
	}
	if e := w.role.Close(); err == nil {
		err = e
	}
	if w.lost != nil || err != nil {
		return err
	}
	return w.closeLast()
}

// leaveSlot frees the slot, unless somebody who may write to the file has changed it.
func (w *Writer) leaveSlot() {
	w.flushStats()
	w.getsOn()
	s := &w.slots[w.mutex.slot]
	if st := slotState(s.word.Load()); st.kind() == kindWriter && ownerWord(w.mutex.slot, st.generation()) == w.mutex.me {
		s.word.Store(uint64(st &^ slotUse)) // S5: we hold the byte
	}
}

// closeLast marks the ring clean if nobody else writes.
func (w *Writer) closeLast() error {
	role, err := lock.TryRoleFile(w.file, lock.Exclusive)
	if err != nil {
		return nil // others write
	}
	w.guarded(func() {
		low, high, err := w.bounds()
		if err != nil || w.clean.Load() != 0 {
			return
		}
		next, err := w.tail(low, high)
		if err != nil {
			return // what is wrong there is for the next one to tell
		}
		w.nextSeq.Store(next.sequence) // N1
		w.pid.Store(0)
		w.clean.Store(1) // N2: after everything else
	})
	return role.Close()
}
