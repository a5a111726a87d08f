package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// versionJSON is what version -o json writes.
type versionJSON struct {
	V       int    `json:"v"`
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Format  int    `json:"format"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

func (a *app) versionCommand() *cobra.Command {
	var output *choice
	c := &cobra.Command{
		Use:   "version",
		Short: "say which mmring this is",
		Long:  `version says the version, the commit it was built from, the ring format it writes, and the Go version.`,
		Example: `  mmring version
  mmring version -o json`,
		Args: takes(0, 0, "nothing"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			v := thisVersion()
			if output.word == "json" {
				return writeJSON(a.stdout, v)
			}
			return writeText(a.stdout, fmt.Sprintf("mmring %s, commit %s, ring format %d, %s, %s\n", v.Version, v.Commit, v.Format, v.Go, v.System))
		},
	}
	output = outputFlag(c)
	return c
}

func thisVersion() versionJSON {
	v := versionJSON{1, "unknown", "unknown", ring.FormatVersion, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if build.Main.Version != "" {
		v.Version = build.Main.Version
	}
	changed := ""
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " and changes"
		}
	}
	v.Commit += changed
	return v
}
