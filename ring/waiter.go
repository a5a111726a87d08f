package ring

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/spin"
)

// Waitable is what a Waiter waits for: a *Reader or an *Observer. (A group's member waits alone: what it waits for is not only in
// a wake word.)
type Waitable interface{ awaited() *consumer }

func (c *consumer) awaited() *consumer { return c }

// Waiter waits for the next record of any of several rings, with one sleep for all of them. It has nothing of its own in the
// files, and needs no Close. It is made by NewWaiter.
//
// One goroutine at a time may use it, and while it is in Wait, nobody else the readers and observers that it waits for; Close
// of one of them may come from any.
type Waiter struct {
	busy    atomic.Bool // a call is inside
	rings   []*consumer
	handles []*handle // theirs: who comes from a sleep finds them in one piece, and only a line of each is needed
	next    int       // where the next look begins
	inside  int       // so many, counted from begun, have admitted this call
	begun   int
	armed   bool // what debug.SetPanicOnFault answered
	calls   uint32
	sleeps  futex.Set
	values  []uint32 // of its words
	*interruption
}

// interruption ends a Waiter's sleeps. It knows nothing of the Waiter: a context that lives longer than that does not keep it.
type interruption struct {
	cancel  atomic.Uint32
	context contextWatch
}

// end ends the sleep when the context does.
func (i *interruption) end() { cancel(&i.cancel) }

// NewWaiter returns a Waiter for the readers and observers given, of different rings or of the same. Their order is what
// Wait's answer counts by.
func NewWaiter(rings ...Waitable) *Waiter {
	w := newWaiter()
	w.set(rings)
	return w
}

func newWaiter() *Waiter {
	w := &Waiter{interruption: new(interruption)}
	runtime.AddCleanup(w, func(i *interruption) { i.context.stop() }, w.interruption)
	return w
}

// WaitAny is Wait of a new Waiter for these readers and observers, which begins with a random one of them. Who waits again and
// again for the same ones is served better by a Waiter, which keeps its watch of the context.
func WaitAny(ctx context.Context, rings ...Waitable) (int, error) {
	w := waiters.Get().(*Waiter)
	defer waiters.Put(w)
	w.set(rings)
	w.next = rand.IntN(max(len(rings), 1))
	i, err := w.Wait(ctx)
	w.context.stop()
	clear(w.rings)
	clear(w.handles)
	return i, err
}

var waiters = sync.Pool{New: func() any { return newWaiter() }}

func (w *Waiter) set(rings []Waitable) {
	w.rings, w.handles = w.rings[:0], w.handles[:0]
	for _, r := range rings {
		c := r.awaited()
		w.rings, w.handles = append(w.rings, c), append(w.handles, c.handle)
	}
}

// Wait waits until one of the rings has a record that was not delivered yet, and returns its index: its next call does not
// wait. (It may, when all that came is something that it passes over.) Whichever it finds first: it begins to look behind the
// one it returned last, so that none starves. When it has to wait, it consumes the records delivered before, of all of them,
// as a call for the next record does.
//
// An index with an error is about that ring alone, and the others are as good as before: io.EOF when it has ended and
// everything has been read, ErrEvicted, ErrCorrupt, ErrLost, ErrMisuse, ErrClaimed, os.ErrClosed. Index -1 comes with the
// context's cause, or ErrMisuse if there is no ring to wait for. The context is looked at when Wait waits and once in 256 calls.
//
// One sleep has room for 127 rings. Of more, and where the kernel has no futex_waitv (before 5.16, under some
// containers' filters), Wait looks at all of them in growing intervals, at least every 10 ms. The same goes, up to 32 ms, while
// an observer is among them that may not write to its file, unless that ring wakes always.
func (w *Waiter) Wait(ctx context.Context) (i int, err error) {
	if len(w.rings) == 0 {
		return -1, fail("wait", "", fmt.Errorf("%w: no ring to wait for", ErrMisuse))
	}
	if !w.busy.CompareAndSwap(false, true) {
		return -1, fail("wait", w.name(), errConcurrent)
	}
	defer w.busy.Store(false)
	if w.calls++; w.calls&255 == 0 && ctx.Err() != nil {
		return -1, fail("wait", w.name(), context.Cause(ctx))
	}
	w.armed = debug.SetPanicOnFault(true)
	w.begun, w.inside = w.next%len(w.rings), 0
	running := true
	defer func() {
		if running {
			i, err = w.rescued(recover())
		}
	}()
	i, err = w.wait(ctx)
	running = false
	w.leave()
	switch {
	case i >= 0:
		w.next = i + 1
		return i, fail("wait", w.rings[i].path, err)
	default:
		return i, fail("wait", w.name(), err)
	}
}

