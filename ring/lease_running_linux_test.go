package ring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// Workers release in any order, while their reader waits for the next record and the writer, often, for space: also for
// records of half the capacity, before which padding of nearly as much may have to go.
func TestWorkersReleaseWhileTheirReaderWaits(t *testing.T) {
	for _, start := range []uint64{0, 1<<32 - small, 1<<63 - 1<<26} {
		path := newRing(t, ring.Config{})
		startAt(t, path, start, 1)
		w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Leases: 7})
		const records = 3000
		random := rand.New(rand.NewPCG(start, 1))
		wrote := make(chan error, 1)
		go func() {
			for seq := uint64(1); seq <= records; seq++ {
				n := random.IntN(300)
				if random.IntN(20) == 0 {
					n = w.MaxPayload() - random.IntN(40)
				}
				if _, err := w.Publish(background, pattern(seq, n)); err != nil {
					wrote <- err
					return
				}
			}
			wrote <- w.End()
		}()
		leases := make(chan ring.Lease, 7)
		results := make(chan error, 2)
		for range 2 {
			go func() {
				var err error
				for l := range leases {
					both := []ring.Lease{l}
					select {
					case l, more := <-leases:
						if more {
							both = []ring.Lease{l, both[0]}
						}
					default:
					}
					for _, l := range both {
						if !bytes.Equal(pattern(l.Seq, len(l.Payload)), l.Payload) {
							err = fmt.Errorf("record %d is not what was published", l.Seq)
						}
						err = errors.Join(err, l.Release())
					}
				}
				results <- err
			}()
		}
		seq := uint64(0)
		var err error
		for err == nil {
			var l ring.Lease
			if start != 0 { // it waits in another way
				if _, err = ring.WaitAny(background, r); err != nil {
					break
				}
			}
			if l, err = r.Lease(background); err == nil {
				seq++
				require.Equal(t, seq, l.Seq)
				leases <- l // not more than may be out
			} else if errors.Is(err, ring.ErrWindow) {
				runtime.Gosched()
				err = nil
			}
		}
		close(leases)
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, errors.Join(<-results, <-results, <-wrote))
		require.EqualValues(t, records, seq)
		require.NoError(t, r.Close())
		sound(t, path)
	}
}

