package ring

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/spin"
)

// How long a wait spins before it sleeps, and how long it may sleep at a time. A sleeper can miss its wake-up only when
// the waker died between changing the word and waking; the longest sleep bounds what that costs.
const (
	spinLooks  = 256 // looks, with spinPauses hints after each: some 20 microseconds together
	spinPauses = 4

	// coarseSleep bounds a sleep where the kernel has no membarrier: the waker's look may then come before the sleeper's bit.
	coarseSleep = 10 * time.Millisecond
)

var longestSleep = 250 * time.Millisecond // tests make it longer

// asleep is bit 0 of a wake word: somebody sleeps, or is about to. The other bits count wake-ups, so that a sleeper who
// was about to sleep on an old value does not.
const asleep = 1

// spin looks again for the spin budget, gives the processor away once, and looks a last time.
func (h *handle) spin(ready func() bool) bool {
	if spin.Useful && h.spins != SpinNone {
		for range spinLooks {
			if ready() {
				return true
			}
			spin.Pause(spinPauses)
		}
	}
	runtime.Gosched()
	return ready()
}

// sleep announces a sleeper on word, looks again, and sleeps until it is woken, the time is over, the context ends or the
// handle is closed. It returns nil when it is time to look again; timedOut says that nobody woke it.
//
//	announce   set bit 0 of the word by an atomic OR, keep the value
//	fence      membarrier, in every thread of every registered process. Without one the sleep is short, unless it is for
//	           data and every writer has a fence of its own (fenceless, Z5 and Z6)
//	look       ready() again: whoever publishes after this look sees the bit
//	sleep      FUTEX_WAIT on the kept value
func (h *handle) sleep(ctx context.Context, word *atomic.Uint32, limit time.Duration, ready func() bool) (timedOut bool, err error) {
	if h.spins == SpinBusy {
		return h.busily(ctx, limit, ready)
	}
	if err := h.interrupted(ctx); err != nil {
		return false, err
	}
	value := word.Or(asleep) | asleep                                         // Z1
	if !futex.Barrier() && (word == h.spaceWake || h.fenceless.Load() != 0) { // Z2
		limit = min(limit, coarseSleep)
	}
	if ready() { // Z3
		return false, nil
	}
	timedOut, err = h.doze(word, value, limit)
	if timedOut && h.attention == nil && ready() && unchanged(word, value) { // who only looks cannot count
		h.add(statHelped, 1)
	}
	return timedOut, err
}

// busily is a sleep during which the processor does not sleep.
func (h *handle) busily(ctx context.Context, limit time.Duration, ready func() bool) (timedOut bool, err error) {
	for begun := time.Now(); time.Since(begun) < limit; {
		switch {
		case h.closed():
			return false, os.ErrClosed
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case h.spin(ready):
			return false, nil
		}
	}
	return true, nil
}

// unchanged reports whether no waker is on its way: one that has stored what we waited for changes the word right after.
func unchanged(word *atomic.Uint32, value uint32) bool {
	for range spinLooks {
		if word.Load() != value {
			return false
		}
		spin.Pause(spinPauses)
	}
	return true
}

// interrupted reports why a wait must not go on: the handle was closed or the context is done. Otherwise it arms the
// cancel word.
func (h *handle) interrupted(ctx context.Context) error {
	h.context.set(ctx, h.cancelWaits)
	h.cancel.Store(0)
	if h.closed() {
		return os.ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// contextWatch has the end of a context end sleeps. The last context is remembered: calls in a loop share one watch.
type contextWatch struct {
	done   <-chan struct{}
	cancel func() bool
}

// set has the end of ctx call end.
func (c *contextWatch) set(ctx context.Context, end func()) {
	done := ctx.Done()
	if c.done == done {
		return
	}
	c.stop()
	if done != nil {
		c.done, c.cancel = done, context.AfterFunc(ctx, end)
	}
}

func (c *contextWatch) stop() {
	if c.cancel != nil {
		c.cancel()
	}
	c.done, c.cancel = nil, nil
}

// sleepInKernel sleeps on word while it holds value.
func (h *handle) sleepInKernel(word *atomic.Uint32, value uint32, limit time.Duration) (timedOut bool, err error) {
	switch err := futex.WaitCancel(word, value, &h.cancel, limit); err {
	case nil:
		return false, nil
	case futex.ErrTimeout:
		return true, nil
	case syscall.EFAULT:
		return false, fmt.Errorf("%w: the wake word is gone (truncated file)", ErrLost)
	default:
		return false, fmt.Errorf("sleeping: %w", err)
	}
}

// rouse wakes everybody who sleeps on word, if anybody does, and reports whether it tried.
func rouse(word *atomic.Uint32) bool {
	w := word.Load()
	if w&asleep == 0 {
		return false
	}
	if word.CompareAndSwap(w, w+1) { // Z4: clears bit 0 and counts; if it fails, another waker has done it
		_, _ = futex.Wake(word) // fails only where the memory is gone, which the next access reports
	}
	return true
}

// alarm wakes everybody who sleeps on word, whether or not its bit says so: the bit may be lost with its waker, and
// observers sleep without setting it.
func alarm(word *atomic.Uint32) {
	for range 8 { // a sleeper's OR may come between, once each
		if w := word.Load(); word.CompareAndSwap(w, (w+2)&^asleep) { // Z4
			break
		}
	}
	_, _ = futex.Wake(word)
}
