package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
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
  mmring demo /usr/share`,
		Args: takes(0, 1, "[FILE|DIR]"),
		RunE: func(c *cobra.Command, args []string) error {
			input, note := "", ""
			var err error
			if len(args) > 0 {
				input, err = filepath.Abs(args[0])
			} else {
				input, note, err = defaultInput()
			}
			if err != nil {
				return err
			}
			if note != "" {
				a.say("%s", note)
			}
			return a.demo(c.Context(), input)
		},
	}
}

// demoCapacity is the size of the demo's ring: it fits the /dev/shm of a container.
const demoCapacity = 16 << 20

// mostPaced is how many of the first lines are published slowly, so that there is a delay to be seen besides that of a
// full ring.
const mostPaced = 20000

// demo is one run: who takes part, and how far it is.
type demo struct {
	a        *app
	job      demoJob
	begin    time.Time // of the publication
	lines    uint64
	bytes    uint64
	sha256   string
	events   chan heard
	children map[string]*child
	results  map[string]demoEvent
	step     demoStep
	last     look // at the ring
	drawn    time.Time
	moved    time.Time // when something happened last
	dead     time.Time // when the writer was killed
	out      string    // what is said at the end, collected on the way
}

// demoStep is how far the plot is.
type demoStep int

const (
	stepPublishing   demoStep = iota // all is well
	stepKeeperDead                   // the durable reader was killed; its cursor holds the writer back
	stepKeeperBack                   // it was started again
	stepWriterDead                   // the writer was killed
	stepStandbyTaken                 // the standby goes on
)

func (a *app) demo(ctx context.Context, input string) (err error) {
	d := &demo{a: a, events: make(chan heard, 16), children: map[string]*child{}, results: map[string]demoEvent{}}
	if d.job, err = newDemoJob(input); err != nil {
		return err
	}
	defer func() {
		d.endChildren()
		if e := d.job.remove(); err == nil {
			err = e
		}
	}()
	if err := d.measureInput(ctx); err != nil {
		return err
	}
	if err := d.start(ctx); err != nil {
		return err
	}
	if err := d.watch(ctx); err != nil {
		return err
	}
	return d.report()
}

// newDemoJob makes the ring: in memory if it can be, else where temporary files go.
func newDemoJob(input string) (demoJob, error) {
	var first error
	for _, parent := range []string{sharedMemory, os.TempDir()} {
		dir, err := os.MkdirTemp(parent, "mmring-demo-")
		if err == nil {
			job := demoJob{dir: dir, input: input}
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

// measureInput counts and hashes what is to be published.
func (d *demo) measureInput(ctx context.Context) error {
	info, err := ring.Inspect(d.job.ring())
	if err != nil {
		return err
	}
	in, err := openDemoInput(d.job.input, info.MaxPayload)
	if err != nil {
		return err
	}
	d.a.say("reading %s files below %s", countText(uint64(len(in.files))), d.job.input)
	t := newTally()
	err = in.each(ctx, func(lines [][]byte) error {
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
		return fmt.Errorf("%s: no line to publish", d.job.input)
	}
	d.job.paced = min(mostPaced, d.lines/20)
	d.job.gate = max(1, d.lines*2/3)
	d.note("%s lines, %s, of %s files below %s, on %d processors", countText(d.lines), sizeText(d.bytes), countText(uint64(len(in.files))),
		d.job.input, runtime.NumCPU())
	return nil
}

// note says something now and keeps it for the report.
func (d *demo) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.out += text + "\n"
	d.a.say("%s", text)
}

// The processes of a demo by name; the writers have the same role.
const (
	steadyName   = "steady"
	observerName = "observer"
	pipelineName = "pipeline"
	writerName   = "writer"
	standbyName  = "standby"
)

// start starts all but the standby, readers first.
func (d *demo) start(ctx context.Context) error {
	d.moved = time.Now()
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
	d.begin = time.Now()
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

// Times of the watch: between two looks at the ring, between two lines of progress, and until it gives up when nothing
// moves.
const (
	demoLook  = 10 * time.Millisecond
	demoDraw  = 500 * time.Millisecond
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
			err = d.heard(ctx, h)
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

// heard takes an event.
func (d *demo) heard(ctx context.Context, h heard) error {
	if h.err != nil {
		return h.err
	}
	e := h.event
	switch {
	case e.Event == "done":
		d.results[h.name] = e
	case e.Event == "ready" && h.name == keeperName:
		d.note("the durable reader is back: its checkpoint ends at record %s", countText(e.Seq-1))
		d.step = stepKeeperBack
	case e.Event == "writing" && h.name == standbyName:
		d.note("the standby goes on with record %s = line %s, %s after the kill", countText(e.Seq), countText(e.Seq),
			nanosText(float64(time.Since(d.dead))))
		d.step = stepStandbyTaken
	}
	return nil
}

// look looks at the ring, shows the progress, and does what the plot asks for.
func (d *demo) look(ctx context.Context) error {
	now, err := lookAt(d.job.ring())
	if err != nil {
		return err
	}
	if now.Published != d.last.Published {
		d.moved = now.at
	}
	if now.NextSeq == 0 {
		now.NextSeq = d.last.NextSeq // the writer was too fast for the look
	}
	if time.Since(d.drawn) > demoDraw {
		records, _ := now.rates(d.last)
		d.a.say("%3d%%  %s records, %srecords/s%s", 100*(max(now.NextSeq, 1)-1)/d.lines, countText(max(now.NextSeq, 1)-1), rateText(records), behind(now.Info))
		d.drawn = now.at
	}
	d.last = now
	if time.Since(d.moved) > demoGrace {
		return fmt.Errorf("nothing has moved for %s:\n%s", demoGrace, statText(now.Info, 0, 0))
	}
	return d.plot(ctx, now)
}

// behind names the readers and how far each is behind.
func behind(i ring.Info) (text string) {
	for _, r := range i.Readers {
		name := r.Name
		if name == "" {
			name = pipelineName
		}
		text += fmt.Sprintf(", %s -%s", name, sizeText(r.LagBytes))
	}
	return text
}

// plot kills and restarts.
func (d *demo) plot(ctx context.Context, now look) error {
	published := max(now.NextSeq, 1) - 1
	atGate := published >= max(1, d.lines*2/3)
	switch {
	case d.step == stepPublishing && published >= d.lines/3:
		if err := d.kill(keeperName); err != nil {
			return err
		}
		d.note("SIGKILL for the durable reader at record %s", countText(published))
		d.step = stepKeeperDead
	case d.step == stepKeeperDead && d.children[keeperName] == nil && (atGate || heldBack(now.Info)):
		d.note("its cursor holds the writer back:\n%s", picture(now.Info))
		return d.spawn(ctx, keeperName, keeperName)
	case d.step == stepKeeperBack && (published >= d.lines/2 || atGate):
		d.dead = time.Now()
		if err := d.kill(writerName); err != nil {
			return err
		}
		d.note("SIGKILL for the writer at record %s", countText(published))
		d.step = stepWriterDead
	}
	return nil
}

// heldBack reports whether the writer waits for the durable reader.
func heldBack(i ring.Info) bool {
	for _, r := range i.Readers {
		if r.Name == keeperName && r.HoldsBack {
			return true
		}
	}
	return false
}

// hashCommand is how the pipeline makes a SHA-256.
func hashCommand() (string, error) {
	for _, command := range []string{"sha256sum", "shasum -a 256"} {
		program, _, _ := strings.Cut(command, " ")
		if _, err := exec.LookPath(program); err == nil {
			return command, nil
		}
	}
	return "", hinted{errors.New("neither sha256sum nor shasum is there for the pipeline"), "install coreutils"}
}
