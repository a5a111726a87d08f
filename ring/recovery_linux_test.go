package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// crash closes the writer and gives the file back the bytes that it had before: those that a kill would have left.
func crash(t testing.TB, path string, w *ring.Writer) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	restored(t, path, b)
}

// reboot gives the file the boot id of another run of the machine.
func reboot(t testing.TB, path string) {
	t.Helper()
	poke(t, path, ring.OffBootID, ^peek(t, path, ring.OffBootID))
}

// flip changes one bit of the file.
func flip(t testing.TB, path string, off int64) {
	t.Helper()
	poke(t, path, off, peek(t, path, off)^1)
}

// patterns publishes records first to last, of size bytes each.
func patterns(t testing.TB, w *ring.Writer, first, last uint64, size int) {
	t.Helper()
	for seq := first; seq <= last; seq++ {
		got, err := w.Publish(background, pattern(seq, size))
		require.NoError(t, err)
		require.Equal(t, seq, got)
	}
}

// readable requires that exactly the records first to last can be read, each with its own bytes.
func readable(t testing.TB, path string, first, last uint64, size int) {
	t.Helper()
	v := observe(t, path, ring.ObserverOptions{})
	for seq := first; seq <= last; seq++ {
		rec, err := v.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, rec.Seq)
		require.True(t, bytes.Equal(pattern(seq, size), rec.Payload), "record %d", seq)
	}
	dry(t, v)
	require.NoError(t, v.Close())
}

func TestACleanRingIsNotLookedAt(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	require.Equal(t, ring.Recovery{Next: 1}, w.Recovery(), "nobody had written to it")
	publish(t, w, 10)
	require.NoError(t, w.Close())
	published := inspect(t, path).Published
	require.Equal(t, ring.Recovery{Published: published, Next: 11}, openWriter(t, path).Recovery())
}

func TestADirtyRingIsLookedAtForAStride(t *testing.T) {
	capacities := []int64{small, 1 << 20, 16 << 20}
	if slower > 1 {
		capacities = capacities[:2]
	}
	for _, capacity := range capacities {
		for _, size := range []int{0, 100, 5000} {
			t.Run(fmt.Sprintf("capacity %d, records of %d", capacity, size), func(t *testing.T) {
				path := newRing(t, ring.Config{Capacity: capacity, Checksums: true})
				w := openWriter(t, path)
				last := uint64(2 * capacity / int64(size+24))
				batch := make([][]byte, last)
				for i := range batch {
					batch[i] = make([]byte, size)
				}
				n, err := w.PublishBatch(background, batch)
				require.NoError(t, err)
				require.EqualValues(t, last, n)
				require.NoError(t, w.Close())
				poke32(t, path, ring.OffClean, 0)
				w = openWriter(t, path)
				found := w.Recovery()
				require.True(t, found.Dirty)
				require.False(t, found.Full)
				require.NotZero(t, found.Records)
				require.LessOrEqual(t, found.Bytes, uint64(capacity/ring.IndexEntries+2*(int64(size)+48)), "a stride and a record at each end")
				require.LessOrEqual(t, found.Records, found.Bytes/ring.RecordSize)
				require.Equal(t, last+1, found.Next)
				patterns(t, w, last+1, last+1, 0)
				require.EqualValues(t, 1, inspect(t, path).Stats.Recoveries)
			})
		}
	}
}

func TestARebootedOrCopiedRingIsLookedAtWhole(t *testing.T) {
	cases := map[string]struct {
		change func(t *testing.T, path string) string
		want   ring.Recovery
	}{
		"after a reboot": {
			func(t *testing.T, path string) string { reboot(t, path); return path },
			ring.Recovery{Rebooted: true},
		},
		"a copy": {
			func(t *testing.T, path string) string { return copied(t, path) },
			ring.Recovery{Copied: true},
		},
		"a copy of a ring in use before the reboot": {
			func(t *testing.T, path string) string {
				path = copied(t, path)
				reboot(t, path)
				poke32(t, path, ring.OffClean, 0)
				return path
			},
			ring.Recovery{Dirty: true, Rebooted: true, Copied: true},
		},
		"one whose writers never said who they are": {
			func(t *testing.T, path string) string {
				for off := int64(ring.OffBootID); off <= ring.OffInode; off += 8 {
					poke(t, path, off, 0)
				}
				return path
			},
			ring.Recovery{Rebooted: true, Copied: true},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{Checksums: true})
			w := openWriter(t, path)
			patterns(t, w, 1, 50, 100)
			require.NoError(t, w.Close())
			path = c.change(t, path)
			w = openWriter(t, path)
			c.want.Full, c.want.Records, c.want.Sums, c.want.Next = true, 50, 50, 51
			c.want.Published = inspect(t, path).Published
			c.want.Bytes = c.want.Published
			require.Equal(t, c.want, w.Recovery())
			require.NoError(t, w.Close())
			readable(t, path, 1, 50, 100)
			again := openWriter(t, path).Recovery()
			require.Equal(t, ring.Recovery{Published: c.want.Published, Next: 51}, again, "now it is this boot's and this file's")
		})
	}
}

