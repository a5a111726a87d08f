package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// statJSON is what stat -o json writes.
type statJSON struct {
	V         int          `json:"v"`
	Path      string       `json:"path"`
	Writer    personJSON   `json:"writer"`
	Writers   []writerJSON `json:"writers,omitempty"`
	Published uint64       `json:"published"`
	Oldest    uint64       `json:"oldest"`
	FirstSeq  uint64       `json:"first_seq"`
	NextSeq   uint64       `json:"next_seq"`
	Ended     bool         `json:"ended"`
	Clean     bool         `json:"clean"`
	Epoch     uint64       `json:"epoch"`
	Records   float64      `json:"records_per_s"`
	Bytes     float64      `json:"bytes_per_s"`
	Readers   []readerJSON `json:"readers"`
	HeldBack  *heldJSON    `json:"held_back,omitempty"`
	Groups    []groupJSON  `json:"groups,omitempty"`
	Stats     ring.Stats   `json:"stats"`
}

// heldJSON is what a writer without space waits for.
type heldJSON struct {
	Since   string `json:"since"`
	Slot    int    `json:"slot"`
	Name    string `json:"name"`
	Durable bool   `json:"durable"`
	PID     int    `json:"pid"`
	Alive   bool   `json:"alive"`
	Cursor  uint64 `json:"cursor"`
	Bytes   uint64 `json:"bytes"`
}

// personJSON is a process, as far as it introduced itself.
type personJSON struct {
	Alive   bool   `json:"alive"`
	PID     int    `json:"pid"`
	Host    string `json:"host,omitempty"`
	Program string `json:"program,omitempty"`
	Since   string `json:"since,omitempty"`
}

// writerJSON is one of several writers.
type writerJSON struct {
	Slot   int    `json:"slot"`
	Alive  bool   `json:"alive"`
	PID    int    `json:"pid"`
	Since  string `json:"since,omitempty"`
	Mutex  bool   `json:"mutex"`
	Waited bool   `json:"waited"`
}

// readerJSON is a registered reader or a durable cursor.
type readerJSON struct {
	Slot       int    `json:"slot"`
	Name       string `json:"name"`
	Durable    bool   `json:"durable"`
	State      string `json:"state"`
	Alive      bool   `json:"alive"`
	PID        int    `json:"pid"`
	Since      string `json:"since,omitempty"`
	Cursor     uint64 `json:"cursor"`
	Seq        uint64 `json:"seq"`
	LagBytes   uint64 `json:"lag_bytes"`
	LagRecords uint64 `json:"lag_records"`
	Records    uint64 `json:"records"`
	Bytes      uint64 `json:"bytes"`
	Waits      uint64 `json:"waits"`
	HoldsBack  bool   `json:"holds_back"`
	Lost       uint64 `json:"lost"`
}

// rateSample is how long a single stat watches a living writer for its rates.
const rateSample = 100 * time.Millisecond

func (a *app) statCommand() *cobra.Command {
	var output *choice
	var watch spanFlag
	c := &cobra.Command{
		Use:   "stat PATH",
		Short: "say how a ring stands now",
		Long: `stat says how a ring stands now: who writes, what is published, how far each reader is,
and draws it. It attaches to nothing and changes nothing. --watch looks again and again.`,
		Example: `  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring stat /dev/shm/nine.ring
  seq 9 | mmring pub /dev/shm/nine.ring --create && mmring stat /dev/shm/nine.ring -o json`,
		Args: takes(1, 1, "PATH"), ValidArgsFunction: completeRing(cobra.NoFileCompletions),
		RunE: func(c *cobra.Command, args []string) error {
			return a.stat(c.Context(), args[0], time.Duration(watch), output.word)
		},
	}
	output = outputFlag(c)
	c.Flags().Var(&watch, "watch", "look again every so often")
	return c
}

// look is a ring at a time.
type look struct {
	ring.Info
	at time.Time
}

func lookAt(path string) (look, error) {
	i, err := ring.Inspect(path)
	return look{i, time.Now()}, err
}

// rates since an earlier look, in records and bytes of the data region a second.
func (l look) rates(before look) (records, bytes float64) {
	d := l.at.Sub(before.at).Seconds()
	if d <= 0 || l.NextSeq < before.NextSeq || before.NextSeq == 0 {
		return 0, 0
	}
	return float64(l.NextSeq-before.NextSeq) / d, float64(l.Published-before.Published) / d
}

func (a *app) stat(ctx context.Context, path string, watch time.Duration, output string) error {
	last, err := lookAt(path)
	if err != nil {
		return err
	}
	if last.Writer.Alive {
		if err := after(ctx, rateSample); err != nil {
			return err
		}
	}
	for turn := 0; ; turn++ {
		now, err := lookAt(path)
		if err != nil {
			return err
		}
		records, bytes := now.rates(last)
		last = now
		if output == "json" {
			err = writeJSON(a.stdout, statOf(now.Info, records, bytes))
		} else {
			text := statText(now.Info, records, bytes)
			if turn > 0 {
				text = "\n" + text
			}
			err = writeText(a.stdout, text)
		}
		if err != nil || watch == 0 {
			return err
		}
		if err := after(ctx, watch); err != nil {
			return err
		}
	}
}

