package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// app is one run of the tool: its streams and what holds for every command.
type app struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	quiet   bool
	started bool // the command line was understood, and the command runs
}

// tool runs the command line args in this process: its streams, its signals.
func tool(args []string) int {
	ctx, stop := untilSignal(context.Background())
	defer stop()
	return run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}

// run runs the command line args and returns the exit code. stdout gets data only, stderr what is said to people.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stderr: &syncWriter{w: stderr}}
	out := a.sink(ctx, stdout)
	a.stdout = out
	root := a.root()
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	if err != nil && !a.started {
		err = usageError{err}
	}
	if err == nil {
		err = out.failed // not every command looks
	}
	return a.farewell(c, err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mmring",
		Short: "shared-memory rings: one file is the whole channel",
		Long: `mmring makes, feeds, reads and looks into shared-memory rings.

A ring is one file. A writer process publishes records into it, reader processes
consume them through their own mappings of the same file. Without a registered
reader a ring overwrites its oldest records.

Exit codes: 0 done, 1 error, 2 wrong use, 3 records were lost (--fail-on-loss),
4 timed out, 5 corrupt ring, 6 busy (somebody else has the role).`,
		Example: `  seq 1000 | mmring pub /dev/shm/numbers.ring --create
  mmring cat /dev/shm/numbers.ring`,
		SilenceErrors:      true,
		SilenceUsage:       true,
		DisableSuggestions: true,
		PersistentPreRun:   func(*cobra.Command, []string) { a.started = true },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "say nothing on stderr but errors")
	root.AddCommand(
		a.createCommand(), a.pubCommand(), a.subCommand(), a.catCommand(),
		a.infoCommand(), a.statCommand(), a.lsCommand(), a.verifyCommand(), a.repairCommand(),
		a.readersCommand(), a.rmCommand(), a.demoCommand(), a.demoProcessCommand(),
		a.benchCommand(), a.benchFarCommand(), a.versionCommand(), a.completionCommand(),
	)
	root.SetHelpCommand(a.helpCommand())
	root.CompletionOptions.DisableDefaultCmd = true
	completeFlags(root)
	return root
}

// say tells a person something, unless -q was given.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, "mmring: "+format+"\n", args...)
	}
}
