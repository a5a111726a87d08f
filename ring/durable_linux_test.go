package ring_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// disk is what has reached the disk under a ring: what was flushed, and pages that the kernel wrote when it pleased.
type disk struct {
	t     testing.TB
	path  string
	image []byte
	rnd   *rand.Rand
}

const pageSize = 4096

// under puts a disk under the ring at path, which has everything as it is now.
func under(t testing.TB, path string, rnd *rand.Rand) *disk {
	t.Helper()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	d := &disk{t, path, image, rnd}
	t.Cleanup(ring.OnFlush(func(path string, off int64, n int) {
		if path == d.path {
			d.write(off, n)
		}
	}))
	return d
}

// write writes a range as it is in memory now.
func (d *disk) write(off int64, n int) {
	f, err := os.Open(d.path)
	require.NoError(d.t, err)
	defer f.Close()
	_, err = f.ReadAt(d.image[off:off+int64(n)], off)
	require.NoError(d.t, err)
}

// writeSome writes one page in so many.
func (d *disk) writeSome(so int) {
	for off := 0; off < len(d.image); off += pageSize {
		if d.rnd.IntN(so) == 0 {
			d.write(int64(off), pageSize)
		}
	}
}

// afterCrash returns the path of what the machine finds when it comes back.
func (d *disk) afterCrash() string {
	d.t.Helper()
	path := filepath.Join(ringtest.Dir(d.t), "found.ring")
	require.NoError(d.t, os.WriteFile(path, d.image, 0o600))
	reboot(d.t, path)
	d.t.Cleanup(func() {
		if d.t.Failed() {
			d.t.Log(ringtest.Dump(path))
		}
	})
	return path
}

// sizeOf is the payload of record seq: from nothing to several pages.
func sizeOf(seq uint64) int { return int(seq * 2654435761 % 9001 >> (seq % 11)) }

// A machine goes down at any moment, with any pages on its disk. With checksums, what is found is what was published. With or
// without, what was published before a Sync and was not overwritten since is there, and is whole.
func TestWhatWasSyncedOutlivesTheMachine(t *testing.T) {
	const crashes = 150
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	kept := 0
	for _, checksums := range []bool{true, false} {
		for i := range uint64(crashes) {
			rnd := rand.New(rand.NewPCG(seed, i))
			name := fmt.Sprintf("checksums %t, crash %d", checksums, i)
			kept += crashOnce(t, rnd, checksums, name)
		}
	}
	require.Greater(t, kept, crashes*20, "records that were promised")
}

// crashOnce lets a writer work and sync, crashes the machine, and returns how many records were promised.
func crashOnce(t *testing.T, rnd *rand.Rand, checksums bool, name string) (promised int) {
	t.Helper()
	path := newRing(t, ring.Config{Checksums: checksums, Slots: 4})
	d := under(t, path, rnd)
	w := openWriter(t, path)
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Oldest))
	var last, synced uint64
	for range 5 + rnd.IntN(60) {
		for range rnd.IntN(8) {
			last++
			for {
				_, err := w.TryPublish(pattern(last, sizeOf(last)))
				if err == nil {
					break
				}
				require.ErrorIs(t, err, ring.ErrFull)
				consume(t, path, 1+rnd.IntN(20))
			}
		}
		switch rnd.IntN(6) {
		case 0:
			require.NoError(t, w.Sync())
			synced = last
		case 1, 2, 3:
			d.writeSome(1 + rnd.IntN(8))
		}
	}
	atCrash := inspect(t, path)
	found := d.afterCrash()
	if rnd.IntN(2) == 0 {
		require.NoError(t, w.Close())
	}
	first, next := readBack(t, found, checksums, synced, name)
	if synced == 0 || atCrash.FirstSeq > synced {
		return 0
	}
	require.LessOrEqual(t, first, atCrash.FirstSeq, name)
	require.Greater(t, next, synced, name)
	return int(synced - atCrash.FirstSeq + 1)
}

