package ring_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// filled publishes empty records until a reader holds the writer back.
func filled(t testing.TB, w *ring.Writer) {
	t.Helper()
	for {
		if _, err := w.TryPublish(nil); err != nil {
			require.ErrorIs(t, err, ring.ErrFull)
			return
		}
	}
}

// Such a writer never sleeps, so that a reader of small records would tell it once in a stride only that it moves.
func TestWhoMovesIsNotEvictedByAWriterThatTriesAgainAndAgain(t *testing.T) {
	hasty(t)
	for _, shared := range []bool{false, true} {
		path := newRing(t, ring.Config{EvictAfter: time.Hour, Shared: shared})
		w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
		filled(t, w)
		for seq := range uint64(10 * ring.LeastLooks) {
			rec, err := r.Next(background)
			require.NoError(t, err)
			require.Equal(t, seq+1, rec.Seq)
			if _, err := w.TryPublish(nil); err != nil {
				require.ErrorIs(t, err, ring.ErrFull)
			}
		}
		require.Zero(t, inspect(t, path).Stats.Evictions)
	}
}

func TestABusyWriterAsksWhereReadersAre(t *testing.T) {
	t.Cleanup(ring.Haste(time.Hour / 500)) // it asks after 32 looks, and evicts after 500
	path := newRing(t, evicting)
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Spin: ring.SpinBusy})
	require.NoError(t, err)
	defer w.Close()
	r := openReader(t, path, ring.ReaderOptions{})
	filled(t, w)
	answer := make(chan error, 1)
	go func() { _, err := w.Publish(background, nil); answer <- err }()
	proctest.Until(t, "it asks", func() bool { return peek(t, path, ring.OffSpaceWake)&1 == 1 })
	for range 2 { // the second call consumes what the first delivered
		_, err := r.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, <-answer)
	require.Zero(t, inspect(t, path).Stats.Evictions)
}

// Between its last look and the eviction the writer may have been stopped.
func TestWhoHasMovedSinceTheLastLookIsNotEvicted(t *testing.T) {
	path := newRing(t, evicting)
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	publish(t, w, 3)
	next(t, r, 1)
	require.NoError(t, r.Ack())
	require.False(t, w.EvictAt(0, 0))
	require.Equal(t, "active", inspect(t, path).Readers[0].State)
	next(t, r, 2)
	require.True(t, w.EvictAt(0, cursorOf(t, path)))
	require.Equal(t, "evicted", inspect(t, path).Readers[0].State)
}

// onLog is a Logger that is called with what happened.
type onLog func(what string)

func (f onLog) Enabled(context.Context, slog.Level) bool      { return true }
func (f onLog) Handle(_ context.Context, r slog.Record) error { f(r.Message); return nil }
func (f onLog) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f onLog) WithGroup(string) slog.Handler                 { return f }

// A logger may take its time, in which others move.
func TestTheLoggerIsToldWhenAllAreEvicted(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	told := 0
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Logger: slog.New(onLog(func(what string) {
		if what != "reader evicted" {
			return
		}
		told++
		for _, r := range inspect(t, path).Readers {
			require.Equal(t, "evicted", r.State)
		}
	}))})
	require.NoError(t, err)
	defer w.Close()
	openReader(t, path, ring.ReaderOptions{})
	openReader(t, path, ring.ReaderOptions{})
	past(t, w)
	require.Equal(t, 2, told)
}

func TestHoweverShortTheTimeItTakesManyLooks(t *testing.T) {
	hasty(t)
	for _, d := range []time.Duration{time.Millisecond, 4 * time.Millisecond, 20 * time.Millisecond, time.Hour} {
		path := newRing(t, ring.Config{EvictAfter: d})
		w := openWriter(t, path)
		openReader(t, path, ring.ReaderOptions{})
		filled(t, w)
		looks := 1
		for ; ; looks++ {
			if _, err := w.TryPublish(nil); err == nil {
				break
			}
		}
		require.GreaterOrEqual(t, looks, ring.LeastLooks, d)
		require.EqualValues(t, 1, inspect(t, path).Stats.Evictions)
	}
}
