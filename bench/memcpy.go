package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/internal/measure"
)

// memcpy is the limit of large records: one process fills a payload and copies it into 16 MiB of shared memory, round and
// round, and nobody reads along. All of the memory is checked once, at the end of a run, within the measured time (less
// than a hundredth of it).
type memcpy struct{}

const memcpyBytes = 16 << 20

func (memcpy) Name() string                                 { return "memcpy" }
func (memcpy) Lay(string) (near, far []*os.File, err error) { return nil, nil, nil }

func (memcpy) Join(_ context.Context, s measure.Side) (measure.Ends, error) {
	if s.Far {
		return measure.Ends{Sender: farIdle{}, Close: func() {}}, nil
	}
	mem, err := measure.MapShared(filepath.Join(s.Dir, "memory"), memcpyBytes)
	if err != nil {
		return measure.Ends{}, err
	}
	return measure.Ends{Receiver: &copier{s.Payload, mem, make([]byte, s.Size)}, Close: func() { measure.Unmap(mem) }}, nil
}

// farIdle is the other side, which has nothing to do.
type farIdle struct{}

func (farIdle) Send(first, n uint64) error { return nil }

// copier does all the work where others only receive.
type copier struct {
	measure.Payload
	mem, buf []byte
}

func (c *copier) at(i uint64) []byte {
	off := int(i % uint64(len(c.mem)/c.Size) * uint64(c.Size))
	return c.mem[off : off+c.Size]
}

func (c *copier) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		c.Fill(c.buf, i)
		copy(c.at(i), c.buf)
	}
	for i := first + n - min(n, uint64(len(c.mem)/c.Size)); i < first+n; i++ {
		if err := c.Check(c.at(i), i); err != nil {
			return err
		}
	}
	return nil
}
