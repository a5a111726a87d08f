package ring_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// threads counts those of this process.
func threads(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/task")
	require.NoError(t, err)
	return len(all)
}

// crowd opens n handles of a ring, readers and observers, and lets each wait in a goroutine.
func crowd(t *testing.T, path string, n int) (all []source, answers chan error) {
	t.Helper()
	answers = make(chan error, n)
	for i := range n {
		var s source
		switch i % 8 {
		case 0:
			s = openReader(t, path, ring.ReaderOptions{})
		case 1:
			v := observe(t, path, ring.ObserverOptions{})
			ring.Silence(v)
			s = v
		default:
			s = observe(t, path, ring.ObserverOptions{})
		}
		all = append(all, s)
	}
	return all, answers
}

func TestAThousandGoroutinesSleepOnOneThread(t *testing.T) {
	const n, rounds = 1000, 10
	path := newRing(t, ring.Config{Slots: n})
	w := openWriter(t, path)
	all, answers := crowd(t, path, n)
	before := threads(t)
	for round := range uint64(rounds) {
		for _, s := range all {
			go func() {
				rec, err := s.Next(background)
				if err == nil && rec.Seq != round+1 {
					err = fmt.Errorf("record %d, expected %d", rec.Seq, round+1)
				}
				answers <- err
			}()
		}
		asleep(t, n)
		require.LessOrEqual(t, sleepers(t, "self"), 1)
		require.Less(t, threads(t), before+50)
		publish(t, w, 1)
		for range n {
			require.NoError(t, <-answers)
		}
	}
}

// TestWhenOneOfManySleepersLeavesAnotherTakesItsPlace: contexts and Close end the sleep of whoever is in the kernel, and of
// others; nobody else notices.
func TestWhenOneOfManySleepersLeavesAnotherTakesItsPlace(t *testing.T) {
	defer ring.WithoutTimeouts()()
	const n = 60
	path := newRing(t, ring.Config{Slots: n})
	w := openWriter(t, path)
	all, _ := crowd(t, path, n)
	type answer struct {
		i   int
		err error
	}
	answers := make(chan answer, n)
	var cancels []context.CancelCauseFunc
	for i, s := range all {
		ctx, cancel := withCause()
		defer cancel(nil)
		cancels = append(cancels, cancel)
		go func() { _, err := s.Next(ctx); answers <- answer{i, err} }()
		asleep(t, i+1)
	}
	for i, left := 0, n; i < n/2; i++ { // the first is the one in the kernel, and then each next one
		if i%2 == 0 {
			cancels[i](errEnough)
		} else {
			require.NoError(t, all[i].Close())
		}
		a := <-answers
		require.Equal(t, i, a.i)
		require.ErrorIs(t, a.err, map[bool]error{true: errEnough, false: os.ErrClosed}[i%2 == 0])
		left--
		asleep(t, left)
		require.LessOrEqual(t, sleepers(t, "self"), 1)
	}
	publish(t, w, 1)
	for range n / 2 {
		a := <-answers
		require.NoError(t, a.err, a.i)
	}
}

func TestTheLodgeOfARingGoesWithItsLastHandle(t *testing.T) {
	before := ring.Lodgings()
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	v := observe(t, path, ring.ObserverOptions{})
	require.Equal(t, before+1, ring.Lodgings())
	require.NoError(t, w.Close())
	require.NoError(t, r.Close())
	inspect(t, path)
	require.Equal(t, before+1, ring.Lodgings())
	require.NoError(t, v.Close())
	require.Equal(t, before, ring.Lodgings())
}

// TestNoWakeUpOfManyIsMissed: every goroutine waits for every record, no sleep has a time-out, and some of them are
// interrupted all the time.
func TestNoWakeUpOfManyIsMissed(t *testing.T) {
	defer ring.WithoutTimeouts()()
	const n, rounds = 16, 5000 / slower
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	var done atomic.Int64
	all := make(chan error, 1)
	for i := range n {
		r := openReader(t, path, ring.ReaderOptions{Spin: ring.SpinNone})
		go func() {
			for want := uint64(1); want <= rounds; {
				ctx, cancel := context.WithCancel(background)
				if i%4 == 0 {
					go cancel()
				}
				rec, err := r.Next(ctx)
				cancel()
				switch {
				case err != nil && ctx.Err() != nil:
					continue
				case err != nil || rec.Seq != want:
					all <- fmt.Errorf("record %d, expected %d: %w", rec.Seq, want, err)
					return
				}
				want++
				if done.Add(1)%n == 0 {
					all <- nil
				}
			}
		}()
	}
	for range rounds {
		_, err := w.Publish(background, nil)
		require.NoError(t, err)
		require.NoError(t, <-all)
	}
	require.Zero(t, inspect(t, path).Stats.Helped)
}

// TestManyWritersWaitForSpaceOnOneThread: each goroutine has a writer of its own.
func TestManyWritersWaitForSpaceOnOneThread(t *testing.T) {
	const n = 100
	path := newRing(t, ring.Config{Shared: true, Slots: n + 1})
	r := openReader(t, path, ring.ReaderOptions{})
	before := threads(t)
	answers := make(chan error, n)
	for range n {
		w := openWriter(t, path)
		go func() {
			_, err := w.Publish(background, make([]byte, w.MaxPayload()))
			answers <- err
		}()
	}
	proctest.Until(t, "they sleep", func() bool { return ring.Guests() > n/2 })
	require.Less(t, threads(t), before+50)
	for range n {
		_, err := r.Next(background)
		require.NoError(t, err)
	}
	for range n {
		require.NoError(t, <-answers)
	}
}
