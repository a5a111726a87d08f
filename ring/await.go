package ring

import (
	"context"
	"errors"
	"io"
	"time"
)

// How long an observer sleeps that nobody will wake: it starts short and doubles.
const (
	shortestNap = 50 * time.Microsecond
	longestNap  = 32 * time.Millisecond
)

// await waits until more than pos is published.
func (c *consumer) await(ctx context.Context) error {
	if c.look() {
		return c.sane()
	}
	c.storeCursor()
	if err := c.over(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.spin(c.look) {
		return c.sane()
	}
	for nap := shortestNap; ; nap = min(2*nap, longestNap) {
		if err := c.over(); err != nil {
			return err
		}
		c.waits++
		timedOut, err := c.rest(ctx, nap)
		if err != nil {
			return err
		}
		if c.look() {
			return c.sane()
		}
		if timedOut {
			if err := c.gone(); err != nil {
				return err
			}
		}
	}
}

// rest sleeps once. Observers cannot say that they sleep; unless the writer wakes always, they take short naps.
func (c *consumer) rest(ctx context.Context, nap time.Duration) (timedOut bool, err error) {
	if c.slot != nil {
		return c.sleep(ctx, c.dataWake, longestSleep, c.look)
	}
	if err := c.interrupted(ctx); err != nil {
		return false, err
	}
	if c.hdr.has(modeWakeAlways) {
		nap = longestSleep
	}
	value := c.dataWake.Load()
	if c.look() {
		return false, nil
	}
	return c.doze(c.dataWake, value, nap)
}

// gone reports why nothing may come any more: the file was lost, or the slot.
func (c *consumer) gone() error {
	if err := c.still(); err != nil {
		c.poison(err)
		return err
	}
	return c.dismissed()
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
		return io.EOF
	}
	return nil
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }
