package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/cobra"

	"github.com/mmring/mmring/ring"
)

// demoEvent is what a process of the demo tells its parent, a line of JSON each.
type demoEvent struct {
	Event   string `json:"event"` // ready, writing, done
	Seq     uint64 `json:"seq,omitempty"`
	Count   uint64 `json:"count,omitempty"`
	Bytes   uint64 `json:"bytes,omitempty"`
	Lost    uint64 `json:"lost,omitempty"`
	Repeats uint64 `json:"repeats,omitempty"`
	SHA256  string `json:"sha256,omitempty"`
	Paced   delays `json:"paced"`
	Loaded  delays `json:"loaded"`
}

// delays are percentiles of the time from publication to receipt, in nanoseconds.
type delays struct {
	Samples int64 `json:"samples"`
	P50     int64 `json:"p50"`
	P99     int64 `json:"p99"`
	P999    int64 `json:"p999"`
	Max     int64 `json:"max"`
}

// demoJob is what all processes of one demo know.
type demoJob struct {
	dir   string
	input string
	paced uint64 // so many lines are published slowly
	gate  uint64 // the first writer stops here, if it was not killed before
}

func (j demoJob) ring() string       { return filepath.Join(j.dir, "demo.ring") }
func (j demoJob) checkpoint() string { return filepath.Join(j.dir, "keeper.state") }

// remove deletes what the demo made.
func (j demoJob) remove() error {
	return errors.Join(absent(os.Remove(j.ring())), absent(os.Remove(j.checkpoint())), absent(os.Remove(j.dir)))
}

func (a *app) demoProcessCommand() *cobra.Command {
	var job demoJob
	c := &cobra.Command{
		Use: "demo-process ROLE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			role, ok := map[string]func(*app, context.Context, demoJob) error{
				"writer": (*app).demoWriter, "steady": (*app).demoSteady, keeperName: (*app).demoKeeper, "observer": (*app).demoObserver,
			}[args[0]]
			if !ok {
				return usagef("no role %q", args[0])
			}
			go a.outlive(job)
			return role(a, c.Context(), job)
		},
	}
	f := c.Flags()
	f.StringVar(&job.dir, "dir", "", "")
	f.StringVar(&job.input, "input", "", "")
	f.Uint64Var(&job.paced, "paced", 0, "")
	f.Uint64Var(&job.gate, "gate", 0, "")
	return c
}

// outlive waits for the end of stdin, which comes when the parent dies, cleans up in its place and ends the process.
func (a *app) outlive(job demoJob) {
	_, _ = io.Copy(io.Discard, a.stdin)
	_ = job.remove() // nobody is left to tell
	os.Exit(exitError)
}

func (a *app) event(e demoEvent) error { return writeJSON(a.stdout, e) }

// demoWriter publishes the input's lines. Record n is line n: a writer that follows a dead one leaves out what is there.
func (a *app) demoWriter(ctx context.Context, job demoJob) error {
	w, err := ring.OpenWriter(ctx, job.ring(), ring.WriterOptions{Wait: true})
	if err != nil {
		return err
	}
	defer w.Close()
	s, err := w.Stats()
	if err != nil {
		return err
	}
	if err := a.event(demoEvent{Event: "writing", Seq: s.Records + 1}); err != nil {
		return err
	}
	in, err := openDemoInput(job.input)
	if err != nil {
		return err
	}
	p := &linePublisher{w: w, job: job, published: s.Records, start: time.Now()}
	if err := in.each(ctx, func(lines [][]byte) error { return p.publish(ctx, lines) }); err != nil {
		return err
	}
	if job.gate > 0 {
		return p.stand(ctx) // the gate is behind the last line
	}
	if err := w.End(); err != nil {
		return err
	}
	return a.event(demoEvent{Event: "done", Count: p.published})
}

// linePublisher publishes lines that are not published yet.
type linePublisher struct {
	w         *ring.Writer
	job       demoJob
	seen      uint64 // lines
	published uint64
	start     time.Time
}

// pacedEvery is the time between two paced records.
const pacedEvery = 50 * time.Microsecond

func (p *linePublisher) publish(ctx context.Context, lines [][]byte) error {
	if known := min(p.published-p.seen, uint64(len(lines))); known > 0 {
		p.seen += known
		lines = lines[known:]
	}
	for len(lines) > 0 {
		n, err := p.some(ctx, lines)
		p.seen += uint64(n)
		p.published += uint64(n)
		lines = lines[n:]
		if err != nil {
			return err
		}
	}
	return nil
}

// some publishes the first of lines, one if its time matters, or all up to the gate.
func (p *linePublisher) some(ctx context.Context, lines [][]byte) (int, error) {
	if p.published < p.job.paced {
		due := p.start.Add(time.Duration(p.published) * pacedEvery)
		if wait := time.Until(due); wait > 0 {
			if err := after(ctx, wait); err != nil {
				return 0, err
			}
		}
		return p.w.PublishBatch(ctx, lines[:1])
	}
	if p.job.gate == 0 {
		return p.w.PublishBatch(ctx, lines)
	}
	if p.published >= p.job.gate {
		return 0, p.stand(ctx)
	}
	return p.w.PublishBatch(ctx, lines[:min(uint64(len(lines)), p.job.gate-p.published)])
}