// name stands for all rings in errors.
func (w *Waiter) name() string {
	if len(w.rings) == 1 {
		return w.rings[0].path
	}
	return fmt.Sprintf("%s and %d more", w.rings[0].path, len(w.rings)-1)
}

// at returns the index of the n-th ring from begun on.
func (w *Waiter) at(n int) int {
	if n += w.begun; n >= len(w.rings) {
		n -= len(w.rings)
	}
	return n
}

// leave ends the call in every ring that admitted it.
func (w *Waiter) leave() {
	for ; w.inside > 0; w.inside-- {
		w.handles[w.at(w.inside-1)].finish()
	}
	debug.SetPanicOnFault(w.armed)
}

// rescued ends a call that did not come to its end: a fault in the mapping of one ring is an error of that ring, every other
// panic goes on.
func (w *Waiter) rescued(r any) (int, error) {
	for n := range w.inside {
		i := w.at(n)
		if c := w.rings[i]; r != nil && c.faulted(r) {
			err := fail("wait", c.path, c.lost)
			w.leave()
			w.next = i + 1
			return i, err
		}
	}
	w.leave()
	if r != nil {
		panic(r)
	}
	return -1, nil // its goroutine ends
}

// wait looks, looks again for the spin budget, and sleeps.
func (w *Waiter) wait(ctx context.Context) (int, error) {
	if i, err := w.enter(); i >= 0 {
		return i, err
	}
	spins := w.spins()
	for nap := shortestNap; ; nap = min(2*nap, longestNap) {
		i, follower, err := w.over(ctx)
		if i >= 0 {
			return i, err
		}
		if ctx.Err() != nil {
			return -1, context.Cause(ctx)
		}
		if nap == shortestNap || spins == SpinBusy {
			if i := w.spin(spins); i >= 0 {
				return i, nil
			}
		}
		if spins == SpinBusy {
			i, err = w.closed()
		} else {
			i, err = w.sleep(ctx, nap, follower)
		}
		if i >= 0 || err != nil {
			return i, err
		}
		if i := w.look(); i >= 0 {
			return i, nil
		}
	}
}

// enter enters one ring after the other and looks at each. It returns the index of one that has something, or cannot be
// entered, or -1: then all are entered, and what they delivered before is consumed.
func (w *Waiter) enter() (int, error) {
	for n := range w.rings {
		i := w.at(n)
		c := w.rings[i]
		if err := c.admit(); err != nil {
			return i, err
		}
		w.inside++
		if c.pos != c.pub || c.looks() {
			return i, nil
		}
	}
	for _, c := range w.rings {
		if !c.manual {
			c.done = mark{c.pos, c.expect}
		}
		c.storeCursor()
	}
	return -1, nil
}

// look returns the index of a ring that has something, or -1.
func (w *Waiter) look() int {
	for n := range w.rings {
		if i := w.at(n); w.rings[i].looks() {
			return i
		}
	}
	return -1
}

// spins is what the most eager of the readers wants.
func (w *Waiter) spins() Spin {
	most := SpinNone
	for _, c := range w.rings {
		switch {
		case c.spins == SpinBusy:
			return SpinBusy
		case c.spins == SpinAuto:
			most = SpinAuto
		}
	}
	return most
}

