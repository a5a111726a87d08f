// Package ringpair is the contender mmring: a ring in each direction between two processes. It stands above package ring,
// for the programs that measure it.
package ringpair

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/internal/measure"
	"github.com/mmring/mmring/ring"
)

// Contender is a ring of the default size in each direction, a registered reader, nothing tuned, and of the library only
// what its users have.
type Contender struct{}

// Name is "mmring".
func (Contender) Name() string { return "mmring" }

// Lay makes both rings.
func (Contender) Lay(dir string) (near, far []*os.File, err error) {
	for _, name := range [...]string{"there", "back"} {
		if err := ring.Create(filepath.Join(dir, name), ring.Config{}); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, nil
}

// Join opens the writer of one ring and a reader of the other.
func (Contender) Join(ctx context.Context, s measure.Side) (measure.Ends, error) {
	out, in := filepath.Join(s.Dir, "there"), filepath.Join(s.Dir, "back")
	if s.Far {
		out, in = in, out
	}
	w, err := ring.OpenWriter(ctx, out, ring.WriterOptions{})
	if err != nil {
		return measure.Ends{}, err
	}
	r, err := ring.OpenReader(ctx, in, ring.ReaderOptions{})
	if err != nil {
		return measure.Ends{}, errors.Join(err, w.Close())
	}
	release := func() {
		_ = w.Close() // what was to be measured has been; the directory is removed next
		_ = r.Close()
	}
	return measure.Ends{Sender: newPublisher(ctx, s, w), Receiver: &consumer{ctx, s.Payload, s.Batch, r}, Close: release}, nil
}

// publisher sends by Publish, or by PublishBatch where records come in batches.
type publisher struct {
	ctx context.Context
	measure.Payload
	w        *ring.Writer
	payloads [][]byte
}

func newPublisher(ctx context.Context, s measure.Side, w *ring.Writer) *publisher {
	p := &publisher{ctx, s.Payload, w, make([][]byte, s.Batch)}
	for i := range p.payloads {
		p.payloads[i] = make([]byte, s.Size)
	}
	return p
}

func (p *publisher) Send(first, n uint64) error {
	if len(p.payloads) > 1 {
		return p.sendBatches(first, n)
	}
	b := p.payloads[0]
	for i := first; i < first+n; i++ {
		p.Fill(b, i)
		if _, err := p.w.Publish(p.ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) sendBatches(first, n uint64) error {
	for i := first; i < first+n; i += uint64(len(p.payloads)) {
		for k, b := range p.payloads {
			p.Fill(b, i+uint64(k))
		}
		if _, err := p.w.PublishBatch(p.ctx, p.payloads); err != nil {
			return err
		}
	}
	return nil
}

// consumer receives one record by Next, more by Records, and batches by Batches.
type consumer struct {
	ctx context.Context
	measure.Payload
	batch int
	r     *ring.Reader
}

func (c *consumer) Receive(first, n uint64) error {
	switch {
	case n == 1:
		rec, err := c.r.Next(c.ctx)
		if err != nil {
			return err
		}
		return c.Check(rec.Payload, first)
	case c.batch > 1:
		return c.receiveBatches(first, n)
	}
	i := first
	for rec := range c.r.Records(c.ctx) {
		if err := c.Check(rec.Payload, i); err != nil {
			return err
		}
		if i++; i == first+n {
			return c.r.Ack() // a record that the loop is left with would come again
		}
	}
	return c.early(i-first, n)
}

func (c *consumer) receiveBatches(first, n uint64) error {
	i := first
	for batch := range c.r.Batches(c.ctx, c.batch) {
		for _, rec := range batch {
			if err := c.Check(rec.Payload, i); err != nil {
				return err
			}
			if i++; i == first+n {
				return c.r.AckTo(rec.Seq) // and the rest of the batch comes again
			}
		}
	}
	return c.early(i-first, n)
}

// early says why a loop has ended after so many of n records.
func (c *consumer) early(got, n uint64) error {
	if err := c.r.Err(); err != nil {
		return err
	}
	return fmt.Errorf("%w after %d of %d records", io.ErrUnexpectedEOF, got, n)
}
