package ring

import (
	"context"
	"io"
	"time"

	"github.com/mmring/mmring/internal/spin"
)

// How long an observer sleeps that nobody will wake: it starts short and doubles.
const (
	shortestNap = 50 * time.Microsecond
	longestNap  = 32 * time.Millisecond
)

// await waits until more than pos is published.
func (c *consumer) await(ctx context.Context) error {
	c.storeCursor()
	if n := c.lookout.next(c.records-c.seen.records, c.pos-c.seen.position >= c.capacity()/4); n > 0 {
		spin.Pause(n)
	}
	c.seen.records, c.seen.position = c.records, c.pos
	c.askMirror()
	if c.lookout.empty = !c.poll(1); c.lookout.empty {
		if err := c.wait(ctx); err != nil {
			return err
		}
	}
	if err := c.sane(); err != nil {
		return err
	}
	c.takeMirror()
	return nil
}

// bareLooks are the first looks of a wait, without a PAUSE between them: about as long as a ping-pong takes.
const bareLooks = 1000

// wait is await after a first look that found nothing: it looks for the spin budget, then it sleeps.
func (c *consumer) wait(ctx context.Context) error {
	if err := c.over(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if spin.Useful && c.spins != SpinNone && c.poll(bareLooks) || c.spin(c.look) {
		return nil
	}
	for nap := shortestNap; ; nap = min(2*nap, longestNap) {
		if err := c.over(); err != nil {
			return err
		}
		c.waits++
		if err := c.rest(ctx, nap); err != nil {
			return err
		}
		if c.look() {
			return nil
		}
		if err := c.gone(time.Now()); err != nil { // not only after a time-out: whoever may read the file may wake us, again and again
			return err
		}
	}
}

// poll looks so many times for a published position other than pos, and reports whether it came. With each look it
// touches the other cache lines that the next record's mirror may take, so that they come along with published.
func (c *consumer) poll(looks int) bool {
	for range looks {
		c.pub = c.published.Load() // R1
		for i := 1; i < c.lines; i++ {
			c.mirrorLine[i].Load()
		}
		if c.pub != c.pos {
			return true
		}
	}
	return false
}

// rest sleeps once. Observers that may not write to the file cannot say that they sleep; unless the writer wakes always,
// they take short naps.
func (c *consumer) rest(ctx context.Context, nap time.Duration) error {
	if c.bell != nil || c.spins == SpinBusy {
		_, err := c.sleep(ctx, c.bell, longestSleep, c.look)
		return err
	}
	if err := c.interrupted(ctx); err != nil {
		return err
	}
	if c.hdr.has(modeWakeAlways) {
		nap = longestSleep
	}
	value := c.dataWake.Load()
	if c.look() {
		return nil
	}
	_, err := c.doze(c.dataWake, value, nap)
	return err
}

// gone reports why nothing may come any more: the slot was lost, or the file, at which it looks now and then.
func (c *consumer) gone(now time.Time) error {
	if err := c.dismissed(); err != nil {
		return err
	}
	if now.Sub(c.glanced) < longestSleep-longestNap {
		return nil
	}
	err := c.still()
	switch {
	case err == nil:
		c.glanced = now
	case c.reopen == nil: // else it goes on with another, and is told the same until that is there
		c.poison(err)
	}
	return err
}

// looks loads published and reports whether it has moved.
func (c *consumer) looks() bool {
	c.pub = c.published.Load() // R1
	return c.pub != c.pos
}

// sane checks a published position just loaded. An observer that is more than the capacity behind was overrun, which the
// look after its next copy finds out.
func (c *consumer) sane() error {
	if c.pub > c.pos && c.pub%recordSize == 0 && (c.pub-c.pos <= c.capacity() || c.slot == nil && c.oldest.Load() > c.pos) {
		return nil
	}
	if err := c.dismissed(); err != nil {
		return err
	}
	return corrupt("published %d, this reader is at %d, capacity %d", c.pub, c.pos, c.capacity())
}

// over returns io.EOF when the ring has ended and nothing was published before its end that is still to be read.
func (c *consumer) over() error {
	if c.ended.Load() != 0 && c.published.Load() == c.pos { // E2, then E3: P again
		if err := c.dismissed(); err != nil {
			return err
		}
		return io.EOF
	}
	return nil
}
