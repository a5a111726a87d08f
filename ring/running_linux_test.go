package ring_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// TestCloseEndsACallThatRuns: readers and writer are closed from another goroutine while they run as fast as they can.
func TestCloseEndsACallThatRuns(t *testing.T) {
	path := newRing(t, ring.Config{})
	for range 100 {
		w := openWriter(t, path)
		r := openReader(t, path, ring.ReaderOptions{})
		v := observe(t, path, ring.ObserverOptions{})
		answers := make(chan error)
		running := make(chan struct{}, 3)
		run := func(call func() error) {
			var err error
			for n := 0; err == nil; n++ {
				if err = call(); n == 100 {
					running <- struct{}{}
				}
			}
			answers <- err
		}
		go run(func() error { _, err := w.Publish(background, make([]byte, 100)); return err })
		go run(func() error { _, err := r.Next(background); return err })
		go run(func() error { _, err := v.Next(background); return err })
		for range 3 {
			<-running
		}
		for _, h := range []io.Closer{v, r, w} {
			require.NoError(t, h.Close())
			require.ErrorIs(t, <-answers, os.ErrClosed)
		}
		maps, descriptors := mappings(t, path)
		require.Zero(t, maps+descriptors)
	}
	sound(t, path)
	require.Zero(t, inspect(t, path).Stats.Recoveries)
}

func TestAContextIsSeenInALoopThatNeverWaits(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 1000)
	ctx, cause := ended()
	count := func(call func(context.Context) error) (n int) {
		err := call(ctx)
		for ; err == nil; n++ {
			err = call(ctx)
		}
		require.ErrorIs(t, err, cause)
		require.NoError(t, call(background))
		return n
	}
	for name, open := range bothKinds {
		s, turns := open(t, path), 0
		require.LessOrEqual(t, count(func(ctx context.Context) error { _, err := s.Next(ctx); return err }), 256, name)
		for range s.Records(ctx) {
			turns++
		}
		require.ErrorIs(t, s.Err(), cause)
		require.LessOrEqual(t, turns, 256, name)
	}
	w = openWriter(t, newRing(t, ring.Config{})) // where nobody holds it back
	for how, call := range writingCalls {
		require.LessOrEqual(t, count(func(ctx context.Context) error { return call(ctx, w) }), 256, how)
	}
}

func TestAPanicInsideOfALoopLeavesTheHandleUsable(t *testing.T) {
	for name, open := range bothKinds {
		path := newRing(t, ring.Config{})
		publish(t, openWriter(t, path), 3)
		s := open(t, path)
		for seq := range uint64(3) {
			func() {
				defer func() { require.Equal(t, errors.ErrUnsupported, recover(), name) }()
				for rec := range s.Records(background) {
					if rec.Seq == seq+1 {
						panic(errors.ErrUnsupported)
					}
				}
			}()
			next(t, s, seq+1)
		}
	}
}
