package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// infoJSON is what info -o json writes.
type infoJSON struct {
	V           int       `json:"v"`
	Path        string    `json:"path"`
	UUID        string    `json:"uuid"`
	Format      int       `json:"format"`
	Created     time.Time `json:"created"`
	ContentType string    `json:"content_type"`
	Description string    `json:"description"`
	FileSize    int64     `json:"file_size"`
	Capacity    int64     `json:"capacity"`
	DataOffset  int64     `json:"data_offset"`
	Slots       int       `json:"slots"`
	MaxPayload  int       `json:"max_payload"`
	Shared      bool      `json:"shared"`
	MayEvict    bool      `json:"may_evict"`
	EvictAfter  int64     `json:"evict_after_ns,omitempty"`
	Timestamps  bool      `json:"timestamps"`
	Checksums   bool      `json:"checksums"`
	WakeAlways  bool      `json:"wake_always"`
}

func (a *app) infoCommand() *cobra.Command {
	var output *choice
	c := &cobra.Command{
		Use:   "info PATH",
		Short: "say what a ring is",
		Long:  `info says what was fixed when the ring was made: its header. mmring stat says how it stands.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring info /dev/shm/nine.ring
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring info /dev/shm/nine.ring -o json`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := ring.Inspect(args[0])
			if err != nil {
				return err
			}
			if output.word == "json" {
				return writeJSON(a.stdout, infoJSON{
					1, i.Path, i.UUID, i.Format, i.Created.UTC(), i.ContentType, i.Description, i.FileSize, i.Capacity, i.DataOffset, i.Slots,
					i.MaxPayload, i.Shared, i.MayEvict, i.EvictAfter.Nanoseconds(), i.Timestamps, i.Checksums, i.WakeAlways,
				})
			}
			return writeText(a.stdout, infoText(i))
		},
	}
	output = outputFlag(c)
	return c
}

func infoText(i ring.Info) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-16s"+format+"\n", append([]any{name}, args...)...)
	}
	line("ring", "%s", i.Path)
	line("format", "%d", i.Format)
	line("uuid", "%s", i.UUID)
	line("created", "%s", i.Created.Format(time.RFC3339))
	if i.ContentType != "" {
		line("content type", "%s", i.ContentType)
	}
	if i.Description != "" {
		line("description", "%s", i.Description)
	}
	line("capacity", "%s (%d bytes, at offset %d of a file of %d)", sizeText(uint64(i.Capacity)), i.Capacity, i.DataOffset, i.FileSize)
	line("largest record", "%d bytes", i.MaxPayload)
	readers := fmt.Sprintf("at most %d", i.Slots)
	if i.MayEvict {
		readers += fmt.Sprintf(", evicted when they have held the writer back for %s", i.EvictAfter)
	}
	line("readers", "%s", readers)
	line("writers", "%s", map[bool]string{false: "one at a time", true: "several"}[i.Shared])
	line("records have", "%s", strings.Join(extras(i), ", "))
	if i.WakeAlways {
		line("wakes", "its readers after every record")
	}
	return b.String()
}

// extras names what the ring's mode adds to a record.
func extras(i ring.Info) []string {
	have := []string{"a number", "a tag"}
	if i.Timestamps {
		have = append(have, "a time")
	}
	if i.Checksums {
		have = append(have, "a checksum")
	}
	return have
}
