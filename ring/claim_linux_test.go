package ring_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestAClaimIsPublishedAsFarAsItIsCommitted(t *testing.T) {
	for mode, config := range modes {
		t.Run(mode, func(t *testing.T) {
			path := newRing(t, config)
			w := openWriter(t, path)
			r := openReader(t, path, ring.ReaderOptions{})
			most := w.MaxPayload()
			seq := uint64(0)
			for _, n := range []int{0, 1, 15, 16, 17, 1000, most - 1, most} {
				for _, m := range []int{0, 1, n / 2, n - 1, n} {
					if m < 0 || m > n {
						continue
					}
					seq++
					c, err := w.Claim(background, n)
					require.NoError(t, err)
					require.Len(t, c.Bytes(), n)
					require.Equal(t, n, cap(c.Bytes()), "who appends to it must not reach what follows")
					want := pattern(seq, n)
					copy(c.Bytes(), want)
					c.SetTag(uint16(seq))
					got, err := c.Commit(m)
					require.NoError(t, err)
					require.Equal(t, seq, got)
					rec, err := r.Next(background)
					require.NoError(t, err)
					require.Equal(t, seq, rec.Seq)
					require.Equal(t, uint16(seq), rec.Tag)
					require.True(t, bytes.Equal(want[:m], rec.Payload), "%d of %d", m, n)
					require.Equal(t, config.Timestamps, !rec.Time().IsZero())
					require.NoError(t, r.Ack())
				}
			}
			require.Equal(t, seq, sound(t, path).Records+inspect(t, path).FirstSeq-1)
		})
	}
}

func TestAnAbortedClaimWasNeverThere(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	for i := range uint64(500) {
		for _, n := range []int{0, 100, small / 3} { // the last needs padding now and then
			c, err := w.Claim(background, n)
			require.NoError(t, err)
			copy(c.Bytes(), bytes.Repeat([]byte{0xff}, n))
			c.Abort()
			c.Abort()
		}
		require.Equal(t, i+1, publish(t, w, 1))
		dryAfter(t, r, i+1)
	}
	sound(t, path)
}

// dryAfter requires that seq is the next record and the last.
func dryAfter(t *testing.T, r *ring.Reader, seq uint64) {
	t.Helper()
	next(t, r, seq)
	dry(t, r)
}

func TestWhileAClaimIsOutTheWriterDoesNothingElse(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	c, err := w.Claim(background, 10)
	require.NoError(t, err)
	for name, call := range writerCalls(w) {
		err := call()
		require.ErrorIs(t, err, ring.ErrClaimed, name)
		require.ErrorContains(t, err, path, name)
	}
	for _, m := range []int{-1, 11, 1 << 40} {
		_, err = c.Commit(m)
		require.ErrorIs(t, err, ring.ErrTooLarge)
		require.ErrorContains(t, err, fmt.Sprintf("commit of %d bytes, claimed were 10", m))
		named(t, err, "commit", path)
	}
	copy(c.Bytes(), "1234567890")
	seq, err := c.Commit(1)
	require.NoError(t, err)
	require.EqualValues(t, 1, seq)
	_, err = c.Commit(1)
	require.ErrorIs(t, err, ring.ErrMisuse)
	named(t, err, "commit", path)
	c.Abort()
	dryAfter(t, r, 1)

	c, err = w.Claim(background, 10)
	require.NoError(t, err)
	c.Abort()
	_, err = c.Commit(1)
	require.ErrorIs(t, err, ring.ErrMisuse)
	require.EqualValues(t, 2, publish(t, w, 1))
}

// writerCalls are all calls of a writer but Close.
func writerCalls(w *ring.Writer) map[string]func() error {
	return map[string]func() error{
		"publish":    func() error { _, err := w.Publish(background, nil); return err },
		"tagged":     func() error { _, err := w.PublishTagged(background, 1, nil); return err },
		"try":        func() error { _, err := w.TryPublish(nil); return err },
		"try tagged": func() error { _, err := w.TryPublishTagged(1, nil); return err },
		"batch":      func() error { _, err := w.PublishBatch(background, nil); return err },
		"claim":      func() error { _, err := w.Claim(background, 1); return err },
		"claims":     func() error { _, err := w.ClaimBatch(background, 1, 2); return err },
		"from":       func() error { _, err := w.PublishFrom(background, strings.NewReader("x"), 1); return err },
		"end":        w.End,
		"sync":       w.Sync,
		"stats":      func() error { _, err := w.Stats(); return err },
	}
}

func TestCloseLeavesTheMemoryOfAClaimThatIsOut(t *testing.T) {
	ends := map[string]func(t *testing.T, c *ring.Claim, path string){
		"commit": func(t *testing.T, c *ring.Claim, path string) {
			_, err := c.Commit(3)
			require.ErrorIs(t, err, os.ErrClosed)
			named(t, err, "commit", path)
		},
		"abort": func(t *testing.T, c *ring.Claim, path string) { c.Abort() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			publish(t, w, 1)
			c, err := w.Claim(background, 10)
			require.NoError(t, err)
			require.NoError(t, w.Close(), "does not wait for the claim")
			require.NoError(t, w.Close())
			copy(c.Bytes(), "still here")
			maps, _ := mappings(t, path)
			require.NotZero(t, maps)
			for call, err := range writerCalls(w) {
				require.ErrorIs(t, err(), os.ErrClosed, call)
			}
			_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
			require.ErrorIs(t, err, ring.ErrBusy, "it could still write")

			end(t, c, path)
			maps, descriptors := mappings(t, path)
			require.Zero(t, maps+descriptors)
			require.EqualValues(t, 1, sound(t, path).Records, "it published nothing")
			_, err = c.Commit(3)
			require.Error(t, err)
			c.Abort()
			require.EqualValues(t, 2, publish(t, openWriter(t, path), 1))
			require.Zero(t, inspect(t, path).Stats.Recoveries, "that was a clean end")
		})
	}
}

// claimRole claims, fills and says so.
func claimRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	c, err := w.Claim(background, 5000)
	proctest.Die(err)
	copy(c.Bytes(), bytes.Repeat([]byte{'x'}, 5000))
	proctest.Say("claimed")
	proctest.Hear()
}

func TestAProcessThatDiesWithAClaimHasPublishedNothing(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 5)
	require.NoError(t, w.Close())
	p := proctest.Start(t, "claim", path)
	p.Expect("claimed")
	p.Kill()
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Wait: true})
	require.NoError(t, err)
	defer w.Close()
	require.EqualValues(t, 6, publish(t, w, 1))
	require.EqualValues(t, 6, sound(t, path).Records)
}