// after waits for d, or until the context ends.
func after(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func statOf(i ring.Info, records, bytes float64) statJSON {
	s := statJSON{
		V: 1, Path: i.Path, Published: i.Published, Oldest: i.Oldest, FirstSeq: i.FirstSeq, NextSeq: i.NextSeq,
		Ended: i.Ended, Clean: i.Clean, Epoch: i.Epoch, Records: records, Bytes: bytes, Readers: readersOf(i), Groups: groupsOf(i), Stats: i.Stats,
	}
	for _, w := range i.Writers {
		s.Writers = append(s.Writers, writerJSON{w.Slot, w.Alive, w.PID, stampText(w.Since), w.Mutex, w.Waited})
	}
	if h := i.HeldBack; h != nil {
		s.HeldBack = &heldJSON{stampText(h.Since), h.Slot, h.Name, h.Durable, h.PID, h.Alive, h.Cursor, h.Bytes}
	}
	s.Writer = personJSON{i.Writer.Alive, i.Writer.PID, i.Writer.Host, i.Writer.Program, stampText(i.Writer.Since)}
	return s
}

func readersOf(i ring.Info) []readerJSON {
	readers := []readerJSON{}
	for _, r := range i.Readers {
		readers = append(readers, readerJSON{
			r.Slot, r.Name, r.Durable, r.State, r.Alive, r.PID, stampText(r.Since), r.Cursor, r.Seq, r.LagBytes, r.LagRecords,
			r.Records, r.Bytes, r.Waits, r.HoldsBack, r.Lost,
		})
	}
	return readers
}

func stampText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func statText(i ring.Info, records, bytes float64) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-11s"+format+"\n", append([]any{name}, args...)...)
	}
	line("ring", "%s, %s", i.Path, sizeText(uint64(i.Capacity)))
	if len(i.Writers) == 0 {
		line("writer", "%s", writerLine(i))
	}
	for _, w := range i.Writers {
		line("writer", "%s", sharedWriterLine(w))
	}
	line("published", "%s, up to position %d", plural(i.Stats.Records, "record"), i.Published)
	if i.FirstSeq > 0 && i.FirstSeq < i.NextSeq {
		line("oldest", "record %s, at position %d", countText(i.FirstSeq), i.Oldest)
	}
	line("rate", "%srecords/s, %sB/s", rateText(records), rateText(bytes))
	if h := i.HeldBack; h != nil {
		line("blocked", "for %s: %s is %s behind", ageText(h.Since), readerText(ring.ReaderInfo{Slot: h.Slot, Name: h.Name, PID: h.PID, Alive: h.Alive}), sizeText(h.Bytes))
	}
	if s := i.Stats; s.Blocked > 0 || s.Full > 0 {
		line("back", "the writer waited %s, %s together, and was refused %s",
			plural(s.Blocked, "time"), nanosText(float64(s.BlockedNS)), plural(s.Full, "time"))
	}
	if s := i.Stats; s.Recoveries > 0 || s.Reaped > 0 || s.Corrupt > 0 {
		line("deaths", "%s, %s in the way, %s dropped", plural(s.Recoveries, "writer"), plural(s.Reaped, "reader"), plural(s.Corrupt, "bad cursor"))
	}
	if s := i.Stats; s.Evictions > 0 {
		line("evicted", "%s", plural(s.Evictions, "reader"))
	}
	b.WriteString(picture(i))
	b.WriteString(readersText(i))
	return b.String()
}

func writerLine(i ring.Info) string {
	w := i.Writer
	switch {
	case w.Alive:
		return fmt.Sprintf("alive: process %d (%s on %s) for %s", w.PID, w.Program, w.Host, ageText(w.Since))
	case i.Ended:
		return "none: the ring has ended"
	case !i.Clean:
		return fmt.Sprintf("dead: process %d (%s on %s) did not close; the next one goes on", w.PID, w.Program, w.Host)
	}
	return "none"
}

// sharedWriterLine is one of several writers.
func sharedWriterLine(w ring.WriterInfo) string {
	if !w.Alive {
		return fmt.Sprintf("dead: process %d did not close; the others go on", w.PID)
	}
	text := fmt.Sprintf("alive: process %d for %s", w.PID, ageText(w.Since))
	if w.Waited {
		text += ", publishing, and others wait for it"
	}
	return text
}

// readersText is a table of the readers and groups; without any, a line that says so.
func readersText(i ring.Info) string {
	if len(i.Readers) == 0 && len(i.Groups) == 0 {
		return "no registered readers\n"
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "READER\tKIND\tPROCESS\tNEXT\tBEHIND\tBYTES BEHIND\t")
	for _, r := range i.Readers {
		kind, process, note := "ephemeral", "none", ""
		if r.Durable {
			kind = "durable"
		}
		if r.Alive {
			process = fmt.Sprint(r.PID)
		}
		if r.State != "active" {
			kind = r.State
		}
		if r.HoldsBack {
			note = "holds the writer back"
		}
		if r.Lost > 0 {
			note = "lost " + countText(r.Lost) + " so far"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", nameOr(r.Name, r.Slot), kind, process, r.Seq, countText(r.LagRecords), sizeText(r.LagBytes), note)
	}
	groupRows(t, i)
	_ = t.Flush() // into memory
	return b.String()
}
