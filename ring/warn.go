package ring

import (
	"fmt"
	"log/slog"
)

// checkWarnAt refuses a share that is none.
func checkWarnAt(share float64) error {
	if !(share >= 0 && share <= 1) {
		return fmt.Errorf("%w: warn at %v of the ring: must be 0 (never) to 1", ErrConfig, share)
	}
	return nil
}

// warnsAt has the consumer look, with every record, how much of the ring it has not consumed.
func (c *consumer) warnsAt(share float64) {
	if c.warnAt = uint64(share * float64(c.capacity())); c.warnAt > 0 {
		c.calls = 1<<32 - 1 // the first call looks, too
	}
}

// watchful is what one call in 256 does, and every call of a consumer that is to be warned. It says once that it falls
// behind, and again when it has caught up by an eighth meanwhile.
func (c *consumer) watchful() {
	if c.warnAt == 0 {
		return
	}
	c.calls-- // and so does the next one
	behind := max(c.published.Load(), c.done.position) - c.done.position
	switch {
	case c.warned && behind < c.warnAt-c.warnAt/8:
		c.warned = false
	case !c.warned && behind >= c.warnAt:
		c.warned = true
		c.warnings++
		c.event(slog.LevelWarn, "falling behind", "bytes", behind, "share", min(float64(behind)/float64(c.capacity()), 1))
	}
}
