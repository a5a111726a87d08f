package ring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// handle is a Writer, Reader or Observer.
type handle interface {
	Close() error
	Path() string
}

// waiting is a call that has to wait, of a handle of its own.
type waiting struct {
	name  string
	path  string
	h     handle
	call  func(context.Context) error // waits
	other func() error                // another call of the handle
	free  func()                      // makes what call waits for happen
}

// start makes the call in a goroutine and returns when it sleeps. Its answer comes through the channel.
func (w *waiting) start(t testing.TB, ctx context.Context) <-chan error {
	t.Helper()
	answer := make(chan error, 1)
	go func() { answer <- w.call(ctx) }()
	asleep(t, 1)
	return answer
}

// waits makes a ring for each way to wait.
func waits(t *testing.T) (all []*waiting) {
	t.Helper()
	for name, c := range map[string]ring.Config{"": {}, ", waking always": {WakeAlways: true}} {
		for kind, open := range everyKind {
			for call, f := range readingCalls {
				all = append(all, waitingToRead(t, kind+name+", "+call, c, open, f))
			}
			all = append(all, waitingForAny(t, kind+name+", any of three", c, open))
		}
	}
	for way, lease := range waysToLease {
		all = append(all, waitingToLease(t, "reader, "+way, lease))
	}
	for _, window := range []int{1, 8} {
		all = append(all, waitingToWork(t, window))
	}
	for call, f := range writingCalls {
		all = append(all, waitingToWrite(t, "writer, "+call, f))
	}
	return all
}

// everyKind is both kinds, and the one that may not write to the file, whatever its user's rights.
var everyKind = map[string]func(testing.TB, string) source{
	"reader":   bothKinds["reader"],
	"observer": bothKinds["observer"],
	"observer that only reads": func(t testing.TB, path string) source {
		v := observe(t, path, ring.ObserverOptions{})
		ring.Silence(v)
		return v
	},
}

var readingCalls = map[string]func(context.Context, source) error{
	"next":    func(ctx context.Context, s source) error { _, err := s.Next(ctx); return err },
	"read":    func(ctx context.Context, s source) error { _, err := s.Read(ctx, make([]byte, 100)); return err },
	"records": first,
}

func waitingToRead(t *testing.T, name string, c ring.Config, open func(testing.TB, string) source, call func(context.Context, source) error) *waiting {
	t.Helper()
	path := newRing(t, c)
	s, w := open(t, path), openWriter(t, path)
	return &waiting{
		name: name, path: path, h: s,
		call:  func(ctx context.Context) error { return call(ctx, s) },
		other: func() error { _, err := s.Next(background); return err },
		free:  func() { publish(t, w, 1) },
	}
}

// waitingForAny waits for the ring of its handle and two others.
func waitingForAny(t *testing.T, name string, c ring.Config, open func(testing.TB, string) source) *waiting {
	t.Helper()
	others := []ring.Waitable{openReader(t, newRing(t, c), ring.ReaderOptions{}), observe(t, newRing(t, c), ring.ObserverOptions{})}
	var any *ring.Waiter
	withWaiter := func(t testing.TB, path string) source {
		s := open(t, path)
		any = ring.NewWaiter(s.(ring.Waitable), others[0], others[1])
		return s
	}
	return waitingToRead(t, name, c, withWaiter, func(ctx context.Context, s source) error {
		if _, err := any.Wait(ctx); err != nil {
			return err
		}
		_, err := s.Next(ctx)
		return err
	})
}

func waitingToLease(t *testing.T, name string, lease func(*ring.Reader) func(context.Context) error) *waiting {
	t.Helper()
	path := newRing(t, ring.Config{})
	r, w := openReader(t, path, ring.ReaderOptions{}), openWriter(t, path)
	return &waiting{
		name: name, path: path, h: r,
		call:  lease(r),
		other: func() error { return second(r.Next(background)) },
		free:  func() { publish(t, w, 1) },
	}
}

func waitingToWork(t *testing.T, window int) *waiting {
	t.Helper()
	path := newRing(t, ring.Config{})
	m, w := join(t, path, ring.GroupOptions{Window: window}), openWriter(t, path)
	next := func(ctx context.Context) error { _, err := m.Next(ctx); return err }
	return &waiting{
		name: fmt.Sprintf("member, window %d", window), path: path, h: m,
		call:  next,
		other: func() error { return next(background) },
		free:  func() { publish(t, w, 1) },
	}
}

var writingCalls = map[string]func(context.Context, *ring.Writer) error{
	"claims": func(ctx context.Context, w *ring.Writer) error {
		c, err := w.ClaimBatch(ctx, 900, 900)
		if err == nil {
			_, _, err = c.Commit()
		}
		return err
	},
	"from": func(ctx context.Context, w *ring.Writer) error {
		return second(w.PublishFrom(ctx, bytes.NewReader(make([]byte, 2000)), 2000))
	},
	"publish": func(ctx context.Context, w *ring.Writer) error {
		_, err := w.Publish(ctx, make([]byte, 2000))
		return err
	},
	"batch": func(ctx context.Context, w *ring.Writer) error {
		_, err := w.PublishBatch(ctx, [][]byte{make([]byte, 2000), make([]byte, 2000)})
		return err
	},
	"claim": func(ctx context.Context, w *ring.Writer) error {
		c, err := w.Claim(ctx, 2000)
		if err == nil {
			_, err = c.Commit(2000)
		}
		return err
	},
}

