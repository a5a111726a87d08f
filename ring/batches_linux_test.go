package ring_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestABatchHasWhatIsThereUpToItsLimit(t *testing.T) {
	for name, open := range bothKinds {
		for most, want := range map[int][]int{-1: {1, 1, 1}, 0: {1, 1, 1}, 1: {1, 1, 1}, 7: {7, 7, 7}, 100: {100, 100, 100}, 1000: {301}} {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			s := open(t, path)
			publish(t, w, 301)
			var got []int
			seq := uint64(0)
			for batch := range s.Batches(background, most) {
				got = append(got, len(batch))
				for _, rec := range batch {
					seq++
					require.Equal(t, seq, rec.Seq)
					require.Equal(t, fmt.Sprint(seq), string(rec.Payload))
					require.Zero(t, rec.Lost)
				}
				if len(got) == len(want) {
					break
				}
			}
			require.NoError(t, s.Err())
			require.Equal(t, want, got, "%s, up to %d", name, most)
		}
	}
}

func TestABatchNeverWaitsForMore(t *testing.T) {
	for name, open := range bothKinds {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		s := open(t, path)
		publish(t, w, 1)
		turns := 0
		for batch := range s.Batches(background, 100) {
			require.LessOrEqual(t, len(batch), 2, name)
			if turns++; turns == 50 {
				break
			}
			publish(t, w, 1+turns%2)
		}
		require.Equal(t, 50, turns)
	}
}

func TestABatchIsConsumedAsAWhole(t *testing.T) {
	leave := map[string]struct {
		use  func(r *ring.Reader, turn int) (stop bool)
		then uint64
	}{
		"left by break":               {func(r *ring.Reader, turn int) bool { return turn == 3 }, 21},
		"acknowledged and left":       {func(r *ring.Reader, turn int) bool { return turn == 3 && r.Ack() == nil }, 31},
		"acknowledged in its middle":  {func(r *ring.Reader, turn int) bool { return turn == 3 && r.AckTo(25) == nil }, 26},
		"left after the first record": {func(r *ring.Reader, turn int) bool { return turn == 1 && r.AckTo(1) == nil }, 2},
	}
	for name, c := range leave {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			publish(t, w, 100)
			r := durable(t, path)
			turn := 0
			for batch := range r.Batches(background, 10) {
				require.Len(t, batch, 10)
				if turn++; c.use(r, turn) {
					break
				}
			}
			stats, err := r.Stats()
			require.NoError(t, err)
			if c.then%10 == 1 { // whole batches
				require.Equal(t, c.then-1, stats.Records)
			}
			next(t, r, c.then)
			require.NoError(t, r.Close())
			next(t, durable(t, path), c.then)
		})
	}
}

func TestABatchOfRecordsOfAllSizes(t *testing.T) {
	for mode, config := range modes {
		for name, open := range bothKinds {
			t.Run(name+" "+mode, func(t *testing.T) {
				path := newRing(t, config)
				w := openWriter(t, path)
				s := open(t, path)
				size := func(seq uint64) int { return min(sizes[seq%uint64(len(sizes))], w.MaxPayload()) }
				done := make(chan error)
				const records = 500
				go func() {
					for seq := uint64(1); seq <= records; seq++ {
						if _, err := w.PublishTagged(background, uint16(seq), pattern(seq, size(seq))); err != nil {
							done <- err
							return
						}
					}
					done <- w.End()
				}()
				seq := uint64(0)
				for batch := range s.Batches(background, 64) {
					total := 0
					for _, rec := range batch {
						seq += rec.Lost + 1
						if rec.Seq != seq || rec.Tag != uint16(seq) || !bytes.Equal(rec.Payload, pattern(seq, size(seq))) || config.Timestamps == rec.Time().IsZero() {
							require.Failf(t, "wrong record", "%d, lost %d, %d bytes, expected %d", rec.Seq, rec.Lost, len(rec.Payload), seq)
						}
						total += len(rec.Payload)
					}
					require.True(t, len(batch) == 1 || total <= 16<<10)
				}
				require.NoError(t, s.Err())
				require.EqualValues(t, records, seq)
				require.NoError(t, <-done)
			})
		}
	}
}

func TestBatchesEndWithTheRing(t *testing.T) {
	for name, open := range bothKinds {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		publish(t, w, 5)
		require.NoError(t, w.End())
		s := open(t, path)
		seen := 0
		for batch := range s.Batches(background, 3) {
			seen += len(batch)
		}
		require.NoError(t, s.Err(), name)
		require.Equal(t, 5, seen)
		_, err := s.Next(background)
		require.ErrorIs(t, err, io.EOF)
	}
}

func TestAnObserversBatchBeginsWithItsLoss(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	v := observe(t, path, ring.ObserverOptions{})
	publish(t, w, 10_000)
	first := inspect(t, path).FirstSeq
	for batch := range v.Batches(background, 50) {
		require.Equal(t, first, batch[0].Seq)
		require.Equal(t, first-1, batch[0].Lost)
		for _, rec := range batch[1:] {
			require.Zero(t, rec.Lost)
		}
		break
	}
}
