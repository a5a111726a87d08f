package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo [FILE|DIR]",
		Short: "a real tree through one ring, with two kills in the middle",
		Long: `demo publishes every line of a file, or of all files of a directory (default: the Go
source tree), into a ring. A writer, a standby writer, two registered readers, one of
them durable, an observer and a shell pipeline are processes of their own. In the
middle the durable reader and then the writer are killed with SIGKILL; the reader is
started again, and the standby goes on with the very next line. At the end count and
SHA-256 of every reader are compared with those of the input. Exit code 0: all agree.`,
		Example: `  mmring demo
  seq 200000 > numbers.txt && mmring demo numbers.txt`,
		Args: takes(0, 1, "[FILE|DIR]"),
		RunE: func(c *cobra.Command, args []string) error {
			input, err := a.demoSource(args)
			if err != nil {
				return err
			}
			return a.demo(c.Context(), input)
		},
	}
}

// demoSource is the file or directory that args names, or the default.
func (a *app) demoSource(args []string) (string, error) {
	if len(args) > 0 {
		return filepath.Abs(args[0])
	}
	input, note, err := defaultInput()
	if note != "" {
		a.say("%s", note)
	}
	return input, err
}

// demoCapacity is the size of the demo's ring: it fits the /dev/shm of a container.
const demoCapacity = 16 << 20

// mostPaced is how many of the first lines are published slowly, so that there is a delay to be seen besides that of a
// full ring.
const mostPaced = 20000

// demo is one run: who takes part, what is known of the input, and what came of it.
type demo struct {
	a        *app
	screen   *screen
	job      demoJob
	input    *demoInput
	lines    uint64
	bytes    uint64
	sha256   string
	events   chan heard
	children map[string]*child
	results  map[string]demoEvent
	plot     demoPlot
	begin    time.Time // of the publication
	last     look      // at the ring
	shown    look      // the one drawn last
	moved    time.Time // when something happened last
}

func (a *app) demo(ctx context.Context, input string) (err error) {
	d := &demo{
		a: a, screen: a.screen(), events: make(chan heard, 16), children: map[string]*child{}, results: map[string]demoEvent{},
	}
	if err := d.measureInput(ctx, input); err != nil {
		return err
	}
	if d.job, err = d.newJob(input); err != nil {
		return err
	}
	defer func() {
		d.screen.clear()
		d.endChildren()
		if e := d.job.remove(); err == nil {
			err = e
		}
	}()
	if err := d.start(ctx); err != nil {
		return err
	}
	if err := d.watch(ctx); err != nil {
		return err
	}
	d.screen.clear()
	return d.report()
}