func waitingToWrite(t *testing.T, name string, call func(context.Context, *ring.Writer) error) *waiting {
	t.Helper()
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	fill(t, w)
	return &waiting{
		name: name, path: path, h: w,
		call:  func(ctx context.Context) error { return call(ctx, w) },
		other: func() error { _, err := w.TryPublish(make([]byte, 2000)); return err },
		free: func() {
			for range 10 {
				_, err := r.Next(background)
				require.NoError(t, err)
			}
			require.NoError(t, r.Ack())
		},
	}
}

// first takes and consumes the first record of a loop.
func first(ctx context.Context, s source) error {
	for range s.Records(ctx) {
		done, cause := ended()
		_, err := s.Next(done)
		if errors.Is(err, cause) {
			err = nil
		}
		return err
	}
	return s.Err()
}

// eachWait runs f for each way to wait.
func eachWait(t *testing.T, f func(t *testing.T, w *waiting)) {
	for _, w := range waits(t) {
		t.Run(w.name, func(t *testing.T) { f(t, w) })
	}
}

func TestAWaitEndsWhenWhatItWaitsForHappens(t *testing.T) {
	eachWait(t, func(t *testing.T, w *waiting) {
		answer := w.start(t, background)
		w.free()
		require.NoError(t, <-answer)
	})
}

func TestAContextEndsAWait(t *testing.T) {
	errCause := fmt.Errorf("the cause")
	eachWait(t, func(t *testing.T, w *waiting) {
		before := inspect(t, w.path)
		done, cause := ended()
		require.ErrorIs(t, w.call(done), cause, "done before")

		ctx, cancel := context.WithCancelCause(background)
		answer := w.start(t, ctx)
		cancel(errCause)
		err := <-answer
		require.ErrorIs(t, err, errCause)
		require.ErrorContains(t, err, w.path)

		ctx, stop := context.WithTimeout(background, 1)
		require.ErrorIs(t, w.call(ctx), context.DeadlineExceeded)
		stop()
		ctx, stop = context.WithTimeoutCause(background, 1e6, errCause)
		require.ErrorIs(t, w.call(ctx), errCause)
		stop()

		after := inspect(t, w.path)
		require.Equal(t, [2]uint64{before.NextSeq, before.Published}, [2]uint64{after.NextSeq, after.Published}, "nothing happened")
		answer = w.start(t, background)
		w.free()
		require.NoError(t, <-answer, "the handle is as good as before")
	})
}

func TestTheContextOfAnEarlierCallDoesNotMatter(t *testing.T) {
	eachWait(t, func(t *testing.T, w *waiting) {
		earlier, cancel := withCause()
		answer := w.start(t, earlier)
		w.free()
		require.NoError(t, <-answer)
		if _, ok := w.h.(*ring.Writer); ok {
			fill(t, w.h.(*ring.Writer))
		}
		later, stop := withCause()
		defer stop(nil)
		answer = w.start(t, later)
		cancel(errEnough)
		w.free()
		require.NoError(t, <-answer)
	})
}

func TestCloseEndsAWait(t *testing.T) {
	eachWait(t, func(t *testing.T, w *waiting) {
		maps, descriptors := mappings(t, w.path)
		answer := w.start(t, background)
		require.NoError(t, w.h.Close())
		err := <-answer
		require.ErrorIs(t, err, os.ErrClosed)
		require.ErrorContains(t, err, w.path)
		require.ErrorIs(t, w.other(), os.ErrClosed)
		require.ErrorIs(t, w.call(background), os.ErrClosed)
		require.NoError(t, w.h.Close(), "again")
		m, d := mappings(t, w.path)
		require.Less(t, m, maps, "it is unmapped")
		require.Less(t, d, descriptors, "its file is closed")
	})
}

func TestOfManyClosesAllReturnWhenItIsDone(t *testing.T) {
	eachWait(t, func(t *testing.T, w *waiting) {
		answer := w.start(t, background)
		closed := make(chan error)
		for range 8 {
			go func() { closed <- w.h.Close() }()
		}
		for range 8 {
			require.NoError(t, <-closed)
		}
		require.ErrorIs(t, <-answer, os.ErrClosed)
	})
}

func TestASecondGoroutineIsToldOfItsMisuse(t *testing.T) {
	eachWait(t, func(t *testing.T, w *waiting) {
		answer := w.start(t, background)
		calls := map[string]func() error{"other": w.other, "the same": func() error { return w.call(background) }}
		switch h := w.h.(type) {
		case *ring.Writer:
			for name, call := range writerCalls(h) {
				calls[name] = call
			}
		case *ring.Reader:
			calls["ack"], calls["ack to"] = h.Ack, func() error { return h.AckTo(1) }
			calls["stats"] = func() error { _, err := h.Stats(); return err }
		}
		for name, call := range calls {
			if name == "the same" && (strings.HasSuffix(w.name, "records") || strings.HasSuffix(w.name, "leases")) {
				continue // Err is one for both loops
			}
			err := call()
			require.ErrorIs(t, err, ring.ErrMisuse, name)
			require.ErrorContains(t, err, "another goroutine", name)
			require.ErrorContains(t, err, w.path, name)
		}
		w.free()
		require.NoError(t, <-answer, "the first is not disturbed")
	})
}
