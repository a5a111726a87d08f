package ring_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// BenchmarkSeek is what going to a place in a full ring of 1 GiB takes, by the stride index, and by a walk from the oldest
// record, as it is when the index proves nothing.
func BenchmarkSeek(b *testing.B) {
	const capacity = 1 << 30
	for _, size := range []int{40, 4072} { // records of 64 B and of 4 KiB, with their times
		path := newRing(b, ring.Config{Capacity: capacity, Timestamps: true})
		w := openWriter(b, path)
		batch := make([][]byte, 64)
		for i := range batch {
			batch[i] = make([]byte, size)
		}
		times := map[uint64]time.Time{} // of some records
		for n := 0; n <= capacity+capacity/8; n += (size + 24) * len(batch) {
			_, err := w.PublishBatch(background, batch)
			require.NoError(b, err)
			if n%(capacity/1024) < (size+24)*len(batch) {
				times[nextOf(w)] = time.Now()
			}
		}
		info := inspect(b, path)
		random := rand.New(rand.NewPCG(1, 2))
		anySeq := func() ring.Start { return ring.Seq(info.FirstSeq + random.Uint64N(info.NextSeq-info.FirstSeq)) }
		var moments []time.Time
		for seq, at := range times {
			if seq > info.FirstSeq && seq < info.NextSeq {
				moments = append(moments, at)
			}
		}
		anyTime := func() ring.Start { return ring.At(moments[random.IntN(len(moments))]) }
		for _, indexed := range []bool{true, false} {
			if !indexed {
				overwrite(b, path, ring.IndexStart, make([]byte, 16*ring.IndexEntries))
			}
			for name, start := range map[string]func() ring.Start{"sequence": anySeq, "time": anyTime} {
				b.Run(fmt.Sprintf("record=%d/by=%s/index=%v", size+24, name, indexed), func(b *testing.B) {
					v := observe(b, path, ring.ObserverOptions{})
					b.ReportAllocs()
					for b.Loop() {
						if err := v.SeekTo(background, start()); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
		require.NoError(b, w.Close())
		require.NoError(b, ring.Remove(path, true))
	}
}
