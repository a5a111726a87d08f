package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// pubFlags are pub's own flags.
type pubFlags struct {
	config      configFlags
	create      bool
	framing     choice
	tag         numberFlag
	rate        rateFlag
	sync        syncFlag
	noWait      bool
	timeout     spanFlag
	minReaders  numberFlag
	standby     bool
	end         bool
	skipLarge   bool
	progress    bool
	allCreators []string // create's flags that were given
}

func (a *app) pubCommand() *cobra.Command {
	flags := pubFlags{
		framing: oneOf("lines", "nul", "u32le", "whole"), tag: numberFlag{max: math.MaxUint16}, minReaders: numberFlag{max: 4096},
	}
	c := &cobra.Command{
		Use:   "pub PATH [FILE...]",
		Short: "publish records from files or stdin",
		Long: `pub publishes records. No FILE, or -, is stdin. A record is published as soon as its
last byte was read. Without a registered reader a ring overwrites its oldest records:
--min-readers waits for readers before it starts. One pub at a time has the writer's
role, unless the ring was made with --shared.

--sync is for rings on a disk: what was published is there when the machine comes back
after a crash, but for the last record (every), the last N (a number), or those of the
last seconds (a duration). When pub has ended with exit code 0, all is there.

Framings: lines (a record is a line, without its newline; a last line without one is
a record too), nul (the same with NUL bytes), u32le (each record comes after its
length), whole (one record a file).`,
		Example: `  seq 1000 | mmring pub /dev/shm/numbers.ring --create
  mmring pub /dev/shm/accounts.ring --create --capacity 1MiB --tag 7 /etc/passwd`,
		Args: takes(1, -1, "PATH [FILE...]"),
		ValidArgsFunction: completeRing(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		}),
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range []string{"capacity", "readers", "mode", "shared", "evict-after", "timestamps", "checksums", "content-type", "description"} {
				if c.Flags().Changed(name) {
					flags.allCreators = append(flags.allCreators, "--"+name)
				}
			}
			return a.pub(c.Context(), args[0], args[1:], &flags)
		},
	}
	f := c.Flags()
	f.BoolVar(&flags.create, "create", false, "make the ring if it is missing")
	f.Var(&flags.framing, "framing", "what a record is")
	f.Var(&flags.tag, "tag", "give every record this tag")
	f.Var(&flags.rate, "rate", "publish at most so many records a second")
	f.Var(&flags.sync, "sync", "wait for the disk after each record, after N, or when the first that is not there is so old")
	f.BoolVar(&flags.noWait, "no-wait", false, "fail when the ring is full")
	f.Var(&flags.timeout, "timeout", "give up after waiting so long for space, readers or the role")
	f.Var(&flags.minReaders, "min-readers", "start when so many registered readers, or members of groups, are attached")
	f.BoolVar(&flags.standby, "standby", false, "wait for the writer's role, and take over")
	f.BoolVar(&flags.end, "end", false, "say at the end that no more will come")
	f.BoolVar(&flags.skipLarge, "skip-too-large", false, "leave out records that are too large, and say so")
	f.BoolVar(&flags.progress, "progress", false, "say every second how far it is")
	flags.config.add(f)
	return c
}

func (o *pubFlags) check() error {
	switch {
	case o.noWait && o.timeout > 0:
		return usagef("--no-wait and --timeout exclude each other")
	case len(o.allCreators) > 0 && !o.create:
		return usagef("%s without --create", o.allCreators[0])
	}
	return nil
}

