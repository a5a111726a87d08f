package measure

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/view"
)

// BareFutex is the least with which one process can sleep until another wakes it: a payload beside a word, one wake-up
// for each record, no spinning.
type BareFutex struct{}

const (
	futexLine  = 8192 // a direction: the word, and the payload 128 bytes behind it
	futexData  = 128
	futexBytes = 2 * futexLine

	// futexLimit is after how long a sleeper looks whether the other side still lives.
	futexLimit = time.Second
)

// Name is "bare futex".
func (BareFutex) Name() string { return "bare futex" }

// Lay has nothing to prepare.
func (BareFutex) Lay(string) (near, far []*os.File, err error) { return nil, nil, nil }

// Join maps words and payloads.
func (BareFutex) Join(ctx context.Context, s Side) (Ends, error) {
	mem, err := MapShared(filepath.Join(s.Dir, "futex"), futexBytes)
	if err != nil {
		return Ends{}, err
	}
	there, back := newFutexBox(ctx, s, mem[:futexLine]), newFutexBox(ctx, s, mem[futexLine:])
	out, in := there, back
	if s.Far {
		out, in = in, out
	}
	return Ends{out, in, func() { Unmap(mem) }}, nil
}

// futexBox is one side's view of one direction: the word counts the records, of which one at a time is under way.
type futexBox struct {
	ctx context.Context
	Payload
	word  *atomic.Uint32
	data  []byte
	count uint32
}

func newFutexBox(ctx context.Context, s Side, mem []byte) *futexBox {
	return &futexBox{ctx, s.Payload, view.Uint32(mem, 0), mem[futexData : futexData+s.Size], 0}
}

func (b *futexBox) Send(first, n uint64) error {
	for i := first; i < first+n; i++ {
		b.Fill(b.data, i)
		b.count++
		b.word.Store(b.count)
		if _, err := futex.Wake(b.word); err != nil {
			return err
		}
	}
	return nil
}

func (b *futexBox) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		for b.word.Load() == b.count {
			if err := futex.Wait(b.word, b.count, futexLimit); err != nil && err != futex.ErrTimeout {
				return err
			}
			if b.ctx.Err() != nil {
				return ErrGone
			}
		}
		b.count++
		if err := b.Check(b.data, i); err != nil {
			return err
		}
	}
	return nil
}
