package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// shells are those that completion writes for.
var shells = map[string]func(a *app, root *cobra.Command) error{
	"bash":       func(a *app, root *cobra.Command) error { return root.GenBashCompletionV2(a.stdout, true) },
	"zsh":        func(a *app, root *cobra.Command) error { return root.GenZshCompletion(a.stdout) },
	"fish":       func(a *app, root *cobra.Command) error { return root.GenFishCompletion(a.stdout, true) },
	"powershell": func(a *app, root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(a.stdout) },
}

func (a *app) completionCommand() *cobra.Command {
	const names = "bash|zsh|fish|powershell"
	return &cobra.Command{
		Use:   "completion " + names,
		Short: "write the completions for a shell",
		Long: `completion writes a script that teaches a shell to complete commands, flags, rings and
the names of durable cursors. bash (needs the package bash-completion) and zsh read it
from a file in their directory of completions, or at once: source <(mmring completion
bash).`,
		Example: `  mmring completion bash > mmring.bash
  mmring completion zsh > _mmring`,
		Args:      takes(1, 1, names),
		ValidArgs: strings.Split(names, "|"),
		RunE: func(c *cobra.Command, args []string) error {
			write, ok := shells[args[0]]
			if !ok {
				return usagef("no completions for %q: must be one of %s", args[0], strings.ReplaceAll(names, "|", ", "))
			}
			return write(a, c.Root())
		},
	}
}

func (a *app) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "explain a command",
		Long:  "help explains a command, as --help after it does.",
		Example: `  mmring help pub
  mmring help readers add`,
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("no command %q", strings.Join(args, " "))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			of, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			for _, sub := range of.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// completeRing completes the first argument to the path of a ring, and leaves the others to after.
func completeRing(after cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return after(c, args, begun)
		}
		return ringPaths(begun)
	}
}

// ringPaths returns the rings whose paths start with begun, and the directories, which may have some. Without a start
// it returns the rings that ls would list too.
func ringPaths(begun string) (paths []string, _ cobra.ShellCompDirective) {
	dir, start := filepath.Split(begun)
	dirs := []string{dir}
	if begun == "" && len(defaultDirs()) > 1 {
		dirs = append(dirs, sharedMemory+"/")
	}
	nothingWhole := cobra.ShellCompDirectiveNoSpace // a directory is only the start of a path
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Clean(dir))
		if err != nil {
			continue
		}
		for _, e := range entries {
			path := dir + e.Name()
			switch {
			case !strings.HasPrefix(e.Name(), start):
			case e.IsDir() && dir == dirs[0]:
				paths = append(paths, path+"/")
			case e.Type().IsRegular():
				if r, ok := ringAt(path); ok {
					paths = append(paths, path+"\t"+ringWords(r))
					nothingWhole = 0
				}
			}
		}
	}
	return paths, cobra.ShellCompDirectiveNoFileComp | nothingWhole
}

// ringWords says what a completion should know of a ring.
func ringWords(r lsJSON) string {
	if r.Error != "" {
		return r.Error
	}
	return plural(r.Records, "record") + ", " + sizeText(uint64(r.Capacity))
}

// completeCursor completes to the names of the durable cursors of the ring in the first argument.
func completeCursor(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) == 1 {
		if i, err := ring.Inspect(args[0]); err == nil {
			for _, r := range i.Readers {
				if r.Durable {
					names = append(names, r.Name+"\t"+plural(r.LagRecords, "record")+" behind")
				}
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeGroup completes to the names of the groups of the ring in the first argument.
func completeGroup(_ *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) == 1 {
		if i, err := ring.Inspect(args[0]); err == nil {
			for _, g := range i.Groups {
				names = append(names, g.Name+"\t"+plural(g.LagRecords, "record")+" to do")
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFlags completes the flags of c that are a choice.
func completeFlags(c *cobra.Command) {
	for _, sub := range c.Commands() {
		completeFlags(sub)
	}
	for _, name := range []string{"output", "framing", "from"} {
		if f := c.Flags().Lookup(name); f != nil {
			words := slices.DeleteFunc(strings.Split(f.Value.Type(), "|"), func(w string) bool { return w != strings.ToLower(w) }) // SEQ, say
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}
