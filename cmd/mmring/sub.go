package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// subFlags are the flags of sub; cat has some of them.
type subFlags struct {
	from       startFlag
	name       string
	observe    bool
	group      string
	count      numberFlag
	idle       spanFlag
	wait       spanFlag
	failOnLoss bool
	tag        tagFilter
	output     choice
	warnAt     numberFlag
	forceFS    bool
}

// tagFilter is --tag: only records with that tag, if it is given.
type tagFilter struct {
	numberFlag
	given bool
}

func (f *tagFilter) Set(s string) error {
	f.given = true
	return f.numberFlag.Set(s)
}

// drops reports whether records with that tag are not wanted.
func (f tagFilter) drops(tag uint16) bool { return f.given && uint64(tag) != f.n }

func newSubFlags() *subFlags {
	return &subFlags{
		from: startFlag{text: "next", start: ring.Next}, output: oneOf("text", "raw", "json", "hex", "u32le"),
		count: numberFlag{min: 1, max: math.MaxUint64}, warnAt: numberFlag{min: 1, max: 100}, tag: tagFilter{numberFlag{max: math.MaxUint16}, false},
	}
}

// addCommon adds the flags that cat has too.
func (o *subFlags) addCommon(c *cobra.Command) {
	f := c.Flags()
	f.Var(&o.from, "from", "where to start")
	f.Var(&o.count, "count", "stop after so many records")
	f.BoolVar(&o.failOnLoss, "fail-on-loss", false, "stop with exit code 3 when records were lost")
	f.Var(&o.tag, "tag", "only records with this tag")
	f.VarP(&o.output, "output", "o", "how to write a record")
}

func (a *app) subCommand() *cobra.Command {
	o := newSubFlags()
	c := &cobra.Command{
		Use:   "sub PATH",
		Short: "read records and follow",
		Long: `sub writes the ring's records to stdout and follows, until the ring ends. It is a
registered reader, for which the writer waits: nothing is lost to it. With --name its
place is kept when it stops: records are consumed when they were written to stdout,
and the next sub of that name goes on there. With --observe it only looks: the writer
does not wait, and what was lost is told. With --group it is one of several processes
that share the records: each goes to one of them. It is done when it was written to
stdout; if its process dies before, it goes to another, and that is told.

--from: oldest, newest, a sequence number, -N (the last N), @ and a time (the first
record published then or later, in rings made with --timestamps), or next: where the
cursor of that name stands, else oldest. A group that is there goes on where it stands.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring sub /dev/shm/nine.ring --count 9
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring sub /dev/shm/nine.ring --observe --from -2 --count 2 -o json`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(c *cobra.Command, args []string) error {
			return a.sub(c.Context(), args[0], o)
		},
	}
	o.addCommon(c)
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "a durable cursor of that name")
	f.BoolVar(&o.observe, "observe", false, "read only, unseen by the writer; may lose records")
	_ = c.RegisterFlagCompletionFunc("name", completeCursor)
	_ = c.RegisterFlagCompletionFunc("group", completeGroup)
	f.StringVar(&o.group, "group", "", "share the records with the other members of that group")
	f.Var(&o.idle, "idle-timeout", "give up when no record comes for so long")
	f.Var(&o.wait, "wait", "wait so long for the ring to appear")
	f.Var(&o.warnAt, "warn-at", "say when so many percent of the ring are still to be read")
	f.BoolVar(&o.forceFS, "force-fs", false, "accept a file system where mapped memory may not be coherent")
	return c
}

func (o *subFlags) check() error {
	switch {
	case o.group != "":
		return o.checkGroup()
	case o.observe && o.name != "":
		return usagef("--observe and --name exclude each other: an observer has no cursor")
	}
	return nil
}

func (a *app) sub(ctx context.Context, path string, o *subFlags) error {
	if err := o.check(); err != nil {
		return err
	}
	f := a.follower(path, o)
	if err := f.open(ctx, o); err != nil {
		return err
	}
	err := f.follow(ctx)
	if e := f.from.Close(); err == nil {
		err = e
	}
	return err
}

func (a *app) follower(path string, o *subFlags) *follower {
	return &follower{
		a: a, path: path, format: recordFormats[o.output.word], silence: a.notice(func() string { return "records in " + path }),
		tag: o.tag, count: o.count.n, idle: time.Duration(o.idle), failOnLoss: o.failOnLoss,
	}
}

// open attaches f to its ring.
func (f *follower) open(ctx context.Context, o *subFlags) error {
	if o.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(o.wait), fmt.Errorf("%w: no ring after %s", errTimeout, &o.wait))
		defer cancel()
	}
	defer f.a.waiting(func() string { return whatOpeningWaitsFor(f.path) })()
	if o.group != "" {
		return f.openGroup(ctx, o)
	}
	if o.observe {
		v, err := ring.Observe(ctx, f.path, ring.ObserverOptions{
			From: o.from.start, WaitForRing: o.wait > 0, WarnAt: float64(o.warnAt.n) / 100, AllowFS: o.forceFS, Logger: slog.New(spoken{f.a}),
		})
		if err != nil {
			return openHint(err)
		}
		f.from = v
		return nil
	}
	r, err := ring.OpenReader(ctx, f.path, ring.ReaderOptions{
		Name: o.name, Durable: o.name != "", From: o.from.start, ManualAck: true, WaitForRing: o.wait > 0,
		WarnAt: float64(o.warnAt.n) / 100, AllowFS: o.forceFS, Logger: slog.New(spoken{f.a}),
	})
	if err != nil {
		return openHint(err)
	}
	f.from, f.consumer = r, r
	return nil
}

// whatOpeningWaitsFor is the ring, or, if that is there, somebody else who registers.
func whatOpeningWaitsFor(path string) string {
	if _, err := os.Stat(path); err != nil {
		return path + " to appear"
	}
	return "a slot of " + path
}

func openHint(err error) error {
	switch {
	case errors.Is(err, ring.ErrBusy):
		return hinted{err, "two readers cannot share a cursor; give this one another --name, or none"}
	case errors.Is(err, fs.ErrNotExist):
		return hinted{err, "mmring ls lists the rings that are there; --wait 1m waits for this one"}
	case errors.Is(err, fs.ErrPermission):
		return hinted{err, "permission to read is enough for sub --observe and cat"}
	}
	return err
}
