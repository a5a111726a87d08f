package main

import (
	"context"
	"os"
	"path/filepath"
)

// memcpy is the limit of large records: one process fills a payload and copies it into 16 MiB of shared memory, round and
// round, and nobody reads along. All of the memory is checked once, at the end of a run, within the measured time (less
// than a hundredth of it).
type memcpy struct{}

const memcpyBytes = 16 << 20

func (memcpy) name() string                                     { return "memcpy" }
func (memcpy) takes(m measure) bool                             { return m.kind == volume }
func (memcpy) lay(dir string) (near, far []*os.File, err error) { return nothing() }

func (memcpy) join(ctx context.Context, s side) (ends, error) {
	if s.far {
		return ends{farIdle{}, nil, func() {}}, nil
	}
	mem, err := mapShared(filepath.Join(s.dir, "memory"), memcpyBytes)
	if err != nil {
		return ends{}, err
	}
	return ends{nil, &copier{s.payload, mem, make([]byte, s.size)}, func() { unmap(mem) }}, nil
}

// farIdle is the other side, which has nothing to do.
type farIdle struct{}

func (farIdle) send(first, n uint64) error { return nil }

// copier does all the work where others only receive.
type copier struct {
	payload
	mem, buf []byte
}

func (c *copier) at(i uint64) []byte {
	off := int(i % uint64(len(c.mem)/c.size) * uint64(c.size))
	return c.mem[off : off+c.size]
}

func (c *copier) receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		c.fill(c.buf, i)
		copy(c.at(i), c.buf)
	}
	for i := first + n - min(n, uint64(len(c.mem)/c.size)); i < first+n; i++ {
		if err := c.check(c.at(i), i); err != nil {
			return err
		}
	}
	return nil
}
