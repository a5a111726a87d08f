package ring_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestAWriterIsToldWhoHoldsItBack(t *testing.T) {
	for _, shared := range []bool{false, true} {
		path := newRing(t, ring.Config{Shared: shared})
		w := openWriter(t, path)
		free := func() {
			by, err := w.HeldBack()
			require.NoError(t, err)
			require.Nil(t, by)
			require.Nil(t, inspect(t, path).HeldBack)
		}
		free()
		start := time.Now()
		require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
		p := proctest.Start(t, "ephemeral", path, "near")
		p.Expect("ready")
		publish(t, w, 1)
		p.Send("next")
		p.Expect("record")
		p.Send("ack")
		p.Expect("acked")
		free()
		fill(t, w)
		by, err := w.HeldBack()
		require.NoError(t, err)
		now := inspect(t, path)
		require.WithinRange(t, by.Since, start, time.Now())
		require.WithinRange(t, now.HeldBack.Since, start.Truncate(0), time.Now())
		keep := now.Readers[0].Slot
		by.Since = now.HeldBack.Since
		require.Equal(t, now.HeldBack, by)
		pid := by.PID
		require.Equal(t, &ring.HeldBack{
			Since: by.Since, Slot: keep, Name: "keep", Durable: true, PID: pid, Cursor: 0, Bytes: now.Published,
		}, by)
		_, err = w.TryPublish(make([]byte, 1000))
		require.ErrorIs(t, err, ring.ErrFull)
		require.Equal(t, by.Since, inspect(t, path).HeldBack.Since, "it is since the first time")

		require.NoError(t, ring.RemoveReader(background, path, "keep", false))
		fill(t, w)
		by, err = w.HeldBack()
		require.NoError(t, err)
		require.Equal(t, "near", by.Name)
		require.Equal(t, p.Pid(), by.PID)
		require.True(t, by.Alive)
		require.EqualValues(t, 32, by.Cursor)
		p.Send("close")
		p.Expect("closed")
		publish(t, w, 1)
		free()
		require.NoError(t, w.Close())
		_, err = w.HeldBack()
		require.Error(t, err)
	}
}

func TestWhoHoldsAWaitingWriterBackIsSeenFromOutside(t *testing.T) {
	path := newRing(t, ring.Config{})
	log := make(logged, 10)
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Logger: slog.New(log)})
	require.NoError(t, err)
	r := openReader(t, path, ring.ReaderOptions{})
	answer := blocked(t, w)
	by := inspect(t, path).HeldBack
	require.Equal(t, inspect(t, path).Readers[0].Slot, by.Slot)
	require.True(t, by.Alive)
	require.Equal(t, "held back", <-log, "after a second")
	require.NoError(t, r.Close())
	require.NoError(t, <-answer)
	require.Nil(t, inspect(t, path).HeldBack)
	require.NoError(t, w.Close())
	require.Empty(t, log)
}

func TestAWriterThatDiedWhileItWaitedIsNotHeldBack(t *testing.T) {
	path := newRing(t, ring.Config{})
	openReader(t, path, ring.ReaderOptions{})
	p := proctest.Start(t, "writer", path)
	p.Expect("ready")
	for range 4 {
		p.Send("publish " + string(pattern16k()))
	}
	proctest.Until(t, "it waits", func() bool { return inspect(t, path).HeldBack != nil })
	p.Kill()
	require.Error(t, p.Wait())
	require.Nil(t, inspect(t, path).HeldBack)
	w := openWriter(t, path)
	require.Nil(t, inspect(t, path).HeldBack, "nor is the next one")
	fill(t, w)
	require.NotNil(t, inspect(t, path).HeldBack)
	require.NoError(t, w.Close())
	require.Zero(t, peek(t, path, ring.OffStats+8*int64(ring.StatHeldSince)))
}

// One of several writers died while it was held back, or was told so once and has not come again.
func TestNobodyHoldsAWriterBackWhenAnotherGetsOn(t *testing.T) {
	for _, dead := range []bool{true, false} {
		path := newRing(t, ring.Config{Shared: true})
		w := openWriter(t, path)
		near := openReader(t, path, ring.ReaderOptions{Name: "near"})
		var waits *ring.Writer
		if dead {
			p := proctest.Start(t, "writer", path)
			p.Expect("ready")
			fill(t, w)
			p.Send("publish " + string(pattern16k()))
			proctest.Until(t, "it waits", func() bool { return sleepers(t, fmt.Sprint(p.Pid())) == 1 })
			p.Kill()
			require.Error(t, p.Wait())
		} else {
			waits = openWriter(t, path)
			fill(t, waits)
		}
		require.NotNil(t, inspect(t, path).HeldBack)
		for range 10 {
			_, err := near.Next(background)
			require.NoError(t, err)
		}
		require.NoError(t, near.Ack())
		for range 3 {
			_, err := w.TryPublish(make([]byte, 2000))
			require.NoError(t, err)
		}
		info := inspect(t, path)
		require.NotZero(t, info.Readers[0].LagRecords)
		require.Nil(t, info.HeldBack)
	}
}

func TestWhoHasReadEverythingHoldsNobodyBack(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	for range fill(t, w) {
		_, err := r.Next(background)
		require.NoError(t, err)
	}
	require.NotNil(t, inspect(t, path).HeldBack)
	require.NoError(t, r.Ack())
	require.Nil(t, inspect(t, path).HeldBack)
	by, err := w.HeldBack()
	require.NoError(t, err)
	require.Nil(t, by)
}

// A writer that waits says so again when another, with a smaller record, has got on.
func TestAWriterThatStillWaitsIsHeldBackAllTheSame(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	small, large := openWriter(t, path), openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	fill(t, small)
	answer := make(chan error, 1)
	go func() { _, err := large.Publish(background, make([]byte, 20_000)); answer <- err }()
	asleep(t, 1)
	for range 6 {
		_, err := r.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, r.Ack())
	_, err := small.TryPublish(make([]byte, 1000))
	require.NoError(t, err)
	proctest.Until(t, "it says so again", func() bool { return inspect(t, path).HeldBack != nil })
	require.NoError(t, r.Close())
	require.NoError(t, <-answer)
	require.Nil(t, inspect(t, path).HeldBack)
}
