package ring_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestTheSecondWriterIsToldWhoTheFirstIs(t *testing.T) {
	path := newRing(t, ring.Config{})
	p := proctest.Start(t, "writer", path)
	p.Expect("ready")
	_, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("process %d", p.Pid()))
	named(t, err, "open writer", path)

	p.Stop() // a stopped process is not robbed
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrBusy)
	p.Cont()
}

func TestAStandbyGetsTheRoleWhenTheWriterClosesOrDies(t *testing.T) {
	for _, end := range []string{"close", "kill"} {
		path := newRing(t, ring.Config{})
		p := proctest.Start(t, "writer", path)
		p.Expect("ready")
		p.Send("publish one")
		require.Equal(t, "1", p.Expect("published"))
		got := make(chan *ring.Writer)
		errs := make(chan error, 1)
		go func() {
			w, err := ring.OpenWriter(background, path, ring.WriterOptions{Wait: true})
			errs <- err
			got <- w
		}()
		if end == "close" {
			p.Send("close")
		} else {
			p.Kill()
		}
		require.NoError(t, <-errs)
		w := <-got
		require.EqualValues(t, 2, publish(t, w, 1))
		require.NoError(t, w.Close())
		require.Equal(t, end == "kill", inspect(t, path).Stats.Recoveries == 1)
	}
}

func TestWaitingForTheRoleEndsWithTheContext(t *testing.T) {
	path := newRing(t, ring.Config{})
	openWriter(t, path)
	ctx, cause := ended()
	_, err := ring.OpenWriter(ctx, path, ring.WriterOptions{Wait: true})
	require.ErrorIs(t, err, cause)
}

func TestAWriterGoesOnWhereTheLastOneStopped(t *testing.T) {
	path := newRing(t, ring.Config{})
	for i := range uint64(200) {
		w := openWriter(t, path)
		require.NoError(t, w.Sync())
		require.Equal(t, i*7+7, publish(t, w, 7))
		require.NoError(t, w.Close())
		require.NoError(t, w.Close(), "again")
		info := inspect(t, path)
		require.True(t, info.Clean)
		require.Equal(t, i*7+8, info.NextSeq)
		require.Equal(t, i+1, info.Epoch)
	}
	require.Zero(t, inspect(t, path).Stats.Recoveries)
}

func TestAClosedWriterAnswersErrClosed(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	require.NoError(t, w.Close())
	for name, call := range writerCalls(w) {
		require.ErrorIs(t, call(), os.ErrClosed, name)
	}
	require.Equal(t, path, w.Path())
}
