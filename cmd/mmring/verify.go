package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// verifyJSON is what verify -o json writes.
type verifyJSON struct {
	V       int         `json:"v"`
	Path    string      `json:"path"`
	Records uint64      `json:"records"`
	Padding uint64      `json:"padding"`
	Bytes   uint64      `json:"bytes"`
	Sums    uint64      `json:"checksums"`
	Unread  uint64      `json:"unread"`
	Lost    bool        `json:"overtaken"`
	Faults  []faultJSON `json:"faults"`
	More    uint64      `json:"more"`
}

type faultJSON struct {
	Offset int64  `json:"offset"`
	What   string `json:"what"`
	Text   string `json:"text"`
}

func (a *app) verifyCommand() *cobra.Command {
	var output *choice
	c := &cobra.Command{
		Use:   "verify PATH",
		Short: "look for faults in a ring",
		Long: `verify walks header, counters, slots and every record, and says each fault with its
offset in the file. It changes nothing, and the ring may be in use. Exit code 5: there
is a fault.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring verify /dev/shm/nine.ring
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring verify /dev/shm/nine.ring -o json`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(c *cobra.Command, args []string) error {
			done := a.waiting(func() string { return "every record of " + args[0] + " to be looked at" })
			r, err := leaving(c.Context(), func() (ring.Report, error) { return ring.Verify(args[0]) })
			done()
			if err != nil {
				return err
			}
			if output.word == "json" {
				err = writeJSON(a.stdout, verifyOf(args[0], r))
			} else {
				err = writeText(a.stdout, verifyText(args[0], r))
			}
			if err == nil && len(r.Faults) > 0 {
				err = errFaults
			}
			return err
		},
	}
	output = outputFlag(c)
	return c
}

func verifyOf(path string, r ring.Report) verifyJSON {
	return verifyJSON{1, path, r.Records, r.Padding, r.Bytes, r.Sums, r.Unread, r.Lost, faultsOf(r.Faults), r.More}
}

func faultsOf(found []ring.Fault) []faultJSON {
	faults := []faultJSON{}
	for _, f := range found {
		faults = append(faults, faultJSON{f.Offset, f.What, f.Text})
	}
	return faults
}

func verifyText(path string, r ring.Report) string {
	var b strings.Builder
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "%s: %s\n", path, f)
	}
	if r.More > 0 {
		fmt.Fprintf(&b, "%s: and %s more\n", path, plural(r.More, "fault"))
	}
	fmt.Fprintf(&b, "%s: %s, %s of payload, %s compared", path, plural(r.Records, "record"), sizeText(r.Bytes), plural(r.Sums, "checksum"))
	if r.Unread > 0 {
		fmt.Fprintf(&b, ", %s not readable", sizeText(r.Unread))
	}
	if r.Lost {
		b.WriteString(", some overwritten meanwhile")
	}
	if n := uint64(len(r.Faults)) + r.More; n > 0 {
		fmt.Fprintf(&b, ", %s\n", plural(n, "fault"))
	} else {
		b.WriteString(", no fault\n")
	}
	return b.String()
}