// damage is a way to spoil the record that takes size bytes at off of the file.
var damage = map[string]func(t testing.TB, path string, off int64, size int){
	"a bit of its size":     func(t testing.TB, path string, off int64, _ int) { flip(t, path, off) },
	"a bit of its kind":     func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+4) },
	"a bit of its flags":    func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+5) },
	"a bit of its tag":      func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+6) },
	"a bit of its number":   func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+8) },
	"a bit of its checksum": func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+16) },
	"its zero":              func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+20) },
	"its first byte":        func(t testing.TB, path string, off int64, _ int) { flip(t, path, off+24) },
	"its last byte":         func(t testing.TB, path string, off int64, size int) { flip(t, path, off+int64(size)-8) },
	"all of it is zero": func(t testing.TB, path string, off int64, size int) {
		overwrite(t, path, off, make([]byte, size))
	},
	"all of it is one": func(t testing.TB, path string, off int64, size int) {
		overwrite(t, path, off, bytes.Repeat([]byte{0xff}, size))
	},
}

// Fifty records of 100 bytes, 128 with their headers; one of them is damaged; the machine was restarted.
func TestWhatIsNotWholeIsCutAfterAReboot(t *testing.T) {
	const records, payload, whole = 50, 104, 128
	for what, spoil := range damage {
		for _, bad := range []uint64{1, 2, 25, 49, 50} {
			t.Run(fmt.Sprintf("record %d, %s", bad, what), func(t *testing.T) {
				path := newRing(t, ring.Config{Checksums: true})
				data := inspect(t, path).DataOffset
				require.NoError(t, openReader(t, path, ring.ReaderOptions{Name: "all", Durable: true}).Close())
				w := openWriter(t, path)
				patterns(t, w, 1, records, payload)
				late := openReader(t, path, ring.ReaderOptions{Name: "none", Durable: true, From: ring.Newest})
				require.NoError(t, late.Close())
				require.NoError(t, w.Close())
				spoil(t, path, data+int64(bad-1)*whole, whole)
				reboot(t, path)

				first, last := uint64(1), bad-1
				if bad == 1 { // the index leads to a whole one, a stride further on at most
					first, last = 9, records
				}
				w = openWriter(t, path)
				found := w.Recovery()
				require.True(t, found.Full)
				require.Equal(t, last+1, found.Next)
				require.Equal(t, (first-1)*whole, found.Skipped)
				require.Equal(t, (first-1)*whole, found.Oldest)
				require.Equal(t, (records-last)*whole, found.Cut)
				require.Equal(t, last*whole, found.Published)
				lost := records - last + first - 1
				if found.AtLeast {
					require.LessOrEqual(t, found.Lost, lost)
					require.NotZero(t, found.Lost)
				} else {
					require.Equal(t, lost, found.Lost)
				}
				require.Equal(t, bad > 1, !found.AtLeast, "the last records tell their numbers")
				stats := inspect(t, path).Stats
				require.Equal(t, found.Cut+found.Skipped, stats.CutBytes)
				require.Equal(t, found.Lost, stats.CutRecords)
				sound(t, path)
				readable(t, path, first, last, payload)
				patterns(t, w, last+1, last+3, payload)
				require.NoError(t, w.Close())
				readable(t, path, first, last+3, payload)

				r := openReader(t, path, ring.ReaderOptions{Name: "all", Durable: true})
				for seq := first; seq <= last+3; seq++ {
					rec, err := r.Next(background)
					require.NoError(t, err)
					require.Equal(t, seq, rec.Seq)
				}
				r = openReader(t, path, ring.ReaderOptions{Name: "none", Durable: true})
				rec, err := r.Next(background)
				require.NoError(t, err)
				require.Equal(t, last+1, rec.Seq, "a cursor above what was cut goes on with what was written since")
				sound(t, path)
			})
		}
	}
}

func TestNothingWholeIsAnEmptyRing(t *testing.T) {
	for _, checksums := range []bool{true, false} {
		t.Run(fmt.Sprintf("checksums %t", checksums), func(t *testing.T) {
			path := newRing(t, ring.Config{Checksums: checksums})
			w := openWriter(t, path)
			patterns(t, w, 1, 2000, 104)
			require.NoError(t, w.Close())
			info := inspect(t, path)
			overwrite(t, path, info.DataOffset, make([]byte, info.Capacity))
			reboot(t, path)
			w = openWriter(t, path)
			found := w.Recovery()
			require.Equal(t, info.Oldest, found.Oldest)
			require.Equal(t, info.Oldest, found.Published)
			require.Equal(t, info.Published-info.Oldest, found.Cut)
			require.EqualValues(t, 2001, found.Next, "the last writer closed, and wrote it down")
			sound(t, path)
			patterns(t, w, 2001, 2010, 104)
			readable(t, path, 2001, 2010, 104)
		})
	}
}

