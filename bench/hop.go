package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/mmring/mmring/internal/view"
)

// rawHop is the limit: one word goes to the other process and back, each way in a cache line of its own. Its payload is
// that word.
type rawHop struct{}

// Where the two words lie, and how often a side that waits for one asks whether the other side still lives.
const (
	thereOffset = 0
	backOffset  = 256
	hopBytes    = 4096

	looksPerCheck = 1 << 22
)

func (rawHop) name() string                                     { return "raw hop" }
func (rawHop) takes(m measure) bool                             { return m.kind == latency }
func (rawHop) lay(dir string) (near, far []*os.File, err error) { return nothing() }

func (rawHop) join(ctx context.Context, s side) (ends, error) {
	h, err := openHop(ctx, s)
	if err != nil {
		return ends{}, err
	}
	return ends{h, h, h.close}, nil
}

// hop is one side of a raw hop. Both words are plain stores and loads: on the processors of today there is nothing to
// order, as the word itself is all there is.
type hop struct {
	ctx   context.Context
	spoil uint64
	mem   []byte
	out   []byte
	in    *atomic.Uint64
	seen  uint64
}

var errFarGone = errors.New("the other process is gone")

func openHop(ctx context.Context, s side) (*hop, error) {
	mem, err := mapShared(filepath.Join(s.dir, "hop"), hopBytes)
	if err != nil {
		return nil, err
	}
	out, in := thereOffset, backOffset
	if s.far {
		out, in = in, out
	}
	return &hop{ctx: ctx, spoil: s.spoil, mem: mem, out: mem[out : out+8], in: view.Uint64(mem, in)}, nil
}

func (h *hop) close() { unmap(h.mem) }

func (h *hop) send(first, n uint64) error {
	for i := first; i < first+n; i++ {
		v := i + 1
		if i == h.spoil {
			v = ^v
		}
		le.PutUint64(h.out, v)
	}
	return nil
}

func (h *hop) receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		v, err := h.next()
		if err != nil {
			return err
		}
		if v != i+1 {
			return wrong(i)
		}
	}
	return nil
}

// next waits for the word to change.
func (h *hop) next() (uint64, error) {
	for {
		for range looksPerCheck {
			if v := h.in.Load(); v != h.seen {
				h.seen = v
				return v, nil
			}
		}
		if h.ctx.Err() != nil {
			return 0, errFarGone
		}
	}
}