// stand waits at the gate: here the first writer is killed at the latest.
func (p *linePublisher) stand(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// witness is what the demo's readers have in common: they count, hash and time what they get.
type witness struct {
	*tally
	from    source
	paced   uint64
	next    uint64 // expected
	lost    uint64
	repeats uint64
	slow    *hdrhistogram.Histogram
	fast    *hdrhistogram.Histogram
}

func newWitness(from source, t *tally, paced uint64) *witness {
	histogram := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(time.Minute), 3) }
	return &witness{tally: t, from: from, paced: paced, next: t.count + 1, slow: histogram(), fast: histogram()}
}

// sampleMask selects the records that are timed under load: one in 64.
const sampleMask = 63

// see takes records.
func (w *witness) see(recs []ring.Record) {
	for i := range recs {
		rec := &recs[i]
		if rec.Seq < w.next {
			w.repeats++
			continue
		}
		w.lost += rec.Seq - w.next
		w.next = rec.Seq + 1
		w.add(rec.Payload)
		switch {
		case rec.Seq <= w.paced:
			_ = w.slow.RecordValue(max(1, int64(time.Since(rec.Time())))) // only a minute is too long
		case rec.Seq&sampleMask == 0:
			_ = w.fast.RecordValue(max(1, int64(time.Since(rec.Time()))))
		}
	}
}

// read takes records until the ring ends. pause is called before it waits, and often enough for a checkpoint.
func (w *witness) read(ctx context.Context, pause func() error) error {
	for {
		before := w.next + w.repeats
		err := present(w.from, func(recs []ring.Record) error {
			w.see(recs)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return pause()
		})
		if err == nil && w.next+w.repeats == before {
			var rec ring.Record
			if rec, err = w.from.Next(ctx); err == nil {
				w.see([]ring.Record{rec})
			}
		}
		if errors.Is(err, io.EOF) {
			return pause()
		}
		if err != nil {
			return err
		}
	}
}

func (w *witness) done() demoEvent {
	return demoEvent{
		Event: "done", Count: w.count, Bytes: w.bytes, Lost: w.lost, Repeats: w.repeats, SHA256: w.sum(),
		Paced: delaysOf(w.slow), Loaded: delaysOf(w.fast),
	}
}

func delaysOf(h *hdrhistogram.Histogram) delays {
	return delays{h.TotalCount(), h.ValueAtQuantile(50), h.ValueAtQuantile(99), h.ValueAtQuantile(99.9), h.Max()}
}

// demoSteady is a registered reader that nothing happens to.
func (a *app) demoSteady(ctx context.Context, job demoJob) error {
	r, err := ring.OpenReader(ctx, job.ring(), ring.ReaderOptions{Name: "steady", From: ring.Oldest})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.event(demoEvent{Event: "ready"}); err != nil {
		return err
	}
	w := newWitness(r, newTally(), job.paced)
	if err := w.read(ctx, func() error { return nil }); err != nil {
		return err
	}
	return a.event(w.done())
}

// demoKeeper is the durable reader, which is killed and started again. Its checkpoint is always at or ahead of its cursor:
// what comes again after a death has numbers that the checkpoint knows.
func (a *app) demoKeeper(ctx context.Context, job demoJob) error {
	c, t, err := openCheckpoint(job.checkpoint())
	if err != nil {
		return err
	}
	defer c.close()
	r, err := ring.OpenReader(ctx, job.ring(), ring.ReaderOptions{Name: keeperName, Durable: true, ManualAck: true})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := a.event(demoEvent{Event: "ready", Seq: t.count + 1}); err != nil {
		return err
	}
	w := newWitness(r, t, job.paced)
	saved := t.count
	err = w.read(ctx, func() error {
		if t.count == saved {
			return nil
		}
		saved = t.count
		if err := c.save(t); err != nil {
			return err
		}
		return r.Ack()
	})
	if err != nil {
		return err
	}
	return a.event(w.done())
}

// demoObserver looks on, and may lose records.
func (a *app) demoObserver(ctx context.Context, job demoJob) error {
	o, err := ring.Observe(ctx, job.ring(), ring.ObserverOptions{})
	if err != nil {
		return err
	}
	defer o.Close()
	if err := a.event(demoEvent{Event: "ready"}); err != nil {
		return err
	}
	w := newWitness(o, newTally(), job.paced)
	if err := w.read(ctx, func() error { return nil }); err != nil {
		return err
	}
	info, err := ring.Inspect(job.ring())
	if err != nil {
		return err
	}
	if info.NextSeq < w.next {
		return fmt.Errorf("%w: read up to record %d, the next one has number %d", ring.ErrCorrupt, w.next-1, info.NextSeq)
	}
	w.lost += info.NextSeq - w.next
	return a.event(w.done())
}
