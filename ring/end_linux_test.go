package ring_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestEndIsTheEnd(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	v := observe(t, path, ring.ObserverOptions{})
	publish(t, w, 2)
	require.NoError(t, w.End())
	require.NoError(t, w.End(), "again")
	for _, publish := range []func() error{
		func() error { _, err := w.Publish(background, nil); return err },
		func() error { _, err := w.TryPublish(nil); return err },
		func() error { _, err := w.Claim(background, 0); return err },
		func() error { _, err := w.PublishBatch(background, [][]byte{nil}); return err },
	} {
		require.ErrorIs(t, publish(), ring.ErrEnded)
	}
	for _, c := range []nexter{r, v} {
		next(t, c, 1)
		next(t, c, 2)
		for range 2 {
			_, err := c.Next(background)
			require.ErrorIs(t, err, io.EOF)
		}
	}
	require.True(t, inspect(t, path).Ended)
	require.NoError(t, w.Close())

	_, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrEnded)
	named(t, err, "open writer", path)
	w, err = ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true})
	require.NoError(t, err)
	defer w.Close()
	require.False(t, inspect(t, path).Ended)
	require.EqualValues(t, 3, publish(t, w, 1))
	next(t, r, 3)
	next(t, v, 3)
}

func TestTheEndWakesEverybody(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	answers := make(chan error)
	for range 3 {
		r := openReader(t, path, ring.ReaderOptions{})
		go func() {
			for range r.Records(background) {
			}
			answers <- r.Err()
		}()
	}
	asleep(t, 3)
	require.NoError(t, w.End())
	for range 3 {
		require.NoError(t, <-answers)
	}
}
