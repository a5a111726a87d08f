package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// repairJSON is what repair -o json writes.
type repairJSON struct {
	V         int         `json:"v"`
	Path      string      `json:"path"`
	Dirty     bool        `json:"dirty"`
	Rebooted  bool        `json:"rebooted"`
	Copied    bool        `json:"copied"`
	Records   uint64      `json:"records"`
	Bytes     uint64      `json:"bytes"`
	Sums      uint64      `json:"checksums"`
	Oldest    uint64      `json:"oldest"`
	Published uint64      `json:"published"`
	Next      uint64      `json:"next_seq"`
	Skipped   uint64      `json:"skipped"`
	Cut       uint64      `json:"cut"`
	Lost      uint64      `json:"lost"`
	AtLeast   bool        `json:"at_least"`
	Mended    []faultJSON `json:"mended"`
	Left      []faultJSON `json:"left"`
}

func (a *app) repairCommand() *cobra.Command {
	var output *choice
	var options ring.RepairOptions
	c := &cobra.Command{
		Use:   "repair PATH",
		Short: "do what a new writer would do, and look at every record",
		Long: `repair takes the writer's role, does what a new writer would do with what the last one
left, looks at every record, and says what it changed. It refuses while a writer lives
(exit code 6). What is not whole is given up. Exit code 5: something is wrong that
cannot be mended.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring repair /dev/shm/nine.ring
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring repair /dev/shm/nine.ring -o json`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(c *cobra.Command, args []string) error {
			done := a.waiting(func() string { return "every record of " + args[0] + " to be looked at" })
			r, err := ring.Repair(c.Context(), args[0], options)
			done()
			switch {
			case errors.Is(err, ring.ErrBusy):
				return hinted{err, "the next writer that opens the ring does the same; mmring stat " + args[0] + " shows who is attached"}
			case errors.Is(err, ring.ErrCorrupt):
				return hinted{err, "this cannot be mended, and nothing was changed: make a new ring"}
			case err != nil:
				return err
			}
			if output.word == "json" {
				err = writeJSON(a.stdout, repairOf(args[0], r))
			} else {
				err = writeText(a.stdout, repairText(args[0], r))
			}
			if err == nil && len(r.Left) > 0 {
				err = errFaults
			}
			return err
		},
	}
	output = outputFlag(c)
	c.Flags().BoolVar(&options.AllowFS, "force-fs", false, "also on a file system where mapped memory may not be coherent")
	return c
}

func repairOf(path string, r ring.Recovery) repairJSON {
	return repairJSON{
		1, path, r.Dirty, r.Rebooted, r.Copied, r.Records, r.Bytes, r.Sums, r.Oldest, r.Published, r.Next,
		r.Skipped, r.Cut, r.Lost, r.AtLeast, faultsOf(r.Mended), faultsOf(r.Left),
	}
}

func repairText(path string, r ring.Recovery) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, "%s: "+format+"\n", append([]any{path}, args...)...) }
	if r.Dirty {
		say("the last writer did not close")
	}
	if r.Rebooted {
		say("the machine was started anew since the last writer")
	}
	if r.Copied {
		say("another file than the last writer's: a copy")
	}
	for _, f := range r.Mended {
		say("%s", f)
	}
	if r.Skipped > 0 {
		say("%s given up at the start, up to position %d: overwritten or not whole", sizeText(r.Skipped), r.Oldest)
	}
	if r.Cut > 0 {
		say("%s cut off the end, from position %d: not whole", sizeText(r.Cut), r.Published)
	}
	if r.Lost > 0 {
		least := ""
		if r.AtLeast {
			least = "at least "
		}
		say("%s%s records lost", least, countText(r.Lost))
	}
	for _, f := range r.Left {
		say("%s", f)
	}
	say("%s records, %s looked at, %s checksums compared, next record %d", countText(r.Records), sizeText(r.Bytes), countText(r.Sums), r.Next)
	return b.String()
}
