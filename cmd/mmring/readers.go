package main

import (
	"errors"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// readersJSON is what readers -o json writes.
type readersJSON struct {
	V       int          `json:"v"`
	Path    string       `json:"path"`
	Readers []readerJSON `json:"readers"`
	Groups  []groupJSON  `json:"groups,omitempty"`
}

func (a *app) readersCommand() *cobra.Command {
	var output *choice
	c := &cobra.Command{
		Use:   "readers PATH",
		Short: "list, make, move and remove durable cursors",
		Long: `readers lists the durable cursors and the readers that are attached. A durable cursor
holds the writer back also while no process has it: nothing is lost to its reader.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring readers /dev/shm/nine.ring
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring readers /dev/shm/nine.ring -o json`,
		Args: takes(1, 1, "PATH, or add, seek or rm"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := ring.Inspect(args[0])
			if err != nil {
				return err
			}
			if output.word == "json" {
				return writeJSON(a.stdout, readersJSON{1, args[0], readersOf(i), groupsOf(i)})
			}
			return writeText(a.stdout, readersText(i))
		},
	}
	output = outputFlag(c)
	c.AddCommand(a.readersAddCommand(), a.readersSeekCommand(), a.readersRemoveCommand())
	return c
}

func (a *app) readersAddCommand() *cobra.Command {
	from, group := startFlag{text: "oldest", start: ring.Oldest}, false
	c := &cobra.Command{
		Use:   "add PATH NAME",
		Short: "make a durable cursor ahead of its reader",
		Long: `add makes the durable cursor NAME, so that nothing is overwritten before its reader
comes: mmring sub PATH --name NAME. With --group it is one that several readers share:
mmring sub PATH --group NAME.`,
		Example: `  seq 9 | mmring pub /dev/shm/add.ring --create && mmring readers add /dev/shm/add.ring archive && mmring rm /dev/shm/add.ring
  seq 9 | mmring pub /dev/shm/add.ring --create && mmring readers add /dev/shm/add.ring late --from newest && mmring rm /dev/shm/add.ring`,
		Args: takes(2, 2, "PATH NAME"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(c *cobra.Command, args []string) error {
			defer a.waiting(func() string { return "the list of names of " + args[0] })()
			add := ring.AddReader
			if group {
				add = ring.AddGroup
			}
			err := add(c.Context(), args[0], args[1], from.start)
			if errors.Is(err, fs.ErrExist) {
				return hinted{err, "it stays where it is; mmring readers rm removes it"}
			}
			return err
		},
	}
	c.Flags().Var(&from, "from", "where it starts")
	c.Flags().BoolVar(&group, "group", false, "one that several readers share")
	return c
}

func (a *app) readersSeekCommand() *cobra.Command {
	var from startFlag
	c := &cobra.Command{
		Use:   "seek PATH NAME",
		Short: "move a durable cursor",
		Long: `seek moves the durable cursor NAME, forward or back: its reader goes on there. What it
passes over is the writer's again; what lies behind the new place comes again. One that
a reader has just now stays where it is.`,
		Example: `  seq 9 | mmring pub /dev/shm/seek.ring --create && mmring readers add /dev/shm/seek.ring a && mmring readers seek /dev/shm/seek.ring a --from 5 && mmring rm /dev/shm/seek.ring
  seq 9 | mmring pub /dev/shm/seek.ring --create && mmring readers add /dev/shm/seek.ring a && mmring readers seek /dev/shm/seek.ring a --from -1 && mmring rm /dev/shm/seek.ring`,
		Args: takes(2, 2, "PATH NAME"), ValidArgsFunction: completeRing(completeCursor),
		RunE: func(c *cobra.Command, args []string) error {
			if from.text == "" {
				return usagef("--from is missing: where to?")
			}
			defer a.waiting(func() string { return "the list of names of " + args[0] })()
			err := ring.MoveReader(c.Context(), args[0], args[1], from.start)
			switch {
			case errors.Is(err, ring.ErrBusy):
				return hinted{err, "stop that reader first; mmring stat PATH shows it"}
			case errors.Is(err, fs.ErrNotExist):
				return hinted{err, "mmring readers " + args[0] + " lists them; mmring readers add makes one"}
			}
			return err
		},
	}
	c.Flags().Var(&from, "from", "where it goes")
	return c
}

func (a *app) readersRemoveCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "rm PATH NAME",
		Short: "remove a durable cursor or a group",
		Long: `rm removes the durable cursor NAME, or the group of that name with what its members have
not done: the writer no longer waits for it. One with a living reader or member only
goes with --force.`,
		Example: `  mmring create /dev/shm/old.ring && mmring readers add /dev/shm/old.ring a && mmring readers rm /dev/shm/old.ring a && mmring rm /dev/shm/old.ring
  mmring create /dev/shm/old.ring && mmring readers add /dev/shm/old.ring a && mmring readers rm /dev/shm/old.ring a --force && mmring rm /dev/shm/old.ring`,
		Args: takes(2, 2, "PATH NAME"), ValidArgsFunction: completeRing(completeCursor),
		RunE: func(c *cobra.Command, args []string) error {
			defer a.waiting(func() string { return "the list of names of " + args[0] })()
			err := ring.RemoveReader(c.Context(), args[0], args[1], force)
			switch {
			case errors.Is(err, ring.ErrBusy):
				return hinted{err, "--force removes it all the same, and its reader gets an error"}
			case errors.Is(err, fs.ErrNotExist):
				return hinted{err, "mmring readers " + args[0] + " lists them"}
			}
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "also when a reader has it")
	return c
}