// measureInput counts and hashes what is to be published.
func (d *demo) measureInput(ctx context.Context, input string) (err error) {
	d.job.input = input
	if d.input, err = openDemoInput(input); err != nil {
		return hinted{err, "name a file or a directory that is there: mmring demo DIR"}
	}
	d.screen.say("reading %s of %s", plural(uint64(len(d.input.files)), "file"), input)
	t := newTally()
	err = d.input.each(ctx, func(lines [][]byte) error {
		for _, line := range lines {
			t.add(line)
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.lines, d.bytes, d.sha256 = t.count, t.bytes, t.sum()
	if d.lines == 0 {
		return hinted{fmt.Errorf("%s: no line to publish", input), "name a file or a directory with some text: mmring demo DIR"}
	}
	if n := d.input.refused; n > 0 {
		d.screen.say("without %s that may not be read", plural(n, "file"))
	}
	if n := d.input.long; n > 0 {
		d.screen.say("without %s of more than %s", plural(n, "line"), sizeText(longestLine))
	}
	d.screen.say("%s; %d processors", d.inputText(), runtime.NumCPU())
	return nil
}

// gate is how many lines the first writer publishes at most.
func (d *demo) gate() uint64 { return max(1, d.lines*2/3) }

// newJob makes the ring: in memory if it can be, else where temporary files go.
func (d *demo) newJob(input string) (demoJob, error) {
	var first error
	for _, parent := range []string{sharedMemory, os.TempDir()} {
		dir, err := os.MkdirTemp(parent, "mmring-demo-")
		if err == nil {
			job := demoJob{dir: dir, input: input, paced: min(mostPaced, d.lines/20), gate: d.gate()}
			err = ring.Create(job.ring(), ring.Config{Capacity: demoCapacity, Timestamps: true, Description: "mmring demo"})
			if err == nil {
				return job, nil
			}
			_ = job.remove() // the first error says more
		}
		if first == nil {
			first = err
		}
	}
	return demoJob{}, hinted{first, "the demo needs 17MiB in /dev/shm or in $TMPDIR"}
}

func (d *demo) inputText() string {
	return fmt.Sprintf("%s, %s, from %s of %s", plural(d.lines, "line"), sizeText(d.bytes), plural(uint64(len(d.input.files)), "file"), d.job.input)
}

// The processes of a demo by name; the writers have the same role.
const (
	steadyName   = "steady"
	keeperName   = "keeper"
	observerName = "observer"
	pipelineName = "pipeline"
	writerName   = "writer"
	standbyName  = "standby"
)

// start starts all but the standby, readers first.
func (d *demo) start(ctx context.Context) error {
	for _, name := range []string{steadyName, keeperName, observerName} {
		if err := d.spawn(ctx, name, name); err != nil {
			return err
		}
	}
	if err := d.spawnPipeline(ctx); err != nil {
		return err
	}
	for ready := 0; ready < 3; {
		h, err := d.hear(ctx)
		if err != nil {
			return err
		}
		if h.event.Event == "ready" {
			ready++
		}
	}
	if err := d.a.awaitReaders(ctx, d.job.ring(), 3); err != nil {
		return err
	}
	if err := d.spawn(ctx, writerName, writerName); err != nil {
		return err
	}
	if _, err := d.hear(ctx); err != nil {
		return err
	}
	d.begin, d.moved = time.Now(), time.Now()
	d.job.gate = 0 // the standby goes to the end
	return d.spawn(ctx, standbyName, writerName)
}

// hear waits for the next event before the plot begins.
func (d *demo) hear(ctx context.Context) (heard, error) {
	select {
	case h := <-d.events:
		return h, h.err
	case <-ctx.Done():
		return heard{}, context.Cause(ctx)
	}
}

// Times of the watch: between two looks at the ring, and until it gives up when nothing moves.
const (
	demoLook  = 10 * time.Millisecond
	demoGrace = 30 * time.Second
)

// watch follows the ring and directs the plot until all have read everything.
func (d *demo) watch(ctx context.Context) error {
	tick := time.NewTicker(demoLook)
	defer tick.Stop()
	for len(d.results) < 5 { // three readers, the pipeline, the writer
		var err error
		select {
		case h := <-d.events:
			d.moved = time.Now()
			err = d.heard(h)
		case <-tick.C:
			err = d.look(ctx)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
	return d.look(ctx)
}

// look looks at the ring, shows how far it is, and does what the plot asks for.
func (d *demo) look(ctx context.Context) error {
	now, err := lookAt(d.job.ring())
	if err != nil {
		return err
	}
	for i := range now.Readers {
		if now.Readers[i].Name == "" {
			now.Readers[i].Name = pipelineName
		}
	}
	if now.Published != d.last.Published {
		d.moved = now.at
	}
	if now.NextSeq == 0 {
		now.NextSeq = max(d.last.NextSeq, 1) // the writer was too fast for the look
	}
	if d.screen.due() {
		records, _ := now.rates(d.shown)
		d.screen.draw(d.progress(now, records), picture(now.Info))
		d.shown = now
	}
	d.last = now
	if time.Since(d.moved) > demoGrace {
		return fmt.Errorf("nothing has moved for %s", demoGrace)
	}
	return d.act(ctx, now)
}

// progress is one line.
func (d *demo) progress(now look, rate float64) string {
	published := now.NextSeq - 1
	text := fmt.Sprintf("%3d%%  %s records, %srecords/s", 100*published/d.lines, countText(published), rateText(rate))
	if d.screen.columns > 0 {
		return text
	}
	for _, r := range now.Readers {
		text += fmt.Sprintf(", %s -%s", r.Name, sizeText(r.LagBytes))
	}
	return text
}

// absent is err, unless that says that something is not there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
