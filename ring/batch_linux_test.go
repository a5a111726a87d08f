package ring_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestABatchComesInOrderHoweverLargeItIs(t *testing.T) {
	cases := map[string]struct{ records, size int }{
		"nothing":                  {0, 0},
		"one record":               {1, 10},
		"empty records":            {500, 0},
		"less than the ring":       {100, 100},
		"more than half the ring":  {400, 100},
		"many times the ring":      {20000, 90},
		"records of the most":      {10, small/2 - 16},
		"records of half the most": {10, small/4 - 16},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			batch := make([][]byte, c.records)
			for i := range batch {
				batch[i] = pattern(uint64(i+1), c.size)
			}
			n, err := w.PublishBatch(background, batch)
			require.NoError(t, err)
			require.Equal(t, c.records, n)
			stats, err := w.Stats()
			require.NoError(t, err)
			require.Equal(t, [2]uint64{uint64(c.records), 0}, [2]uint64{stats.Records, stats.Blocked}, "nobody was in the way")
			read(t, path, c.records, c.size)
			sound(t, path)
			require.Equal(t, uint64(c.records)+1, publish(t, w, 1))
		})
	}
}

// read requires that what is still in the ring are the last records of pattern.
func read(t *testing.T, path string, last, size int) {
	t.Helper()
	v := observe(t, path, ring.ObserverOptions{})
	info := inspect(t, path)
	require.EqualValues(t, last+1, info.NextSeq)
	for seq := max(info.FirstSeq, 1); seq < info.NextSeq; seq++ {
		rec, err := v.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, rec.Seq)
		require.True(t, bytes.Equal(pattern(seq, size), rec.Payload))
	}
	dry(t, v)
}

func TestABatchIsReadWhileItWaitsForItsReader(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{})
	const records = 5000
	done := make(chan error, 1)
	go func() {
		batch := make([][]byte, records)
		for i := range batch {
			batch[i] = fmt.Appendf(nil, "%d", i+1)
		}
		n, err := w.PublishBatch(background, batch)
		if err == nil && n != records {
			err = fmt.Errorf("published %d", n)
		}
		done <- err
	}()
	for i := range uint64(records) {
		next(t, r, i+1)
	}
	require.NoError(t, <-done)
}

func TestABatchThatIsCancelledSaysHowManyArePublished(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	openReader(t, path, ring.ReaderOptions{})
	batch := make([][]byte, 200)
	for i := range batch {
		batch[i] = pattern(uint64(i), 1000)
	}
	ctx, cause := ended()
	n, err := w.PublishBatch(ctx, batch)
	require.ErrorIs(t, err, cause)
	require.Equal(t, small/1024, n)
	require.EqualValues(t, n, sound(t, path).Records)
}
