package ring

import (
	"context"
	"sync/atomic"

	"github.com/mmring/mmring/lock"
)

// deathWatch ends a writer's sleep when a reader dies that it waits for. The kernel tells: a thread sleeps on the lock
// byte of the reader's slot. It is for waits that have lasted a while; looking now and then does for shorter ones, and
// would keep the processor from its rest in longer ones.
type deathWatch struct {
	news   atomic.Bool // a watch has ended: it is time to look at the slots again
	failed atomic.Bool // the kernel cannot tell
	on     *watch
}

// watch is one thread that sleeps.
type watch struct {
	slot   int
	over   atomic.Bool
	cancel context.CancelFunc
}

// set has h's sleep end when the holder of slot's byte dies. It reports false where that cannot be had.
func (d *deathWatch) set(h *handle, slot int) bool {
	if d.failed.Load() {
		return false
	}
	if d.on != nil && d.on.slot == slot && !d.on.over.Load() {
		return true
	}
	d.stop()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{slot: slot, cancel: cancel}
	d.on = w
	go func() {
		err := lock.WaitFree(ctx, h.file, lifeByte(slot))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			d.failed.Store(true)
		}
		w.over.Store(true)
		d.news.Store(true)
		h.cancelWaits()
	}()
	return true
}

// stop ends a watch. The thread that sleeps for it stays, for the next watch of that slot, until the byte is free.
func (d *deathWatch) stop() {
	if d.on != nil {
		d.on.cancel()
	}
	d.on = nil
}
