package ring_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// Records are claimed together, filled from the last to the first, some of them cut or dropped: what is left comes in order,
// with one store, and without a gap in the numbers.
func TestClaimsArePublishedTogether(t *testing.T) {
	for mode, config := range modes {
		for _, shared := range []bool{false, true} {
			for _, start := range []uint64{0, 1<<32 - small, 1<<63 - 1<<23} {
				t.Run(fmt.Sprintf("%s, shared %t, from %d", mode, shared, start), func(t *testing.T) {
					config.Shared = shared
					path := newRing(t, config)
					startAt(t, path, start, 1)
					w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
					random := rand.New(rand.NewPCG(start, 1))
					seq := uint64(1)
					for range 150 {
						seq = claimSome(t, w, r, random, seq)
					}
					require.NoError(t, w.Close())
					require.EqualValues(t, seq, inspect(t, path).NextSeq)
					sound(t, path)
				})
			}
		}
	}
}

// claimSome claims and commits some records from number seq on, reads them, and returns the next number.
func claimSome(t *testing.T, w *ring.Writer, r *ring.Reader, random *rand.Rand, seq uint64) uint64 {
	t.Helper()
	sizes := make([]int, random.IntN(9))
	for i := range sizes {
		sizes[i] = random.IntN([]int{1, 40, 3000}[random.IntN(3)] + 1)
	}
	c, err := w.ClaimBatch(background, sizes...)
	require.NoError(t, err)
	require.Equal(t, len(sizes), c.Len())
	type kept struct {
		payload []byte
		tag     uint16
	}
	var want []kept
	for i := len(sizes) - 1; i >= 0; i-- {
		require.Len(t, c.Bytes(i), sizes[i])
		require.Equal(t, sizes[i], cap(c.Bytes(i)), "who appends to it must not reach the next one")
		payload := pattern(random.Uint64(), sizes[i])
		copy(c.Bytes(i), payload)
		tag := uint16(random.Uint32())
		c.SetTag(i, tag)
		switch random.IntN(4) {
		case 0:
			c.Drop(i)
			continue
		case 1:
			payload = payload[:random.IntN(sizes[i]+1)]
			require.NoError(t, c.Cut(i, len(payload)))
		}
		want = append([]kept{{payload, tag}}, want...)
	}
	dry(t, r)
	first, n, err := c.Commit()
	require.NoError(t, err)
	require.Equal(t, len(want), n)
	if n > 0 {
		require.Equal(t, seq, first)
	} else {
		require.Zero(t, first)
	}
	for _, k := range want {
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.Equal(t, [2]uint64{seq, uint64(k.tag)}, [2]uint64{rec.Seq, uint64(rec.Tag)})
		require.True(t, bytes.Equal(k.payload, rec.Payload), "record %d", seq)
		seq++
	}
	dry(t, r)
	return seq
}

func TestClaimsFillAtMostHalfTheRing(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	half := make([]int, small/2/1024)
	for i := range half {
		half[i] = 1024 - 16
	}
	for round := range uint64(5) {
		c, err := w.ClaimBatch(background, half...)
		require.NoError(t, err)
		first, n, err := c.Commit()
		require.NoError(t, err)
		require.Equal(t, len(half), n)
		require.Equal(t, round*uint64(n)+1, first)
		for range half {
			_, err := r.Next(background)
			require.NoError(t, err)
		}
		require.NoError(t, r.Ack())
	}
	for _, sizes := range [][]int{append(half, 0), {small / 2}, {-1}, {5, -1 << 62, 5}, {1 << 62, 1 << 62}} {
		_, err := w.ClaimBatch(background, sizes...)
		require.ErrorIs(t, err, ring.ErrTooLarge)
		require.ErrorContains(t, err, "at most 32768 together")
		named(t, err, "claim", path)
	}
	sound(t, path)
}

func TestClaimsEndOnce(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	c, err := w.ClaimBatch(background, 10, 20)
	require.NoError(t, err)
	for name, call := range writerCalls(w) {
		require.ErrorIs(t, call(), ring.ErrClaimed, name)
	}
	for _, m := range []int{-1, 21} {
		err := c.Cut(1, m)
		require.ErrorIs(t, err, ring.ErrTooLarge)
		require.ErrorContains(t, err, fmt.Sprintf("%d bytes of record 1, claimed were 20", m))
		named(t, err, "cut", path)
	}
	require.Panics(t, func() { c.Bytes(2) })
	c.Abort()
	over := func() {
		t.Helper()
		c.Abort()
		_, _, err = c.Commit()
		require.ErrorIs(t, err, ring.ErrMisuse)
		named(t, err, "commit", path)
	}
	over()
	one, err := w.Claim(background, 1)
	require.NoError(t, err)
	over() // it does not end another's claim
	copy(one.Bytes(), "1")
	_, err = one.Commit(1)
	require.NoError(t, err)
	dryAfter(t, r, 1)
	c, err = w.ClaimBatch(background, 1)
	require.NoError(t, err)
	_, err = one.Commit(1)
	require.ErrorIs(t, err, ring.ErrMisuse)
	copy(c.Bytes(0), "2")
	_, _, err = c.Commit()
	require.NoError(t, err)
	over()
	dryAfter(t, r, 2)
}

func TestCloseLeavesTheMemoryOfClaimsThatAreOut(t *testing.T) {
	for _, shared := range []bool{false, true} {
		for name, end := range map[string]func(t *testing.T, c *ring.Claims){
			"commit": func(t *testing.T, c *ring.Claims) {
				_, _, err := c.Commit()
				require.ErrorIs(t, err, os.ErrClosed)
			},
			"abort": func(t *testing.T, c *ring.Claims) { c.Abort() },
		} {
			t.Run(fmt.Sprintf("%s, shared %t", name, shared), func(t *testing.T) {
				path := newRing(t, ring.Config{Shared: shared})
				w := openWriter(t, path)
				c, err := w.ClaimBatch(background, 10, 20)
				require.NoError(t, err)
				require.NoError(t, w.Close())
				copy(c.Bytes(1), "still here")
				end(t, c)
				maps, descriptors := mappings(t, path)
				require.Zero(t, maps+descriptors)
				require.Zero(t, sound(t, path).Records)
				require.EqualValues(t, 1, publish(t, openWriter(t, path), 1))
				require.Zero(t, inspect(t, path).Stats.Recoveries)
			})
		}
	}
}

// claimsRole claims several and says so.
func claimsRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	c, err := w.ClaimBatch(background, 500, 5000)
	proctest.Die(err)
	copy(c.Bytes(1), bytes.Repeat([]byte{'x'}, 5000))
	proctest.Say("claimed")
	proctest.Hear()
}

func TestAProcessThatDiesWithClaimsHasPublishedNothing(t *testing.T) {
	for _, shared := range []bool{false, true} {
		path := newRing(t, ring.Config{Shared: shared})
		w := openWriter(t, path)
		publish(t, w, 5)
		if !shared { // else it waits for the mutex, and takes it over
			require.NoError(t, w.Close())
		}
		p := proctest.Start(t, "claims", path)
		p.Expect("claimed")
		p.Kill()
		if !shared {
			require.Error(t, p.Wait())
			w = openWriter(t, path)
		}
		seq, err := w.Publish(background, []byte("6"))
		require.NoError(t, err)
		require.EqualValues(t, 6, seq)
		require.EqualValues(t, 6, sound(t, path).Records)
	}
}
