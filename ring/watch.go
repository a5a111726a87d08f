package ring

import (
	"os"
	"sync/atomic"
)

// deathWatch ends a writer's sleep when the process of a reader dies that it waits for. The slot's people name that process,
// and the kernel tells of its end (a pidfd), without a thread of ours that sleeps for it. It decides nothing: whether the reader is
// dead is asked of its lock byte, then as ever, and also when time-outs come, since the number may be that of another process, or
// of another pid namespace. It is for waits that have lasted a while; looking now and then does for shorter ones, and would
// keep the processor from its rest in longer ones.
type deathWatch struct {
	news atomic.Bool // a watch has ended: it is time to look at the slots again
	slot int
	pid  uint64   // 0: nothing is watched
	on   *os.File // the pidfd; nil: the kernel cannot tell
}

// set has h's sleep end when the process dies that slot names. It reports false where that cannot be had.
func (d *deathWatch) set(h *handle, slot int) bool {
	pid := h.slots[slot].pid.Load()
	if pid == 0 {
		return false
	}
	if d.pid != pid || d.slot != slot {
		d.stop()
		d.slot, d.pid, d.on = slot, pid, watchProcess(pid, func() {
			d.news.Store(true)
			h.cancelWaits()
		})
	}
	return d.on != nil
}

// stop ends a watch.
func (d *deathWatch) stop() {
	if d.on != nil {
		_ = d.on.Close() // nothing was written to it
	}
	d.pid, d.on = 0, nil
}
