package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/ring"
)

// publisher collects records and publishes them, in batches where nothing speaks against it.
type publisher struct {
	w     *ring.Writer
	flags *pubFlags
	disk  syncer
	start time.Time
	batch [][]byte
	first time.Time // when the first record was published, for --rate
	full  *notice   // there is no space
	early *notice   // the next record is not due

	records atomic.Uint64 // published
	bytes   atomic.Uint64
}

func (a *app) publisher(w *ring.Writer, flags *pubFlags) *publisher {
	p := &publisher{w: w, flags: flags, start: time.Now(), disk: syncer{w: w, flag: flags.sync}}
	p.full = a.notice(p.holder)
	p.early = a.notice(func() string { return fmt.Sprintf("the next record's time (--rate %s)", &flags.rate) })
	return p
}

// mostInBatch bounds the memory for a batch of short records.
const mostInBatch = 4096

// add takes a record, which must stay as it is until the next flush.
func (p *publisher) add(ctx context.Context, rec []byte) error {
	p.batch = append(p.batch, rec)
	if len(p.batch) >= mostInBatch {
		return p.flush(ctx)
	}
	return nil
}

// flush publishes what was added.
func (p *publisher) flush(ctx context.Context) error {
	if len(p.batch) == 0 {
		return nil
	}
	defer func() { p.batch = p.batch[:0] }()
	if p.flags.tag.n == 0 && p.flags.rate == 0 && !p.flags.noWait {
		return p.together(ctx)
	}
	for _, rec := range p.batch {
		if err := p.single(ctx, rec); err != nil {
			return err
		}
		if err := p.count(rec); err != nil {
			return err
		}
	}
	return nil
}

// together publishes the batch, or as much of it at a time as the disk allows. The time-out starts again whenever a part of
// it was published.
func (p *publisher) together(ctx context.Context) error {
	for left := p.batch; len(left) > 0; {
		n, err := p.some(ctx, left[:p.disk.most(len(left))])
		if e := p.count(left[:n]...); e != nil {
			return e
		}
		left = left[n:]
		if err != nil && !(n > 0 && errors.Is(err, errTimeout)) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// some publishes the first n of records, all unless there is an error.
func (p *publisher) some(ctx context.Context, records [][]byte) (n int, err error) {
	limit, cancel := limited(ctx, time.Duration(p.flags.timeout))
	defer cancel()
	p.full.begin()
	defer p.full.end()
	p.disk.begin()
	err = p.disk.during(limit, func(ctx context.Context) error {
		k, err := p.w.PublishBatch(ctx, records[n:])
		n += k
		return err
	})
	return n, err
}

// single publishes one record, not before its time.
func (p *publisher) single(ctx context.Context, rec []byte) error {
	if err := p.pace(ctx); err != nil {
		return err
	}
	tag := uint16(p.flags.tag.n)
	_, err := p.w.TryPublishTagged(tag, rec)
	for errors.Is(err, ring.ErrBusy) && p.flags.noWait { // another writer is publishing: the ring may have space
		p.full.begin()
		err = after(ctx, time.Millisecond)
		p.full.end()
		if err == nil {
			_, err = p.w.TryPublishTagged(tag, rec)
		}
	}
	if !errors.Is(err, ring.ErrFull) && !errors.Is(err, ring.ErrBusy) || p.flags.noWait {
		return err
	}
	limit, cancel := limited(ctx, time.Duration(p.flags.timeout))
	defer cancel()
	p.full.begin()
	defer p.full.end()
	return p.disk.during(limit, func(ctx context.Context) error {
		_, err := p.w.PublishTagged(ctx, tag, rec)
		return err
	})
}

// pace waits until the next record is due.
func (p *publisher) pace(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.flags.rate == 0 {
		return nil
	}
	if p.first.IsZero() {
		p.first = time.Now()
	}
	due := p.first.Add(time.Duration(float64(p.records.Load()) / float64(p.flags.rate) * float64(time.Second)))
	if time.Until(due) <= 0 {
		return nil
	}
	p.early.begin()
	defer p.early.end()
	return p.disk.during(ctx, func(ctx context.Context) error { return after(ctx, time.Until(due)) })
}

// count counts what was published, and waits for the disk if it is time.
func (p *publisher) count(recs ...[]byte) error {
	n := 0
	for _, r := range recs {
		n += len(r)
	}
	p.bytes.Add(uint64(n))
	p.records.Add(uint64(len(recs)))
	return p.disk.published(len(recs))
}

// holder says what a writer waits for: the slowest reader. Without one it does not wait, but copies.
func (p *publisher) holder() string {
	info, err := ring.Inspect(p.w.Path())
	if err != nil {
		return ""
	}
	for _, w := range info.Writers {
		if w.Alive && w.Waited {
			return fmt.Sprintf("writer process %d of %s, which is publishing", w.PID, p.w.Path())
		}
	}
	var slowest ring.ReaderInfo
	for _, r := range info.Readers {
		if r.LagBytes > slowest.LagBytes {
			slowest = r
		}
	}
	for _, g := range info.Groups {
		if lag := info.Published - min(needs(g), info.Published); lag > slowest.LagBytes {
			return fmt.Sprintf("space in %s: %s is %s behind", p.w.Path(), groupText(g), sizeText(lag))
		}
	}
	if slowest.LagBytes == 0 {
		return ""
	}
	return fmt.Sprintf("space in %s: %s is %s behind", p.w.Path(), readerText(slowest), sizeText(slowest.LagBytes))
}

// readerText names a reader in a sentence.
func readerText(r ring.ReaderInfo) string {
	text := "reader"
	if r.Name != "" {
		text = fmt.Sprintf("reader %q", r.Name)
	}
	if !r.Alive {
		return text + " (no process is attached)"
	}
	return fmt.Sprintf("%s (process %d)", text, r.PID)
}

// progress says every second how far p is, until the returned function is called.
func (a *app) progress(p *publisher) (stop func()) {
	tick, over, ended := time.NewTicker(time.Second), make(chan struct{}), make(chan struct{})
	tell := func() {
		d := time.Since(p.start).Seconds()
		a.say("%s, %s in %.1fs: %srecords/s, %sB/s", plural(p.records.Load(), "record"), sizeText(p.bytes.Load()), d,
			rateText(float64(p.records.Load())/d), rateText(float64(p.bytes.Load())/d))
	}
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick.C:
				tell()
			case <-over:
				tell()
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(over)
		<-ended
	}
}