// Close comes from another goroutine while one leases and others release: everything is given back, whoever comes last.
func TestCloseWhileLeasesComeAndGo(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	maps, descriptors := mappings(t, path)
	for range 50 {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Leases: 8})
		require.NoError(t, err)
		leases, running := make(chan ring.Lease, 4), make(chan struct{})
		var all sync.WaitGroup
		for range 2 {
			all.Add(1)
			go func() {
				defer all.Done()
				for l := range leases {
					if err := l.Release(); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		all.Add(1)
		go func() {
			defer all.Done()
			defer close(leases)
			for n := 0; ; {
				_, _ = w.TryPublish(make([]byte, 100))
				l, err := r.Lease(background)
				if errors.Is(err, ring.ErrWindow) {
					runtime.Gosched()
					continue
				}
				if err != nil {
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
					return
				}
				leases <- l
				if n++; n == 20 {
					close(running)
				}
			}
		}()
		<-running
		if err := r.Close(); err != nil {
			require.ErrorIs(t, err, ring.ErrLeased)
		}
		all.Wait()
		m, d := mappings(t, path)
		require.Equal(t, [2]int{maps, descriptors}, [2]int{m, d})
		require.Empty(t, inspect(t, path).Readers)
	}
}

func TestALeaseThatIsUsedOnATruncatedFileIsAnErrorInUse(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	publish(t, w, 3)
	l := lease(t, r, 1)
	require.ErrorIs(t, l.Use(func([]byte) error { return l.Release() }), ring.ErrMisuse, "it was released in there")
	l = lease(t, r, 2)
	require.ErrorIs(t, l.Use(func([]byte) error { return errEnough }), errEnough)
	require.PanicsWithValue(t, "of the caller", func() { _ = l.Use(func([]byte) error { panic("of the caller") }) })
	_, err := w.Publish(background, make([]byte, small/4))
	require.NoError(t, err)
	require.NoError(t, lease(t, r, 3).Release())
	large := lease(t, r, 4)
	require.NoError(t, os.Truncate(path, 0))
	err = l.Use(func(b []byte) error { return fmt.Errorf("read %q", b[0]) })
	require.ErrorIs(t, err, ring.ErrLost)
	named(t, err, "use", path)
	require.ErrorIs(t, l.Release(), ring.ErrLost)
	err = large.Release()
	require.ErrorIs(t, err, ring.ErrLost)
	named(t, err, "release", path)
	require.ErrorIs(t, l.Release(), ring.ErrMisuse)
	_, err = r.Lease(background)
	require.ErrorIs(t, err, ring.ErrLost)
	require.NoError(t, r.Close())
	maps, descriptors := mappings(t, path)
	require.NoError(t, w.Close())
	m, d := mappings(t, path)
	require.Greater(t, maps, m)
	require.Greater(t, descriptors, d)
}

// leasing are the calls of a reader that lends what it reads and takes it back.
func leasing(r *ring.Reader) func(context.Context) error {
	return func(ctx context.Context) error {
		l, err := r.Lease(ctx)
		if err == nil {
			err = l.Release()
		}
		return err
	}
}

// leasingByLoop is leasing by a turn of a loop.
func leasingByLoop(r *ring.Reader) func(context.Context) error {
	return func(ctx context.Context) error {
		for l := range r.Leases(ctx) {
			return l.Release()
		}
		return r.Err()
	}
}

var waysToLease = map[string]func(*ring.Reader) func(context.Context) error{"lease": leasing, "leases": leasingByLoop}

func TestALoopReleasesTheLeaseOfTheTurnBefore(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 30)
	r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true, Leases: 2})
	turns := uint64(0)
	var before, last ring.Lease
	for l := range r.Leases(background) {
		turns++
		require.Equal(t, turns, l.Seq)
		require.Equal(t, fmt.Sprint(turns), string(l.Payload))
		if turns > 1 {
			require.ErrorIs(t, before.Release(), ring.ErrMisuse)
		}
		if turns%3 == 0 {
			require.NoError(t, l.Release(), "by its body")
		}
		if before, last = l, l; turns == 10 {
			break
		}
	}
	require.NoError(t, r.Err())
	_, err := r.Next(background)
	require.ErrorIs(t, err, ring.ErrLeased)
	require.ErrorContains(t, err, "of records 10")
	require.NoError(t, last.Release())
	require.PanicsWithValue(t, "in the body", func() {
		for l := range r.Leases(background) {
			last = l
			panic("in the body")
		}
	})
	require.EqualValues(t, 11, last.Seq)
	for l := range r.Leases(background) { // a second one is out
		require.EqualValues(t, 12, l.Seq)
		third, err := r.Lease(background)
		require.ErrorIs(t, err, ring.ErrWindow)
		require.Zero(t, third)
		require.NoError(t, last.Release())
		require.NoError(t, lease(t, r, 13).Release())
		require.NoError(t, l.Release())
		break
	}
	require.NoError(t, w.End())
	for l := range r.Leases(background) {
		last = l
	}
	require.NoError(t, r.Err(), "at the end")
	require.EqualValues(t, 30, last.Seq)
	require.ErrorIs(t, last.Release(), ring.ErrMisuse, "the turn after it found the end")
	for l := range r.Leases(background) {
		require.Fail(t, "a turn", "%d", l.Seq)
	}
	require.NoError(t, r.Close())
	for range r.Leases(background) {
		require.Fail(t, "a turn of a closed reader")
	}
	require.ErrorIs(t, r.Err(), os.ErrClosed)
}

func TestALoopWhoseReaderIsClosedInItsBodyEnds(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 3)
	maps, descriptors := mappings(t, path)
	r, err := ring.OpenReader(background, path, ring.ReaderOptions{})
	require.NoError(t, err)
	for range r.Leases(background) {
		require.ErrorIs(t, r.Close(), ring.ErrLeased)
	}
	require.ErrorIs(t, r.Err(), os.ErrClosed)
	m, d := mappings(t, path)
	require.Equal(t, [2]int{maps, descriptors}, [2]int{m, d}, "the turn's lease was the last")
}
