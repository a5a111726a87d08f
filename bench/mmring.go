package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/ring"
)

// mmring is this module: a ring of the default size in each direction, a registered reader, nothing tuned.
type mmring struct{}

func (mmring) name() string         { return "mmring" }
func (mmring) takes(m measure) bool { return true }

func (mmring) lay(dir string) (near, far []*os.File, err error) {
	for _, name := range [...]string{"there", "back"} {
		if err := ring.Create(filepath.Join(dir, name), ring.Config{}); err != nil {
			return nil, nil, err
		}
	}
	return nothing()
}

func (mmring) join(ctx context.Context, s side) (ends, error) {
	out, in := filepath.Join(s.dir, "there"), filepath.Join(s.dir, "back")
	if s.far {
		out, in = in, out
	}
	w, err := ring.OpenWriter(ctx, out, ring.WriterOptions{})
	if err != nil {
		return ends{}, err
	}
	r, err := ring.OpenReader(ctx, in, ring.ReaderOptions{})
	if err != nil {
		return ends{}, errors.Join(err, w.Close())
	}
	release := func() {
		_ = w.Close() // what was to be measured has been; the directory is removed next
		_ = r.Close()
	}
	return ends{newPublisher(ctx, s, w), &consumer{ctx, s.payload, r}, release}, nil
}

// publisher sends by Publish, or by PublishBatch where records come in batches.
type publisher struct {
	ctx context.Context
	payload
	w        *ring.Writer
	payloads [][]byte
}

func newPublisher(ctx context.Context, s side, w *ring.Writer) *publisher {
	p := &publisher{ctx, s.payload, w, make([][]byte, s.batch)}
	for i := range p.payloads {
		p.payloads[i] = make([]byte, s.size)
	}
	return p
}

func (p *publisher) send(first, n uint64) error {
	if len(p.payloads) > 1 {
		return p.sendBatches(first, n)
	}
	b := p.payloads[0]
	for i := first; i < first+n; i++ {
		p.fill(b, i)
		if _, err := p.w.Publish(p.ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) sendBatches(first, n uint64) error {
	for i := first; i < first+n; i += uint64(len(p.payloads)) {
		for k, b := range p.payloads {
			p.fill(b, i+uint64(k))
		}
		if _, err := p.w.PublishBatch(p.ctx, p.payloads); err != nil {
			return err
		}
	}
	return nil
}

// consumer receives one record by Next and more by Records.
type consumer struct {
	ctx context.Context
	payload
	r *ring.Reader
}

func (c *consumer) receive(first, n uint64) error {
	if n == 1 {
		rec, err := c.r.Next(c.ctx)
		if err != nil {
			return err
		}
		return c.check(rec.Payload, first)
	}
	i := first
	for rec := range c.r.Records(c.ctx) {
		if err := c.check(rec.Payload, i); err != nil {
			return err
		}
		if i++; i == first+n {
			return c.r.Ack() // a record that the loop is left with would come again
		}
	}
	if err := c.r.Err(); err != nil {
		return err
	}
	return fmt.Errorf("%w after %d of %d records", io.ErrUnexpectedEOF, i-first, n)
}