func (a *app) pub(ctx context.Context, path string, inputs []string, o *pubFlags) error {
	if err := o.check(); err != nil {
		return err
	}
	if len(inputs) == 0 {
		inputs = []string{"-"}
	}
	if err := checkInputs(inputs); err != nil {
		return err
	}
	w, err := a.openWriter(ctx, path, o)
	if err != nil {
		return err
	}
	p := a.publisher(w, o)
	if o.progress {
		defer a.progress(p)()
	}
	err = a.publishAll(ctx, p, inputs)
	if err == nil && o.end {
		p.disk.open++ // the end
		err = w.End()
	}
	if o.sync != (syncFlag{}) {
		if e := p.disk.sync(); err == nil {
			err = e
		}
	}
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

func (a *app) openWriter(ctx context.Context, path string, o *pubFlags) (*ring.Writer, error) {
	options := ring.WriterOptions{Wait: o.standby, AllowFS: o.config.forceFS, Logger: slog.New(spoken{a})}
	if o.create {
		config, err := o.config.config()
		if err != nil {
			return nil, err
		}
		options.Create = &config
	}
	ctx, cancel := limited(ctx, time.Duration(o.timeout))
	defer cancel()
	done := a.waiting(func() string { return "the writer's role of " + path + writerText(path) })
	w, err := ring.OpenWriter(ctx, path, options)
	done()
	switch {
	case errors.Is(err, ring.ErrBusy):
		return nil, hinted{err, "--standby waits for the role and takes over"}
	case errors.Is(err, fs.ErrNotExist) && !o.create:
		return nil, hinted{err, "--create makes the ring; mmring ls lists those that are there"}
	case errors.Is(err, fs.ErrPermission):
		return nil, hinted{err, "to publish, permission to read and write is needed"}
	case err != nil:
		return nil, err
	}
	if err := a.awaitReaders(ctx, path, int(o.minReaders.n)); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// writerText names who writes, as far as it is known.
func writerText(path string) string {
	info, err := ring.Inspect(path)
	if err != nil || !info.Writer.Alive {
		return ""
	}
	return fmt.Sprintf(", which process %d has", info.Writer.PID)
}

// lookEvery is how often awaitReaders looks: nothing tells a writer of new readers.
const lookEvery = 5 * time.Millisecond

// awaitReaders waits until so many registered readers are attached.
func (a *app) awaitReaders(ctx context.Context, path string, want int) error {
	if want == 0 {
		return nil
	}
	attached := 0
	defer a.waiting(func() string { return fmt.Sprintf("%d registered readers of %s", want, path) })()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		info, err := ring.Inspect(path)
		if err != nil {
			return err
		}
		attached = 0
		for _, r := range info.Readers {
			if r.Alive && r.State == "active" {
				attached++
			}
		}
		for _, g := range info.Groups {
			attached += alive(g)
		}
		if attached >= want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s has %d of %d registered readers: %w", path, attached, want, context.Cause(ctx))
		}
	}
}

// limited is ctx that ends with errTimeout after d; with 0 it goes on.
func limited(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%w after %s", errTimeout, d))
}

// publishAll publishes the inputs, one after another.
func (a *app) publishAll(ctx context.Context, p *publisher, inputs []string) error {
	for _, name := range inputs {
		if err := a.publishInput(ctx, p, name); err != nil {
			return err
		}
	}
	return nil
}

// publishInput publishes the records of one input. What was read whole is published before more is waited for, and also
// before an error is returned.
func (a *app) publishInput(ctx context.Context, p *publisher, name string) error {
	in, called, shut, err := a.openInput(name)
	if err != nil {
		return err
	}
	defer shut()
	f := &framer{
		framing: p.flags.framing.word, name: called, max: p.w.MaxPayload(), skip: p.flags.skipLarge,
		emit:    func(rec []byte) error { return p.add(ctx, rec) },
		skipped: func(err error) { a.say("skipped: %v", err) },
	}
	source := readPieces(ctx, in)
	silence := a.notice(func() string { return "input on " + called })
	for {
		silence.begin()
		var c piece
		err := p.disk.during(ctx, func(ctx context.Context) (err error) {
			c, err = source.next(ctx)
			return err
		})
		silence.end()
		if err != nil {
			return err
		}
		err = f.feed(c.data)
		if isEnd(c.err) && err == nil {
			err = f.finish()
		}
		if e := p.flush(ctx); e != nil {
			return e
		}
		switch {
		case err != nil:
			return err
		case isEnd(c.err):
			return nil
		case c.err != nil:
			return c.err
		}
		source.done(c)
	}
}
