package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

func (a *app) catCommand() *cobra.Command {
	o := newSubFlags()
	o.observe = true
	c := &cobra.Command{
		Use:   "cat PATH",
		Short: "write the records that are there, and stop",
		Long: `cat writes the ring's records to stdout, from the oldest to the newest at the time it
starts. It only looks: the writer does not wait for it, and what was lost is told.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring cat /dev/shm/nine.ring
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring cat /dev/shm/nine.ring --from -1 -o hex`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(c *cobra.Command, args []string) error {
			return a.cat(c.Context(), args[0], o)
		},
	}
	o.addCommon(c)
	return c
}

func (a *app) cat(ctx context.Context, path string, o *subFlags) error {
	if err := o.check(); err != nil {
		return err
	}
	o.forceFS = true // who only reads does no harm
	end, err := presentEnd(ctx, path)
	if err != nil {
		return err
	}
	f := a.follower(path, o)
	f.until = end
	if err := f.open(ctx, o); err != nil {
		return err
	}
	err = f.follow(ctx)
	if e := f.from.Close(); err == nil {
		err = e
	}
	return err
}

// presentEnd returns the number that the next record of the ring will have.
func presentEnd(ctx context.Context, path string) (uint64, error) {
	for before := uint64(0); ; {
		info, err := ring.Inspect(path)
		if err != nil || info.NextSeq > 0 {
			return info.NextSeq, err
		}
		if info.Published == before { // no writer has overtaken the look at the newest record: it is not there
			return 0, fmt.Errorf("%s: %w: no way leads to its newest record", path, ring.ErrCorrupt)
		}
		before = info.Published
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
	}
}
