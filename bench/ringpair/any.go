package ringpair

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmring/mmring/internal/measure"
	"github.com/mmring/mmring/ring"
)

// Any is a Waiter: records come through whichever of 64 rings, and one sleep waits for all of them. Back there is one ring.
type Any struct{}

const anyRings = 64

// Name says what it is.
func (Any) Name() string { return fmt.Sprintf("mmring, any of %d rings", anyRings) }

func anyPath(dir string, i int) string { return filepath.Join(dir, fmt.Sprint("there", i)) }

// Lay makes all rings, small ones.
func (Any) Lay(dir string) (near, far []*os.File, err error) {
	for i := range anyRings {
		err = errors.Join(err, ring.Create(anyPath(dir, i), ring.Config{Capacity: 64 << 10}))
	}
	return nil, nil, errors.Join(err, ring.Create(filepath.Join(dir, "back"), ring.Config{Capacity: 64 << 10}))
}

// Join opens the writers of the many rings and a reader of the one, or the reverse.
func (Any) Join(ctx context.Context, s measure.Side) (measure.Ends, error) {
	back := filepath.Join(s.Dir, "back")
	a := &anyEnds{ctx: ctx, Payload: s.Payload}
	if s.Far {
		w, err := ring.OpenWriter(ctx, back, ring.WriterOptions{})
		if err != nil {
			return measure.Ends{}, err
		}
		a.closes = append(a.closes, w.Close)
		return a.whole(measure.Ends{Sender: newPublisher(ctx, s, w), Receiver: a, Close: a.close}, a.read(s.Dir))
	}
	r, err := ring.OpenReader(ctx, back, ring.ReaderOptions{})
	if err != nil {
		return measure.Ends{}, err
	}
	a.closes = append(a.closes, r.Close)
	return a.whole(measure.Ends{Sender: a, Receiver: &consumer{ctx, s.Payload, s.Batch, r}, Close: a.close}, a.write(s.Dir, s.Size))
}

// anyEnds is one side's ends of the many rings.
type anyEnds struct {
	ctx context.Context
	measure.Payload
	writers []*ring.Writer
	readers []*ring.Reader
	waiter  *ring.Waiter
	buffer  []byte
	closes  []func() error
}

// whole is e, unless something is missing.
func (a *anyEnds) whole(e measure.Ends, err error) (measure.Ends, error) {
	if err != nil {
		a.close()
		return measure.Ends{}, err
	}
	return e, nil
}

func (a *anyEnds) write(dir string, size int) error {
	a.buffer = make([]byte, size)
	for i := range anyRings {
		w, err := ring.OpenWriter(a.ctx, anyPath(dir, i), ring.WriterOptions{})
		if err != nil {
			return err
		}
		a.writers, a.closes = append(a.writers, w), append(a.closes, w.Close)
	}
	return nil
}

func (a *anyEnds) read(dir string) error {
	var all []ring.Waitable
	for i := range anyRings {
		r, err := ring.OpenReader(a.ctx, anyPath(dir, i), ring.ReaderOptions{})
		if err != nil {
			return err
		}
		a.readers, a.closes, all = append(a.readers, r), append(a.closes, r.Close), append(all, r)
	}
	a.waiter = ring.NewWaiter(all...)
	return nil
}

func (a *anyEnds) close() {
	for _, f := range a.closes {
		_ = f() // what was to be measured has been; the directory is removed next
	}
}

// Send publishes each record into another ring than the one before; not into the next one, where the Waiter looks first.
func (a *anyEnds) Send(first, n uint64) error {
	for i := first; i < first+n; i++ {
		a.Fill(a.buffer, i)
		if _, err := a.writers[i*37%anyRings].Publish(a.ctx, a.buffer); err != nil {
			return err
		}
	}
	return nil
}

func (a *anyEnds) Receive(first, n uint64) error {
	for i := first; i < first+n; i++ {
		k, err := a.waiter.Wait(a.ctx)
		if err != nil {
			return err
		}
		rec, err := a.readers[k].Next(a.ctx)
		if err != nil {
			return err
		}
		if err := a.Check(rec.Payload, i); err != nil {
			return err
		}
	}
	return nil
}
