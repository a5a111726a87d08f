package ring_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/ring"
)

// BenchmarkRecovery is what opening costs after a writer was killed, in full rings of records of 64 bytes: headers of the
// last stride are looked at. On a disk only that stride is written before: the others are blocks that nobody touches.
func BenchmarkRecovery(b *testing.B) {
	for _, capacity := range []int64{16 << 20, 256 << 20, 4 << 30, 32 << 30} {
		b.Run(fmt.Sprintf("capacity=%dMiB", capacity>>20), func(b *testing.B) {
			dir := b.TempDir()
			room(b, dir, capacity)
			path := filepath.Join(dir, "ring")
			require.NoError(b, ring.Create(path, ring.Config{Capacity: capacity}))
			full := uint64(3 * capacity)
			startAt(b, path, full, 1000)
			w := openWriter(b, path)
			batch := make([][]byte, 256)
			for i := range batch {
				batch[i] = make([]byte, 48)
			}
			for n := int64(0); n < capacity/ring.IndexEntries-64; n += 64 * int64(len(batch)) { // up to just before the next stride
				_, err := w.PublishBatch(background, batch)
				require.NoError(b, err)
			}
			require.NoError(b, w.Close())
			poke(b, path, ring.OffOldest, full-uint64(capacity)+uint64(capacity/ring.IndexEntries))
			var found ring.Recovery
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				poke32(b, path, ring.OffClean, 0)
				b.StartTimer()
				w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
				b.StopTimer()
				require.NoError(b, err)
				found = w.Recovery()
				require.False(b, found.Full)
				require.NoError(b, w.Close())
			}
			b.ReportMetric(float64(found.Records), "records")
			b.ReportMetric(float64(found.Bytes)/float64(capacity), "of_the_ring")
		})
	}
}

// room skips a benchmark of a ring that does not fit.
func room(b *testing.B, dir string, capacity int64) {
	b.Helper()
	var s unix.Statfs_t
	require.NoError(b, unix.Statfs(dir, &s))
	if free := int64(s.Bavail) * s.Bsize; free < capacity+capacity/10 {
		b.Skipf("needs %d bytes, %s has %d", capacity, os.TempDir(), free)
	}
}
