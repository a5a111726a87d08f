package ring_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// A goroutine gives the last lease back and is stopped. The reader goes on by itself, and moves its cursor: whoever comes
// late must not move it back.
func TestAReleaseThatEndsLateLeavesTheCursorWhereTheReaderHasPutIt(t *testing.T) {
	for name, wait := range map[string]bool{"the reader had just leased": false, "the reader had waited": true} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			o := ring.ReaderOptions{Name: "keep", Durable: true}
			r := openReader(t, path, o)
			patterns(t, w, 1, 2, 1000)
			first, second := lease(t, r, 1), lease(t, r, 2)
			if wait {
				ctx, cause := ended()
				_, err := r.Lease(ctx)
				require.ErrorIs(t, err, cause)
			}
			require.NoError(t, first.Release())
			finish := second.ReleaseLate()
			const last = 66 // round the ring
			for seq := uint64(3); seq <= last; seq++ {
				patterns(t, w, seq, seq, 1000)
				rec, err := r.Next(background)
				require.NoError(t, err)
				require.Equal(t, seq, rec.Seq)
			}
			require.NoError(t, r.Ack())
			stands := cursorOf(t, path)
			require.NoError(t, finish())
			require.Equal(t, stands, cursorOf(t, path))

			c, err := w.Claim(background, 20_000) // of what the reader has given back
			require.NoError(t, err)
			copy(c.Bytes(), bytes.Repeat([]byte{0xee}, 20_000))
			c.Abort()
			require.NoError(t, r.Close())
			require.Equal(t, stands, cursorOf(t, path))
			patterns(t, w, last+1, last+100, 100)
			whole(t, openReader(t, path, o), last+1, last+100)
			sound(t, path)
		})
	}
}

func TestAReleaseThatEndsLateDoesNothingToTheRingThatTheReaderFollowedTo(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Follow: true})
	patterns(t, w, 1, 30, 1000)
	var leases []ring.Lease
	for seq := range uint64(30) {
		leases = append(leases, lease(t, r, seq+1))
	}
	for _, l := range leases[1:] {
		require.NoError(t, l.Release())
	}
	finish := leases[0].ReleaseLate()
	require.NoError(t, w.End())
	replace(t, path)
	next(t, r, 1)
	require.NoError(t, r.Ack())
	stands := cursorOf(t, path)
	require.NoError(t, finish())
	require.Equal(t, stands, cursorOf(t, path))
	require.Equal(t, "active", inspect(t, path).Readers[0].State)
	next(t, r, 2)
	sound(t, path)
}

func TestALeaseIsWrittenOutWhileItIsOut(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	patterns(t, w, 1, 2, 1000)
	first, second := lease(t, r, 1), lease(t, r, 2)
	var out bytes.Buffer
	n, err := first.WriteTo(&out)
	require.NoError(t, err)
	require.EqualValues(t, 1000, n)
	require.Equal(t, pattern(1, 1000), out.Bytes())
	require.NoError(t, first.Release())
	_, err = first.WriteTo(&out)
	require.ErrorIs(t, err, ring.ErrMisuse)
	require.NoError(t, ring.RemoveReader(background, path, "keep", true))
	patterns(t, w, 3, 200, 1000) // over the second
	_, err = second.WriteTo(&out)
	require.ErrorIs(t, err, ring.ErrEvicted)
	named(t, err, "use", path)
	require.NoError(t, second.Release())
	_, err = ring.Lease{}.WriteTo(&out)
	require.ErrorIs(t, err, ring.ErrMisuse)
}
