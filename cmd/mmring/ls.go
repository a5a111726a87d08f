package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// sharedMemory is where Linux keeps files in memory for everybody.
const sharedMemory = "/dev/shm"

// lsJSON is one ring as ls -o json writes it, a line each.
type lsJSON struct {
	V           int    `json:"v"`
	Path        string `json:"path"`
	Capacity    int64  `json:"capacity"`
	Records     uint64 `json:"records"`
	Readers     int    `json:"readers"`
	Writer      string `json:"writer"` // alive, none, dead, ended
	Description string `json:"description,omitempty"`
	Error       string `json:"error,omitempty"`
}

func (a *app) lsCommand() *cobra.Command {
	var output *choice
	c := &cobra.Command{
		Use:   "ls [DIR...]",
		Short: "list rings",
		Long:  `ls lists the rings in the directories given; without any, in the current one and in /dev/shm.`,
		Example: `  mmring ls
  mmring ls /dev/shm -o json`,
		Args: takes(0, -1, "[DIR...]"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = defaultDirs()
			}
			found, err := ringsIn(args)
			if output.word == "json" {
				for _, r := range found {
					if err := writeJSON(a.stdout, r); err != nil {
						return err
					}
				}
				return err
			}
			if e := writeText(a.stdout, lsText(found)); e != nil {
				return e
			}
			return err
		},
	}
	output = outputFlag(c)
	return c
}

func defaultDirs() []string {
	here, err := os.Getwd()
	_, shm := os.Stat(sharedMemory)
	if err == nil && here == sharedMemory || shm != nil {
		return []string{"."}
	}
	return []string{".", sharedMemory}
}

// ringsIn lists the rings of all directories. An error is that of the first directory that could not be read.
func ringsIn(dirs []string) (found []lsJSON, err error) {
	for _, dir := range dirs {
		entries, e := os.ReadDir(dir)
		if e != nil && err == nil {
			err = hinted{e, "ls takes directories; mmring stat PATH looks at one ring"}
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() {
				continue
			}
			if r, ok := ringAt(filepath.Join(dir, entry.Name())); ok {
				found = append(found, r)
			}
		}
	}
	return found, err
}

// ringAt looks whether the file at path is a ring, perhaps one with something wrong. What may not be read is none.
func ringAt(path string) (r lsJSON, ok bool) {
	i, err := ring.Inspect(path)
	switch {
	case errors.Is(err, ring.ErrNotRing), errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return r, false
	case err != nil:
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return lsJSON{V: 1, Path: path, Error: err.Error()}, true
	}
	writer := "none"
	switch {
	case i.Writer.Alive:
		writer = "alive"
	case i.Ended:
		writer = "ended"
	case !i.Clean:
		writer = "dead"
	}
	return lsJSON{V: 1, Path: path, Capacity: i.Capacity, Records: i.Stats.Records, Readers: len(i.Readers) + len(i.Groups), Writer: writer,
		Description: i.Description}, true
}

func lsText(found []lsJSON) string {
	if len(found) == 0 {
		return ""
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RING\tCAPACITY\tRECORDS\tREADERS\tWRITER\t")
	for _, r := range found {
		if r.Error != "" {
			fmt.Fprintf(t, "%s\t\t\t\t\t%s\n", r.Path, r.Error)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", r.Path, sizeText(uint64(r.Capacity)), countText(r.Records), r.Readers, r.Writer, r.Description)
	}
	_ = t.Flush() // into memory
	return b.String()
}
