package main

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/mmring/mmring/internal/measure"
	"github.com/mmring/mmring/internal/release"
	"github.com/mmring/mmring/internal/view"
)

// bareRing is what is left of a ring when all is left out that is not needed to carry records of one size as long as
// nothing happens: no header is checked, nobody sleeps or dies, no fault is caught. Its reader looks again at once whenever
// it has read everything, which is the best it can do for latency and takes the cache line away from a writer in full flow.
type bareRing struct{}

// A direction is a file: published, the cursor, the data.
const (
	bareCursor   = 256
	bareData     = 4096
	bareCapacity = 16 << 20
	bareHead     = 16 // size and number

	looksPerCheck = 1 << 22
)

func (bareRing) Name() string { return "bare ring" }

func (bareRing) Lay(string) (near, far []*os.File, err error) { return nil, nil, nil }

func (bareRing) Join(ctx context.Context, s measure.Side) (measure.Ends, error) {
	out, in := "there", "back"
	if s.Far {
		out, in = in, out
	}
	w, err := openBare(ctx, s, out)
	if err != nil {
		return measure.Ends{}, err
	}
	r, err := openBare(ctx, s, in)
	if err != nil {
		measure.Unmap(w.mem)
		return measure.Ends{}, err
	}
	release := func() {
		measure.Unmap(w.mem)
		measure.Unmap(r.mem)
	}
	return measure.Ends{Sender: &bareWriter{bareSide: w, lim: bareCapacity}, Receiver: &bareReader{bareSide: r}, Close: release}, nil
}

// bareSide is one process's view of one direction.
type bareSide struct {
	ctx context.Context
	measure.Payload
	batch     uint64
	mem, data []byte
	published *atomic.Uint64
	cursor    *atomic.Uint64
	whole     uint64 // bytes of a record
	pos       uint64
}

func openBare(ctx context.Context, s measure.Side, name string) (bareSide, error) {
	mem, err := measure.MapShared(filepath.Join(s.Dir, name), bareData+bareCapacity)
	if err != nil {
		return bareSide{}, err
	}
	return bareSide{
		ctx: ctx, Payload: s.Payload, batch: uint64(s.Batch), mem: mem, data: mem[bareData:], whole: uint64(bareHead + s.Size),
		published: view.Uint64(mem, 0), cursor: view.Uint64(mem, bareCursor),
	}, nil
}

// at returns the bytes of the record at pos, which both sides move to the start of the data where it does not fit.
func (b *bareSide) at() []byte {
	off := b.pos % bareCapacity
	if off+b.whole > bareCapacity {
		b.pos += bareCapacity - off
		off = 0
	}
	return b.data[off : off+b.whole]
}

type bareWriter struct {
	bareSide
	lim uint64 // up to here the reader has read
}

func (w *bareWriter) Send(first, n uint64) error {
	for i := first; i < first+n; i += w.batch {
		for k := i; k < i+w.batch; k++ {
			if err := w.write(k); err != nil {
				return err
			}
		}
		release.Store(w.published, w.pos)
	}
	return nil
}

func (w *bareWriter) write(i uint64) error {
	for looks := 0; w.pos+2*w.whole > w.lim; looks++ {
		w.lim = w.cursor.Load() + bareCapacity
		if looks == looksPerCheck {
			if looks = 0; w.ctx.Err() != nil {
				return measure.ErrGone
			}
		}
	}
	rec := w.at()
	le.PutUint64(rec[0:8], w.whole)
	le.PutUint64(rec[8:16], i)
	w.Fill(rec[bareHead:], i)
	w.pos += w.whole
	return nil
}

type bareReader struct {
	bareSide
	pub, stored uint64
}

func (r *bareReader) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		if r.pos == r.pub {
			if err := r.wait(); err != nil {
				return err
			}
		}
		rec := r.at()
		if err := r.Check(rec[bareHead:], i); err != nil {
			return err
		}
		r.pos += r.whole
		if r.pos-r.stored > bareCapacity/64 {
			r.store()
		}
	}
	return nil
}

func (r *bareReader) store() {
	release.Store(r.cursor, r.pos)
	r.stored = r.pos
}

func (r *bareReader) wait() error {
	r.store()
	for looks := 0; ; looks++ {
		if r.pub = r.published.Load(); r.pub != r.pos {
			return nil
		}
		if looks == looksPerCheck {
			if looks = 0; r.ctx.Err() != nil {
				return measure.ErrGone
			}
		}
	}
}
