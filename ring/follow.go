package ring

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
)

// Following: a reader or observer goes on with the ring that has taken the path of its own.
//
//	its ring                                    what it does
//	has ended, and all was read                 waits for another ring at the path, or for a writer that reopens this one
//	was replaced, and all that is there read    goes on with the other
//	was deleted or renamed, the same            waits for another
//	was truncated, is corrupt                   ErrLost, ErrCorrupt, as without Follow
//
// It looks when it has nothing to read and has slept for a while. What its writer publishes into the lost file after that is
// nobody's: the writer finds out as well.

// follow waits until the path leads to another ring than this one, and goes on there, or until this one goes on. err is why
// nothing more comes here.
func (c *consumer) follow(ctx context.Context, err error) error {
	if !c.follows(err) {
		return err
	}
	for nap := shortestNap; ; nap = min(2*nap, longestNap) {
		if on, err := c.goesOn(ctx); on || err != nil {
			return err
		}
		if err := c.interrupted(ctx); err != nil {
			return err
		}
		if _, err := c.doze(&c.fence, c.fence.Load(), nap); err != nil { // nobody wakes us
			return err
		}
	}
}

// follows reports whether err, which is why nothing more comes here, is one after which another ring may.
func (c *consumer) follows(err error) bool {
	if c.lends && c.lent.out() != nil {
		return false // what is out lies in this ring
	}
	return c.reopen != nil && (isEOF(err) || errors.Is(err, errReplaced) || errors.Is(err, errUnlinked))
}

// goesOn looks once whether there is something to go on with, and goes there.
func (c *consumer) goesOn(ctx context.Context) (bool, error) {
	other, err := c.displaced()
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, err
	case other:
		open, over := c.whileOpen(ctx)
		defer over()
		if err = c.reopen(open); errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	return err == nil && (c.look() || c.ended.Load() == 0), nil
}

// displaced reports whether the path leads to another file.
func (h *handle) displaced() (bool, error) {
	here, err := h.file.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(h.path)
	return err == nil && !os.SameFile(here, there), err
}

// moveTo makes c, which is inside of its gate, the consumer that has been opened as n, and gives back what c had: its slot,
// its memory, its descriptor. What c has counted stays.
func (c *consumer) moveTo(n *consumer) {
	was := c.parts
	_ = c.endLending() // nothing is out, or it would not follow
	if c.teardown != nil {
		_ = c.teardown() // of a file that is lost anyway
	}
	c.parts = n.parts
	_ = was.giveBack() // the same
	c.slot, c.life, c.mine, c.era = n.slot, n.life, n.mine, n.era
	c.pos, c.pub, c.expect, c.want = n.pos, n.pub, n.expect, n.want
	c.done, c.stored, c.every = n.done, n.stored, n.every
	c.wary, c.owed, c.warnAt, c.warned = n.wary, n.owed, n.warnAt, false
	c.jumped, c.window, c.leased, c.lines = false, nil, 0, 0
	c.selected.window = nil
	c.seen.position, c.seen.records = c.pos, c.records
	c.followed++
	c.event(slog.LevelInfo, "ring followed", "uuid", c.fixed().UUID)
}