// consume lets the durable reader "keep" go on by n records, if there are so many.
func consume(t testing.TB, path string, n int) {
	t.Helper()
	r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	done, cause := ended()
	for range n {
		if _, err := r.Next(done); err != nil {
			require.ErrorIs(t, err, cause)
			break
		}
	}
	require.NoError(t, r.Ack())
	require.NoError(t, r.Close())
}

// readBack recovers what the machine found and reads it, as an observer and as the durable reader.
func readBack(t *testing.T, found string, checksums bool, synced uint64, name string) (first, next uint64) {
	t.Helper()
	w, err := ring.OpenWriter(background, found, ring.WriterOptions{})
	require.NoError(t, err, name)
	defer w.Close()
	sound(t, found)
	info := inspect(t, found)
	first, next = info.FirstSeq, info.NextSeq
	if first == 0 {
		first = next // nothing is left
	}
	done, cause := ended()
	v := observe(t, found, ring.ObserverOptions{})
	for seq := first; seq < next; seq++ {
		rec, err := v.Next(done)
		require.NoError(t, err, name)
		require.Equal(t, seq, rec.Seq, name)
		if checksums || seq <= synced {
			require.True(t, string(pattern(seq, sizeOf(seq))) == string(rec.Payload), "%s: record %d", name, seq)
		}
	}
	_, err = v.Next(done)
	require.ErrorIs(t, err, cause, name)
	r, err := ring.OpenReader(background, found, ring.ReaderOptions{Name: "keep", Durable: true})
	require.NoError(t, err, name)
	defer r.Close()
	for want := uint64(0); ; want++ {
		rec, err := r.Next(done)
		if err != nil {
			require.ErrorIs(t, err, cause, name)
			break
		}
		require.True(t, want == 0 || rec.Seq == want, name)
		want = rec.Seq
	}
	return first, next
}

// Copies are made of a ring in use, one after another, and pages of them are dropped: zero, or as they were in an earlier copy.
// With checksums whoever reads what recovery leaves gets records that were published, in order; without, nobody fails.
func TestACopyOfARunningRingWithPagesDroppedHasNoTornRecord(t *testing.T) {
	for _, checksums := range []bool{true, false} {
		t.Run(fmt.Sprintf("checksums %t", checksums), func(t *testing.T) {
			path := newRing(t, ring.Config{Checksums: checksums, Slots: 4})
			ctx, stop := withCause()
			ended := make(chan error)
			go func() { ended <- publishUntil(ctx, path) }()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			proctest.Until(t, "the ring is full", func() bool { return inspect(t, path).Oldest > 0 })
			older, err := os.ReadFile(path)
			require.NoError(t, err)
			records := uint64(0)
			for i := range 60 {
				image, err := os.ReadFile(path)
				require.NoError(t, err)
				dropped := slices.Clone(image)
				for range rnd.IntN(4) {
					off := int(inspect(t, path).DataOffset) + rnd.IntN(small/pageSize)*pageSize
					page := older[off : off+pageSize]
					if rnd.IntN(2) == 0 {
						page = make([]byte, pageSize)
					}
					copy(dropped[off:], page)
				}
				older = image
				found := filepath.Join(ringtest.Dir(t), "found.ring")
				require.NoError(t, os.WriteFile(found, dropped, 0o600))
				first, next := readBack(t, found, checksums, 0, fmt.Sprintf("copy %d", i))
				records += next - first
			}
			require.Greater(t, records, uint64(500))
			stop(nil)
			require.ErrorIs(t, <-ended, context.Canceled)
		})
	}
}

// publishUntil publishes until the context ends.
func publishUntil(ctx context.Context, path string) error {
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
	if err != nil {
		return err
	}
	defer w.Close()
	for seq := uint64(1); ; seq++ {
		if _, err := w.Publish(ctx, pattern(seq, sizeOf(seq))); err != nil {
			return err
		}
	}
}