// spin is that of the handle for all rings: the more there are, the longer one look takes.
func (w *Waiter) spin(spins Spin) int {
	if spin.Useful && spins != SpinNone {
		for range max(spinLooks/len(w.rings), 1) {
			if i := w.look(); i >= 0 {
				return i
			}
			spin.Pause(spinPauses)
		}
	}
	runtime.Gosched()
	return w.look()
}

// over looks whether one of the rings has ended, or is gone. One that follows goes on with the next ring; follower says
// that one waits for that.
func (w *Waiter) over(ctx context.Context) (i int, follower bool, err error) {
	now := time.Now()
	for n := range w.rings {
		i := w.at(n)
		c := w.rings[i]
		err := c.over()
		if err == nil {
			err = c.gone(now)
		}
		if err == nil {
			continue
		}
		if !c.follows(err) {
			return i, false, err
		}
		on, err := c.goesOn(ctx)
		if err != nil || on && c.looks() {
			return i, false, err
		}
		follower = follower || !on
	}
	return -1, follower, nil
}

// closed returns the index of a ring that was closed meanwhile, or -1.
func (w *Waiter) closed() (int, error) {
	for n := range w.handles {
		if i := w.at(n); w.handles[i].closed() {
			return i, os.ErrClosed
		}
	}
	return -1, nil
}

// sleep is that of the handle for all rings: every word is announced on, then comes one fence for all, then a look at each.
// follower says that nobody will wake us for one of them.
func (w *Waiter) sleep(ctx context.Context, nap time.Duration, follower bool) (int, error) {
	w.context.set(ctx, w.end)
	w.cancel.Store(0)
	for _, h := range w.handles {
		if h.among.Load() != &w.cancel {
			h.among.Store(&w.cancel) // it stays there: a cancellation too many does no harm
		}
	}
	if i, err := w.closed(); i >= 0 {
		return i, err
	}
	if ctx.Err() != nil {
		return -1, context.Cause(ctx)
	}
	limit := w.announce(nap)
	whole := w.sleeps.Whole()
	if follower || !whole {
		limit = min(limit, nap)
	}
	if i := w.look(); i >= 0 { // Z3
		return i, nil
	}
	for _, c := range w.rings {
		c.waits++
	}
	switch n, err := w.sleeps.Wait(&w.cancel, limit); err {
	case nil:
		if n >= 0 { // look there first
			if i := w.at(n); w.rings[i].looks() {
				return i, nil
			}
		}
	case futex.ErrTimeout:
		if whole {
			w.helped()
		}
	case syscall.EFAULT:
		for _, c := range w.rings { // one of the files was truncated: over finds out which
			c.glanced = time.Time{}
		}
	default:
		return -1, fmt.Errorf("sleeping: %w", err)
	}
	return -1, nil
}

// announce says on every word that may be changed that somebody is about to sleep, and returns how long that may be.
func (w *Waiter) announce(nap time.Duration) (limit time.Duration) {
	limit = longestSleep
	fenceless := false
	w.sleeps.Clear()
	w.values = w.values[:0]
	for n := range w.rings {
		c := w.rings[w.at(n)]
		value := uint32(0)
		if c.bell != nil {
			value = c.bell.Or(asleep) | asleep // Z1
			fenceless = fenceless || c.fenceless.Load() != 0
			w.sleeps.Add(c.bell, value)
		} else {
			value = c.dataWake.Load()
			w.sleeps.Add(c.dataWake, value)
			if !c.hdr.has(modeWakeAlways) {
				limit = min(limit, nap)
			}
		}
		w.values = append(w.values, value)
	}
	if !futex.Barrier() && fenceless { // Z2
		limit = min(limit, coarseSleep)
	}
	return limit
}

// helped counts for each ring that has something for which nobody has woken us.
func (w *Waiter) helped() {
	for n := range w.rings {
		if c := w.rings[w.at(n)]; c.slot != nil && c.looks() && unchanged(c.bell, w.values[n]) {
			c.add(statHelped, 1)
		}
	}
}
