package ring_test

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/internal/view"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/shm"
)

// Whoever may read a file may wake who sleeps on its words.
func TestWhoIsWokenForNothingAgainAndAgainFindsOutThatTheFileIsLost(t *testing.T) {
	for name, c := range map[string]struct {
		config ring.Config
		word   int
		call   func(t *testing.T, path string, w *ring.Writer) func() error
	}{
		"a reader": {ring.Config{}, ring.OffDataWake, func(t *testing.T, path string, _ *ring.Writer) func() error {
			r := openReader(t, path, ring.ReaderOptions{})
			return func() error { return second(r.Next(background)) }
		}},
		"a member": {ring.Config{}, ring.OffDataWake, func(t *testing.T, path string, _ *ring.Writer) func() error {
			m := join(t, path, ring.GroupOptions{})
			return func() error { return second(m.Next(background)) }
		}},
		"a waiter": {ring.Config{}, ring.OffDataWake, func(t *testing.T, path string, _ *ring.Writer) func() error {
			r := openReader(t, path, ring.ReaderOptions{})
			return func() error { return second(ring.WaitAny(background, r)) }
		}},
		"a writer that waits for the mutex": {ring.Config{Shared: true}, ring.OffMutex, func(t *testing.T, path string, w *ring.Writer) func() error {
			other := openWriter(t, path)
			require.NoError(t, second(w.Claim(background, 10)))
			return func() error { return second(other.Publish(background, nil)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, c.config)
			call := c.call(t, path, openWriter(t, path))
			m, err := shm.Open(path, shm.ReadOnly, shm.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = m.Close() })
			word := view.Uint32(m.Bytes(), c.word)
			var over atomic.Bool
			answer := make(chan error, 1)
			go func() { answer <- call(); over.Store(true) }()
			require.NoError(t, os.Remove(path))
			proctest.Until(t, "the loss is found out", func() bool { _, err = futex.Wake(word); return err != nil || over.Load() })
			require.NoError(t, err)
			require.ErrorIs(t, <-answer, ring.ErrLost)
		})
	}
}

func TestAPositionThatCannotBeIsNotTakenForThatOfAWriterWhoWaits(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	w := openWriter(t, path)
	openReader(t, path, ring.ReaderOptions{})
	fill(t, w)
	answer := blocked(t, w)
	const nowhere = 1<<63 - 16 // where such a writer stands for itself
	poke(t, path, ring.OffPublished, nowhere)
	for i := range 3 {
		poke(t, path, int64(ring.SlotsStart+i*ring.SlotSize+ring.SlotCursor), nowhere)
	}
	require.ErrorIs(t, <-answer, ring.ErrCorrupt)
}

func TestAContextDoesNotKeepAWaiterThatIsForgotten(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{Spin: ring.SpinNone})
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	var forgotten atomic.Bool
	func() {
		any := ring.NewWaiter(r)
		runtime.AddCleanup(any, func(*int) { forgotten.Store(true) }, nil)
		answer := make(chan error)
		go func() { answer <- second(any.Wait(ctx)) }()
		asleep(t, 1)
		publish(t, w, 1)
		require.NoError(t, <-answer)
	}()
	proctest.Until(t, "it is collected", func() bool { runtime.GC(); return forgotten.Load() })
	require.NoError(t, ctx.Err())
}
