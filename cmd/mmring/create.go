package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mmring/mmring/ring"
)

// modeFlag is a file mode in octal digits.
type modeFlag fs.FileMode

func (m *modeFlag) String() string { return fmt.Sprintf("%04o", uint32(*m)) }
func (m *modeFlag) Type() string   { return "octal" }

func (m *modeFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		return fmt.Errorf("%q is not a mode such as 0600 or 0660", s)
	}
	*m = modeFlag(n)
	return nil
}

// wakeFlag says when a writer wakes its readers: asked, or always.
type wakeFlag bool

func (w *wakeFlag) Type() string { return "when" }

func (w *wakeFlag) String() string {
	if *w {
		return "always"
	}
	return "asked"
}

func (w *wakeFlag) Set(s string) error {
	if s != "asked" && s != "always" {
		return fmt.Errorf("%q is neither asked nor always", s)
	}
	*w = s == "always"
	return nil
}

// groupFlag is a group, by its name or number.
type groupFlag struct {
	text string
	gid  int
}

func (g *groupFlag) String() string { return g.text }
func (g *groupFlag) Type() string   { return "group" }

func (g *groupFlag) Set(s string) error {
	number := s
	if group, err := user.LookupGroup(s); err == nil {
		number = group.Gid
	}
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return fmt.Errorf("%q is not a group of this machine", s)
	}
	g.text, g.gid = s, int(n)
	return nil
}

// configFlags are create's flags, which pub --create has too.
type configFlags struct {
	capacity    sizeFlag
	readers     numberFlag
	mode        modeFlag
	chgrp       groupFlag
	shared      bool
	evictAfter  spanFlag
	timestamps  bool
	checksums   bool
	wake        wakeFlag
	contentType string
	description string
	forceFS     bool
}

func (c *configFlags) add(f *pflag.FlagSet) {
	c.capacity, c.mode, c.readers = 16<<20, 0o600, numberFlag{64, 1, 4096}
	f.Var(&c.capacity, "capacity", "size of the data region, a power of two")
	f.Var(&c.readers, "readers", "how many readers may be registered at a time")
	f.Var(&c.mode, "mode", "the file's mode")
	f.Var(&c.chgrp, "chgrp", "the group that the file belongs to, by name or number")
	f.BoolVar(&c.shared, "shared", false, "let several writers publish at a time, into one order")
	f.Var(&c.evictAfter, "evict-after", "drop a reader that holds the writer back so long without moving")
	f.BoolVar(&c.timestamps, "timestamps", false, "give every record its time")
	f.BoolVar(&c.checksums, "checksums", false, "give every record a checksum")
	f.Var(&c.wake, "wake", "when the writer wakes who sleeps: asked, or always, for observers that may not write to the file")
	f.StringVar(&c.contentType, "content-type", "", "what the payloads are, as a media type")
	f.StringVar(&c.description, "description", "", "a text for people")
	f.BoolVar(&c.forceFS, "force-fs", false, "accept a file system where mapped memory may not be coherent")
}

func (c *configFlags) config() (ring.Config, error) {
	switch {
	case c.capacity == 0:
		return ring.Config{}, usagef("capacity 0: must be a power of two from 64KiB to 1TiB")
	case c.mode == 0:
		return ring.Config{}, usagef("mode 0000: the owner must read and write")
	}
	return ring.Config{
		Capacity: int64(c.capacity), Slots: int(c.readers.n), Mode: fs.FileMode(c.mode), Group: c.chgrp.gid, Shared: c.shared, Timestamps: c.timestamps, Checksums: c.checksums,
		WakeAlways: bool(c.wake), EvictAfter: time.Duration(c.evictAfter), ContentType: c.contentType, Description: c.description, AllowFS: c.forceFS,
	}, nil
}

func (a *app) createCommand() *cobra.Command {
	var flags configFlags
	c := &cobra.Command{
		Use:   "create PATH",
		Short: "make a ring",
		Long: `create makes a ring at PATH, with all its blocks allocated. It fails if PATH exists.
Directories in memory (/dev/shm) and on local disks can carry rings.

--evict-after: the writer waits for a registered reader, and for the cursor of one that
is away, only so long. A reader that was evicted is told so; when it comes again under
its --name it goes on at the oldest record, and is told how many it lost.`,
		Example: `  mmring create /dev/shm/new.ring && mmring rm /dev/shm/new.ring
  mmring create /dev/shm/big.ring --capacity 32MiB --timestamps && mmring rm /dev/shm/big.ring`,
		Args: takes(1, 1, "PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			config, err := flags.config()
			if err != nil {
				return err
			}
			defer a.waiting(func() string { return sizeText(uint64(config.Capacity)) + " to be allocated" })()
			_, err = leaving(c.Context(), func() (any, error) { return nil, ring.Create(args[0], config) })
			return createHint(err)
		},
	}
	flags.add(c.Flags())
	return c
}

func createHint(err error) error {
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted{err, "remove what is there (mmring rm PATH), or use it: mmring pub PATH"}
	case errors.Is(err, fs.ErrNotExist):
		return hinted{err, "make the directory first"}
	case errors.Is(err, fs.ErrPermission):
		return hinted{err, "take a directory that you may write to"}
	}
	return err
}
