package ring

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/release"
	"github.com/mmring/mmring/internal/spin"
	"github.com/mmring/mmring/lock"
)

// The mutex word of shared writers: who publishes. Whoever has it does alone what an exclusive writer does.
//
//	bits 0 to 15     slot + 1 of the owner; 0: nobody
//	bits 16 to 30    the lowest bits of that slot's generation; of a free mutex they mean nothing
//	bit 31           somebody waits
//
//	the word          who may take it                       by
//	free              everybody                             X1
//	free, waited      who has slept for it                  X1
//	owned             nobody, while its owner lives         X3 from the dead
//
// The owner is dead if its slot is not a writer's of that generation any more, or if nobody holds the slot's life byte.
const (
	mutexOwner      = 1<<16 - 1
	mutexGeneration = 1<<15 - 1
	mutexWaited     = 1 << 31
)

// A writer may make so many publications in a row while others wait for the mutex, each KiB counting as one more; then it
// leaves the mutex to them: after a millisecond of small records. Each change of hands costs a sleeper's wake-up, in which
// some thousand records could have been published. A writer that has made only a few may be one that now and then makes
// one: it wakes at once who has waited for it.
const (
	turn = 16384
	soon = 8
)

var (
	errContended = fmt.Errorf("%w: another writer is publishing", ErrBusy)
	errEnded     = fmt.Errorf("%w: a writer said that no more would come", ErrEnded)
)

// How a writer waits for the mutex: it looks now and then, and then it sleeps, at first so long and at most for deadCheck.
// Each time a sleep runs out it looks whether the owner is dead; a free mutex that was left to a sleeper who does not come
// is its own then.
const (
	mutexLooks  = 16
	mutexPauses = 16
	mutexNap    = time.Millisecond
	stallAfter  = time.Second // without a publication: then the owner is reported
)

// mutex is a shared writer's side of the mutex.
type mutex struct {
	me     uint32 // the word while this writer has it
	slot   int    // of kind writer
	held   bool
	reopen bool      // an ended ring goes on
	stale  bool      // other writers have published since we learned where records start
	run    int       // publications since another writer published
	looked time.Time // when TryPublish last looked whether the owner is dead
}

// ownerWord is what the word is while the slot's owner of that generation has the mutex.
func ownerWord(slot int, generation uint32) uint32 {
	return uint32(slot+1) | generation&mutexGeneration<<16
}

// lock takes the mutex and brings the writer's private side up to date. It waits while a living writer has it, also a
// stopped one. A nil context means: do not wait, and answer ErrBusy.
func (w *Writer) lock(ctx context.Context) error {
	m, v := w.mutex, w.mutexWord.Load()
	if v&mutexOwner == 0 && (v&mutexWaited == 0 || w.hasTurn()) && w.mutexWord.CompareAndSwap(v, m.me|v&mutexWaited) { // X1
		m.held = true
	} else if err := w.lockLate(ctx); err != nil {
		return err
	}
	if w.pub == nowhere || w.published.Load() != w.pub {
		if err := w.catchUp(false); err != nil {
			return err
		}
	}
	if w.ended.Load() != 0 {
		return w.afterEnd()
	}
	return nil
}

// afterEnd gives the mutex of a ring that has ended back, unless this writer was opened to go on with it.
func (w *Writer) afterEnd() error {
	if w.mutex.reopen {
		w.ended.Store(0) // E0
		return nil
	}
	w.unlock()
	return errEnded
}

// unlock gives the mutex back.
//
//	X2 the lower half of the word, 0: a store without a fence, after which the upper half is looked at. Whoever has set
//	   the bit makes up for the fence (X6). Without membarrier it is one exchange
func (w *Writer) unlock() {
	if !w.mutex.held {
		return
	}
	w.mutex.held = false
	w.mutex.run++
	var upper uint32
	if w.fenced {
		upper = w.mutexWord.And(^uint32(mutexOwner)) >> 16 // X2
	} else {
		upper = uint32(release.Free(w.mutexWord, &w.data[w.pos&w.mask])) // X2
	}
	if upper&(mutexWaited>>16) != 0 {
		w.handOver()
	}
}

// handOver is told that somebody waits for the mutex, which is free. If we have made few publications, one is woken, and the
// quickest gets it. Else we go on until our turn is over, and leave the mutex then to one who has slept for it. Who waits
// for a writer that ends its turn early, and says nothing, finds the mutex free when its sleep runs out.
func (w *Writer) handOver() {
	switch m := w.mutex; {
	case m.run >= turn:
		if n, _ := futex.WakeOne(w.mutexWord); n == 0 { // fails only where the memory is gone, which the next access reports
			w.unmark()
		}
	case m.run <= soon:
		w.unmark()
	}
}

// stepAside gives the mutex back before a wait for something else: the turn is over.
func (w *Writer) stepAside() {
	w.mutex.run = turn
	w.unlock()
}

// unmark takes the bit from the free mutex, and wakes one of those who set it.
func (w *Writer) unmark() {
	v := w.mutexWord.Load()
	if v&mutexOwner != 0 || v&mutexWaited == 0 {
		return // somebody has taken it, and the bit with it
	}
	if w.mutexWord.CompareAndSwap(v, v&^mutexWaited) { // X7
		_, _ = futex.WakeOne(w.mutexWord)
	}
}

