package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestAFullRingAnswersTryPublishAndWaitsForTheRest(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	last := fill(t, w)
	require.EqualValues(t, small/1024, last, "all of the capacity can be used")
	_, err := w.TryPublish(nil)
	require.ErrorIs(t, err, ring.ErrFull)
	named(t, err, "publish", path)
	stats, err := w.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 2, stats.Full)
	require.EqualValues(t, last, stats.Records)
	require.EqualValues(t, last*1000, stats.Bytes)

	ctx, cause := ended()
	_, err = w.Publish(ctx, nil)
	require.ErrorIs(t, err, cause)
	_, err = w.Claim(ctx, 10)
	require.ErrorIs(t, err, cause)
	for range 2 {
		_, err = r.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, r.Ack())
	seq, err := w.TryPublish(make([]byte, 1000))
	require.NoError(t, err)
	require.Equal(t, last+1, seq, "nothing was published by the calls that failed")
}

func TestAWaitingWriterIsWokenByItsReader(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	last := fill(t, w)
	done := make(chan error)
	go func() {
		_, err := w.Publish(background, make([]byte, 1000))
		done <- err
	}()
	asleep(t, 1)
	for range last {
		_, err := r.Next(background)
		require.NoError(t, err)
	}
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.Equal(t, last+1, rec.Seq)
	require.NoError(t, <-done)
}

func TestAWaitingWriterMayBeWokenInVainAnyNumberOfTimes(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	slow := openReader(t, path, ring.ReaderOptions{})
	quick := openReader(t, path, ring.ReaderOptions{})
	answer := blocked(t, w)
	for range 60 {
		asleep(t, 1)
		_, err := quick.Next(background)
		require.NoError(t, err)
		require.NoError(t, quick.Ack())
	}
	require.NoError(t, slow.Close())
	require.NoError(t, quick.Close())
	require.NoError(t, <-answer)
}

func TestAWaitingWriterGoesOnWhenItsReaderLeavesOrMoves(t *testing.T) {
	ways := map[string]func(t *testing.T, path string, r *ring.Reader){
		"closes": func(t *testing.T, _ string, r *ring.Reader) { require.NoError(t, r.Close()) },
		"is removed": func(t *testing.T, path string, _ *ring.Reader) {
			require.NoError(t, ring.RemoveReader(background, path, "r", true))
		},
		"comes again at the newest record": func(t *testing.T, path string, r *ring.Reader) {
			require.NoError(t, r.Close())
			openReader(t, path, ring.ReaderOptions{Name: "r", Durable: true, From: ring.Newest})
		},
	}
	for way, leave := range ways {
		t.Run(way, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			r := openReader(t, path, ring.ReaderOptions{Name: "r", Durable: way != "closes"})
			fill(t, w)
			done := make(chan error)
			go func() {
				_, err := w.Publish(background, make([]byte, 1000))
				done <- err
			}()
			asleep(t, 1)
			leave(t, path, r)
			require.NoError(t, <-done)
			require.Zero(t, inspect(t, path).Stats.Helped)
		})
	}
}

func TestADeadReaderDoesNotKeepTheRingFullForTryPublish(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	dead := proctest.Start(t, "reader", path, "")
	dead.Expect("ready")
	last := fill(t, w)
	dead.Kill()
	_ = dead.Wait() // says that it was killed
	proctest.Until(t, "the slot is free", func() bool {
		seq, err := w.TryPublish(nil)
		if err == nil {
			require.Equal(t, last+1, seq)
			return true
		}
		require.ErrorIs(t, err, ring.ErrFull)
		return false
	})
	require.EqualValues(t, 1, inspect(t, path).Stats.Reaped)
}

func TestADurableReadersNameStaysAsItWasWritten(t *testing.T) {
	path := newRing(t, ring.Config{})
	o := ring.ReaderOptions{Name: "keep", Durable: true}
	require.NoError(t, openReader(t, path, o).Close())
	const behind = ring.SlotsStart + ring.SlotName + 8 // the rest of the field says whether it was written again
	poke(t, path, behind, 0x1122334455667788)
	require.NoError(t, openReader(t, path, o).Close())
	require.EqualValues(t, 0x1122334455667788, peek(t, path, behind))
}

// A reader that makes room bit by bit wakes the writer more often than a length of time can be doubled.
func TestAWriterThatIsWokenOftenGoesOnWaiting(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	for err := error(nil); err == nil; _, err = w.TryPublish(make([]byte, 100)) {
	}
	answer := make(chan error, 1)
	go func() {
		_, err := w.Publish(background, make([]byte, w.MaxPayload()))
		answer <- err
	}()
	for range 80 {
		asleep(t, 1)
		_, err := r.Next(background)
		require.NoError(t, err)
		require.NoError(t, r.Ack())
	}
	asleep(t, 1)
	for len(answer) == 0 {
		try(t, r) // the large record may have been read before its answer is here
	}
	require.NoError(t, <-answer)
}
