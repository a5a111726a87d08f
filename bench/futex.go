package main

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/view"
)

// bareFutex is the least with which one process can sleep until another wakes it: a payload beside a word, one wake-up
// for each record, no spinning.
type bareFutex struct{}

const (
	futexLine  = 4096 // a direction: the word, and the payload 128 bytes behind it
	futexBytes = 4 * futexLine
	futexData  = 128

	// futexLimit is after how long a sleeper looks whether the other side still lives.
	futexLimit = time.Second
)

func (bareFutex) name() string { return "bare futex" }

func (bareFutex) takes(m measure) bool {
	return m.kind == latency || m.kind == wake || m == measure{idle, idleReader}
}

func (bareFutex) lay(dir string) (near, far []*os.File, err error) { return nothing() }

func (bareFutex) join(ctx context.Context, s side) (ends, error) {
	mem, err := mapShared(filepath.Join(s.dir, "futex"), futexBytes)
	if err != nil {
		return ends{}, err
	}
	there := futexBox{ctx, s.payload, view.Uint32(mem, 0), mem[futexData : futexData+s.size], 0}
	back := futexBox{ctx, s.payload, view.Uint32(mem, 2*futexLine), mem[2*futexLine+futexData:][:s.size], 0}
	out, in := &there, &back
	if s.far {
		out, in = in, out
	}
	return ends{out, in, func() { unmap(mem) }}, nil
}

// futexBox is one side's view of one direction: the word counts the records, of which one at a time is under way.
type futexBox struct {
	ctx context.Context
	payload
	word  *atomic.Uint32
	data  []byte
	count uint32
}

func (b *futexBox) send(first, n uint64) error {
	for i := first; i < first+n; i++ {
		b.fill(b.data, i)
		b.count++
		b.word.Store(b.count)
		if _, err := futex.Wake(b.word); err != nil {
			return err
		}
	}
	return nil
}

func (b *futexBox) receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		for b.word.Load() == b.count {
			if err := futex.Wait(b.word, b.count, futexLimit); err != nil && err != futex.ErrTimeout {
				return err
			}
			if b.ctx.Err() != nil {
				return errFarGone
			}
		}
		b.count++
		if err := b.check(b.data, i); err != nil {
			return err
		}
	}
	return nil
}