// hasTurn reports whether this writer may go on although others wait: it published last, and not too often.
func (w *Writer) hasTurn() bool {
	return w.mutex.run > 0 && w.mutex.run < turn && w.published.Load() == w.pub
}

// take takes a mutex that is free, if it is there for us: everybody's, or left to those who slept for it, as we did. Whoever
// has slept marks it, since others may still sleep.
func (w *Writer) take(v uint32, slept bool) bool {
	m := w.mutex
	if v&mutexOwner != 0 || v&mutexWaited != 0 && !slept {
		return false
	}
	mine := m.me | v&mutexWaited
	if slept {
		mine |= mutexWaited
	}
	m.held = w.mutexWord.CompareAndSwap(v, mine) // X1
	return m.held
}

// lockLate is lock for a mutex that was not free at the first look.
func (w *Writer) lockLate(ctx context.Context) error {
	if ctx == nil {
		return w.lockFromDead()
	}
	if w.spinForMutex(false) {
		return nil
	}
	begun := stall{position: w.published.Load()}
	slept := false
	for nap := mutexNap; ; nap = min(2*nap, deadCheck) {
		v := w.mutexWord.Load()
		if v&mutexWaited != 0 && w.take(v, slept) {
			return nil
		}
		if took, err := w.takeOver(v); took || err != nil {
			return err
		}
		announced := v&mutexWaited == 0
		if announced {
			if !w.mutexWord.CompareAndSwap(v, v|mutexWaited) { // X5
				continue
			}
			v |= mutexWaited
		}
		if err := w.interrupted(ctx); err != nil {
			return err
		}
		if w.spinForMutex(slept) {
			return nil
		}
		if announced && !futex.Barrier() { // X6
			nap = mutexNap
		}
		if _, err := w.doze(w.mutexWord, v, nap); err != nil {
			return err
		}
		slept = true
		if err := w.stalled(&begun); err != nil {
			return err
		}
	}
}

// spinForMutex looks now and then whether the mutex is there for us. It leaves a mutex alone that is free between two of
// many publications: to break into another writer's turn would cost both more than to wait for its end.
func (w *Writer) spinForMutex(slept bool) bool {
	before := w.published.Load()
	if spin.Useful {
		for range mutexLooks {
			spin.Pause(mutexPauses)
			v, now := w.mutexWord.Load(), w.published.Load()
			if now == before && w.take(v, slept) {
				return true
			}
			before = now
		}
	}
	runtime.Gosched()
	return w.published.Load() == before && w.take(w.mutexWord.Load(), slept)
}

// stall is what a writer has seen while it waits for the mutex.
type stall struct {
	position uint64
	since    time.Time
	told     bool
}

// stalled is told that a sleep for the mutex is over: it looks now and then whether the file is still there, and reports an
// owner that lives and publishes nothing.
func (w *Writer) stalled(s *stall) error {
	if err := w.glance(); err != nil {
		return err
	}
	now := time.Now()
	if p := w.published.Load(); s.since.IsZero() || p != s.position {
		*s = stall{p, now, s.told}
	}
	if v := w.mutexWord.Load(); !s.told && now.Sub(s.since) >= stallAfter && v&mutexOwner != 0 {
		s.told = true
		i := int(v&mutexOwner) - 1
		w.event(slog.LevelWarn, "writer stalled", "slot", i, "pid", w.slots[i%len(w.slots)].pid.Load(), "for", now.Sub(s.since))
	}
	return nil
}

// lockFromDead is lockLate for a caller that does not wait and asks again and again: not every answer is worth a system
// call.
func (w *Writer) lockFromDead() error {
	if time.Since(w.mutex.looked) < deadCheck {
		return errContended
	}
	w.mutex.looked = time.Now()
	v := w.mutexWord.Load()
	if w.take(v, true) {
		return nil
	}
	if took, err := w.takeOver(v); took || err != nil {
		return err
	}
	return errContended
}

// takeOver takes the mutex, which was v, from a dead owner.
func (w *Writer) takeOver(v uint32) (bool, error) {
	if v&mutexOwner == 0 {
		return false, nil
	}
	dead, err := w.ownerDead(v)
	if err != nil || !dead || !w.mutexWord.CompareAndSwap(v, w.mutex.me|mutexWaited) { // X3
		return false, err
	}
	w.mutex.held = true
	w.tellTakeOver(v)
	if err := w.catchUp(true); err != nil {
		return false, err
	}
	return true, nil
}

func (w *Writer) tellTakeOver(v uint32) {
	if i := int(v&mutexOwner) - 1; i < len(w.slots) {
		w.event(slog.LevelWarn, "mutex taken over", "slot", i, "pid", w.slots[i].pid.Load())
	}
}

// ownerDead reports whether the owner that the mutex word names, if it ever was one, is no more. The dead stay dead: who
// gets the slot afterwards has another generation.
func (w *Writer) ownerDead(v uint32) (bool, error) {
	i := int(v&mutexOwner) - 1
	if i >= len(w.slots) || i == w.mutex.slot { // we know that we have it not
		return true, nil
	}
	held, err := lock.Held(w.file, lifeByte(i))
	if err != nil || !held {
		return err == nil, err
	}
	st := slotState(w.slots[i].word.Load())
	return st.kind() != kindWriter || ownerWord(i, st.generation()) != v&^mutexWaited, nil
}
