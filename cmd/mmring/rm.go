package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

func (a *app) rmCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "rm PATH",
		Short: "delete a ring",
		Long: `rm deletes a ring, and nothing that is not one. It refuses while a writer or a
registered reader is attached; with --force these get an error.`,
		Example: `  mmring create /dev/shm/gone.ring && mmring rm /dev/shm/gone.ring
  mmring create /dev/shm/gone.ring && mmring rm --force /dev/shm/gone.ring`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(_ *cobra.Command, args []string) error {
			err := ring.Remove(args[0], force)
			if errors.Is(err, ring.ErrBusy) {
				return hinted{err, "--force deletes it all the same, and who is attached gets an error"}
			}
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "also while somebody is attached")
	return c
}
