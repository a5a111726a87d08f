package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/mmring/mmring/bench/instructions"
	"github.com/mmring/mmring/ring"
)

// part is something that costs, measured in one process, where it shows most.
type part struct {
	name, title, unit string
	most              float64 // the goal; negative: none
	find              func(dir string) (float64, error)
}

var costs = []part{
	{"guard", "fault guard, once a call", "ns", -1, guardCost},
	{"publish", "Publish of 64 B, alone", "ns", -1, publishCost},
	{"next", "Next of 64 B, alone", "ns", -1, nextCost},
	{"records", "a turn of Records of 64 B, alone", "ns", -1, recordsCost},
	{"readers", "8 readers against 1, the writer's instructions a record", "ratio", 1.05, instructions.Readers},
	{"allocations", "Publish, TryPublish, PublishBatch, Claim; Next, Read, Records", "allocations", 0, allocations},
}

// What costs are measured over: so many calls at a time, the best of so many times.
const (
	costCalls = 100_000
	costTurns = 8
)

// guardCost is what catching faults adds to a call: the two settings of debug.SetPanicOnFault and the deferred function that
// would recover, around a call that does nothing, as every call of the library has them.
func guardCost(string) (float64, error) {
	with, without := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range costTurns {
		with, without = min(with, timed(guarded)), min(without, timed(unguarded))
	}
	return float64(with-without) / costCalls, nil
}

func timed(call func() error) time.Duration {
	begin := time.Now()
	for range costCalls {
		_ = call() // has none
	}
	return time.Since(begin)
}

//go:noinline
func unguarded() error { return nil }

//go:noinline
func guarded() (err error) {
	armed, running := debug.SetPanicOnFault(true), true
	defer func() {
		if running {
			err = caught(armed, recover())
		}
	}()
	err = unguarded()
	running = false
	debug.SetPanicOnFault(armed)
	return err
}

func caught(armed bool, r any) error {
	debug.SetPanicOnFault(armed)
	return fmt.Errorf("panic: %v", r)
}

// alone is a ring whose writer and reader are both in this process.
type alone struct {
	ctx     context.Context
	dir     string
	w       *ring.Writer
	r       *ring.Reader
	payload []byte
}

func newAlone(parent string) (a *alone, err error) {
	a = &alone{ctx: context.Background(), payload: make([]byte, 64)}
	if a.dir, err = os.MkdirTemp(parent, "mmring-bench-"); err != nil {
		return nil, err
	}
	path := filepath.Join(a.dir, "ring")
	if a.w, err = ring.OpenWriter(a.ctx, path, ring.WriterOptions{Create: &ring.Config{}}); err == nil {
		a.r, err = ring.OpenReader(a.ctx, path, ring.ReaderOptions{})
	}
	if err != nil {
		_ = a.close()
		return nil, err
	}
	return a, nil
}

func (a *alone) close() error {
	var err error
	if a.r != nil {
		err = a.r.Close()
	}
	if a.w != nil {
		err = errors.Join(err, a.w.Close())
	}
	return errors.Join(err, os.RemoveAll(a.dir))
}

func (a *alone) publish() error {
	for range costCalls {
		if _, err := a.w.Publish(a.ctx, a.payload); err != nil {
			return err
		}
	}
	return nil
}

func (a *alone) next() error {
	for range costCalls {
		if _, err := a.r.Next(a.ctx); err != nil {
			return err
		}
	}
	return nil
}

func (a *alone) records() error {
	n := 0
	for range a.r.Records(a.ctx) {
		if n++; n == costCalls {
			return a.r.Ack()
		}
	}
	return a.r.Err()
}

// perRecord fills the ring and empties it, some times, and returns the least time that one record took to write and to read.
func perRecord(dir string, read func(*alone) error) (written, taken float64, err error) {
	a, err := newAlone(dir)
	if err != nil {
		return 0, 0, err
	}
	least := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	for range costTurns {
		for i, half := range [...]func(*alone) error{(*alone).publish, read} {
			begin := time.Now()
			if err := half(a); err != nil {
				return 0, 0, errors.Join(err, a.close())
			}
			least[i] = min(least[i], time.Since(begin))
		}
	}
	return float64(least[0]) / costCalls, float64(least[1]) / costCalls, a.close()
}

func publishCost(dir string) (float64, error) {
	written, _, err := perRecord(dir, (*alone).next)
	return written, err
}

func nextCost(dir string) (float64, error) {
	_, taken, err := perRecord(dir, (*alone).next)
	return taken, err
}

func recordsCost(dir string) (float64, error) {
	_, taken, err := perRecord(dir, (*alone).records)
	return taken, err
}