func TestPublishedDoesNotMoveBackUnderALivingReader(t *testing.T) {
	const whole = 128
	cases := map[string]ring.ReaderOptions{
		"an ephemeral reader": {},
		"a named reader":      {Name: "risk"},
		"a durable reader":    {Name: "risk", Durable: true},
	}
	for name, o := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{Checksums: true})
			w := openWriter(t, path)
			patterns(t, w, 1, 50, 104)
			require.NoError(t, w.Close())
			flip(t, path, inspect(t, path).DataOffset+29*whole+30)
			reboot(t, path)
			r := openReader(t, path, o)
			for range 2 {
				_, err := ring.OpenWriter(background, path, ring.WriterOptions{})
				require.ErrorIs(t, err, ring.ErrBusy)
				require.ErrorContains(t, err, fmt.Sprintf("2688 damaged bytes have to be given up at position 3712, and process %d reads", os.Getpid()))
				require.ErrorContains(t, err, o.Name)
				require.EqualValues(t, 50*whole, inspect(t, path).Published)
			}
			for seq := uint64(1); seq <= 29; seq++ {
				rec, err := r.Next(background)
				require.NoError(t, err)
				require.Equal(t, seq, rec.Seq)
			}
			_, err := r.Next(background)
			require.ErrorIs(t, err, ring.ErrCorrupt, "and the damaged one is not delivered")
			require.NoError(t, r.Close())
			w = openWriter(t, path)
			require.EqualValues(t, 21*whole, w.Recovery().Cut)
			require.EqualValues(t, 21, w.Recovery().Lost)
			readable(t, path, 1, 29, 104)
		})
	}
}

// Who copies a ring that is in use copies its counters first and its data later: what the writer has overwritten meanwhile
// stands at the start.
func TestACopyOfARingInUseKeepsWhatIsWhole(t *testing.T) {
	for _, checksums := range []bool{true, false} {
		for _, size := range []int{100, 104, 999} { // boundaries of one lap are those of the next, or are not
			t.Run(fmt.Sprintf("checksums %t, records of %d", checksums, size), func(t *testing.T) {
				path := newRing(t, ring.Config{Checksums: checksums})
				w := openWriter(t, path)
				last := uint64(3 * small / size)
				patterns(t, w, 1, last, size)
				info := inspect(t, path)
				before, err := os.ReadFile(path)
				require.NoError(t, err)
				patterns(t, w, last+1, last+uint64(small/3/size), size)
				overwritten := inspect(t, path).Published - info.Oldest - small
				copyPath := copied(t, path)
				overwrite(t, copyPath, 0, before[:info.DataOffset])

				found := openWriter(t, copyPath).Recovery()
				require.Equal(t, info.Published, found.Published)
				require.Equal(t, last+1, found.Next)
				require.Zero(t, found.Cut)
				require.GreaterOrEqual(t, found.Skipped, overwritten)
				require.Less(t, found.Skipped, overwritten+small/ring.IndexEntries+uint64(size)+48, "up to the next entry of the index")
				first := sound(t, copyPath).Records
				readable(t, copyPath, last+1-first, last, size)
			})
		}
	}
}

func TestCountersThatContradictEachOtherAreRefused(t *testing.T) {
	cases := map[string]struct{ oldest, published uint64 }{
		"oldest above published":       {6416, 6400},
		"more than a capacity between": {0, small + 16},
		"oldest between records":       {8, 6400},
		"published between records":    {0, 6401},
		"published beyond the end":     {1 << 63, 1 << 63},
		"all ones":                     {1<<64 - 1, 1<<64 - 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			patterns(t, w, 1, 50, 112)
			require.NoError(t, w.Close())
			poke(t, path, ring.OffOldest, c.oldest)
			poke(t, path, ring.OffPublished, c.published)
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
			require.ErrorIs(t, err, ring.ErrCorrupt)
			require.ErrorContains(t, err, fmt.Sprintf("oldest %d, published %d, capacity %d", c.oldest, c.published, small))
			_, err = ring.Repair(background, path, ring.RepairOptions{})
			require.ErrorIs(t, err, ring.ErrCorrupt)
			require.ErrorContains(t, err, fmt.Sprintf("oldest %d, published %d, capacity %d", c.oldest, c.published, small))
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, b := range [][]byte{before, after} {
				clear(b[ring.OffPID:ring.OffHighWater]) // who tried
			}
			require.True(t, bytes.Equal(before, after), "nothing is changed")
		})
	}
}

func TestRecoveryEndsWithTheContext(t *testing.T) {
	path := newRing(t, ring.Config{Capacity: 1 << 20})
	w := openWriter(t, path)
	patterns(t, w, 1, 5000, 100)
	require.NoError(t, w.Close())
	reboot(t, path)
	ctx, cause := ended()
	for range 2 {
		_, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
		require.ErrorIs(t, err, cause)
		found, err := ring.Repair(ctx, path, ring.RepairOptions{})
		require.ErrorIs(t, err, cause)
		require.Less(t, found.Records, uint64(5000))
	}
	found, err := ring.Repair(context.Background(), path, ring.RepairOptions{})
	require.NoError(t, err)
	require.True(t, found.Dirty && found.Rebooted && found.Full)
	require.EqualValues(t, 5000, found.Records)
	require.EqualValues(t, 5001, found.Next)
}
