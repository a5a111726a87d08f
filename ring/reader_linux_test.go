package ring_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// durable opens the durable reader "r".
func durable(t testing.TB, path string) *ring.Reader {
	t.Helper()
	return openReader(t, path, ring.ReaderOptions{Name: "r", Durable: true})
}

func TestWhatConsumesARecordAndWhatDoesNot(t *testing.T) {
	cases := map[string]struct {
		use  func(t *testing.T, r *ring.Reader)
		then uint64 // the record that comes after closing and opening again
	}{
		"nothing was read": {func(t *testing.T, r *ring.Reader) {}, 1},
		"a record was delivered and nothing more asked for": {func(t *testing.T, r *ring.Reader) {
			next(t, r, 1)
		}, 1},
		"the next record was asked for": {func(t *testing.T, r *ring.Reader) {
			next(t, r, 1)
			next(t, r, 2)
			next(t, r, 3)
		}, 3},
		"the next record was asked for and there was none": {func(t *testing.T, r *ring.Reader) {
			for seq := range uint64(10) {
				next(t, r, seq+1)
			}
			dry(t, r)
		}, 11},
		"acknowledged": {func(t *testing.T, r *ring.Reader) {
			next(t, r, 1)
			next(t, r, 2)
			require.NoError(t, r.Ack())
			require.NoError(t, r.Ack(), "again")
		}, 3},
		"acknowledged up to one before": {func(t *testing.T, r *ring.Reader) {
			next(t, r, 1)
			next(t, r, 2)
			next(t, r, 3)
			require.NoError(t, r.AckTo(2))
		}, 3},
		"left by break": {func(t *testing.T, r *ring.Reader) {
			for rec := range r.Records(background) {
				if rec.Seq == 3 {
					break
				}
			}
			require.NoError(t, r.Err())
		}, 3},
		"left by break after an acknowledgement": {func(t *testing.T, r *ring.Reader) {
			for rec := range r.Records(background) {
				if rec.Seq == 3 {
					require.NoError(t, r.Ack())
					break
				}
			}
		}, 4},
		"left by return": {func(t *testing.T, r *ring.Reader) {
			func() {
				for rec := range r.Records(background) {
					if rec.Seq == 5 {
						return
					}
				}
			}()
		}, 5},
		"left by a panic": {func(t *testing.T, r *ring.Reader) {
			require.PanicsWithValue(t, "mine", func() {
				for rec := range r.Records(background) {
					if rec.Seq == 2 {
						panic("mine")
					}
				}
			})
		}, 2},
		"the buffer was too small": {func(t *testing.T, r *ring.Reader) {
			next(t, r, 1)
			_, err := r.Read(background, nil)
			require.ErrorIs(t, err, io.ErrShortBuffer)
		}, 2},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			publish(t, openWriter(t, path), 10)
			r := durable(t, path)
			c.use(t, r)
			require.NoError(t, r.Close())
			r = durable(t, path)
			if c.then > 10 {
				dry(t, r)
				return
			}
			next(t, r, c.then)
		})
	}
}

func TestALoopThatWasLeftGoesOnWithTheSameRecord(t *testing.T) {
	for name, open := range bothKinds {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{Checksums: true})
			publish(t, openWriter(t, path), 10)
			c := open(t, path)
			for stop := uint64(1); stop <= 10; stop++ {
				first := uint64(0)
				for rec := range c.Records(background) {
					require.Equal(t, fmt.Sprint(rec.Seq), string(rec.Payload), "what the loop before did to its copy is not seen")
					if first == 0 {
						first = rec.Seq
					}
					clear(rec.Payload)
					if rec.Seq == stop {
						break
					}
				}
				require.NoError(t, c.Err())
				require.Equal(t, max(stop-1, 1), first)
				stats, err := c.Stats()
				require.NoError(t, err)
				require.Equal(t, stop-1, stats.Records, "what comes again is not counted twice")
			}
			next(t, c, 10)
		})
	}
}

// source is what Reader and Observer have in common.
type source interface {
	nexter
	Read(ctx context.Context, buf []byte) (ring.Record, error)
	Records(ctx context.Context) iter.Seq[ring.Record]
	Batches(ctx context.Context, n int) iter.Seq[[]ring.Record]
	Err() error
	Stats() (ring.ReaderStats, error)
	Close() error
	Path() string
	MaxPayload() int
}

// bothKinds opens a reader and an observer.
var bothKinds = map[string]func(t testing.TB, path string) source{
	"reader":   func(t testing.TB, path string) source { return openReader(t, path, ring.ReaderOptions{}) },
	"observer": func(t testing.TB, path string) source { return observe(t, path, ring.ObserverOptions{}) },
}

func TestRecordsEndsWithTheRingAndSaysWhyOtherwise(t *testing.T) {
	for name, open := range bothKinds {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			publish(t, w, 3)
			c := open(t, path)
			ctx, cancel := withCause()
			seen := 0
			for rec := range c.Records(ctx) {
				if seen++; rec.Seq == 3 {
					cancel(errEnough)
				}
			}
			require.Equal(t, 3, seen)
			require.ErrorIs(t, c.Err(), errEnough)
			named(t, c.Err(), "read", path)

			require.NoError(t, w.End())
			for rec := range c.Records(background) {
				t.Errorf("record %d after the end", rec.Seq)
			}
			require.NoError(t, c.Err())
			_, err := c.Next(background)
			require.ErrorIs(t, err, io.EOF)
			named(t, err, "read", path)

			require.NoError(t, c.Close())
			for rec := range c.Records(background) {
				t.Errorf("record %d of a closed %s", rec.Seq, name)
			}
			require.ErrorIs(t, c.Err(), os.ErrClosed)
		})
	}
}

func TestTheBodyOfALoopMayUseTheReader(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 9)
	r := durable(t, path)
	var outer []uint64
	for rec := range r.Records(background) {
		outer = append(outer, rec.Seq)
		if rec.Seq == 9 {
			break
		}
		next(t, r, rec.Seq+1) // takes the loop's next one
		require.NoError(t, r.Ack())
		_, err := r.Stats()
		require.NoError(t, err)
	}
	require.Equal(t, []uint64{1, 3, 5, 7, 9}, outer)
	for rec := range r.Records(background) {
		require.EqualValues(t, 9, rec.Seq)
		require.NoError(t, r.Close())
	}
	require.ErrorIs(t, r.Err(), os.ErrClosed)
}

func TestReadCopiesIntoTheCallersBuffer(t *testing.T) {
	for name, open := range bothKinds {
		for mode, config := range modes {
			t.Run(name+" "+mode, func(t *testing.T) {
				path := newRing(t, config)
				w := openWriter(t, path)
				c := open(t, path)
				for i, n := range []int{0, 1, 100, 16<<10 - 40, 16 << 10, 16<<10 + 1, w.MaxPayload()} { // around a reader's window
					want := pattern(uint64(i), n)
					_, err := w.PublishTagged(background, uint16(n), want)
					require.NoError(t, err)
					if n > 0 {
						_, err = c.Read(background, make([]byte, n-1))
						require.ErrorIs(t, err, io.ErrShortBuffer)
						require.ErrorContains(t, err, fmt.Sprintf("record %d has %d bytes, the buffer %d", i+1, n, n-1))
					}
					buf := make([]byte, n+10)
					rec, err := c.Read(background, buf)
					require.NoError(t, err)
					require.EqualValues(t, i+1, rec.Seq)
					require.Equal(t, uint16(n), rec.Tag)
					require.True(t, bytes.Equal(want, rec.Payload))
					require.True(t, bytes.Equal(want, buf[:n]), "the payload is a part of the buffer")
					require.Equal(t, make([]byte, 10), buf[n:], "and nothing else of it is touched")
					require.Equal(t, config.Timestamps, !rec.Time().IsZero())
					if r, ok := c.(*ring.Reader); ok {
						require.NoError(t, r.Ack())
					}
				}
			})
		}
	}
}

func TestAPayloadIsTheReadersOwnCopy(t *testing.T) {
	for name, open := range bothKinds {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			publish(t, w, 3)
			c := open(t, path)
			rec := next(t, c, 1)
			_ = append(rec.Payload, bytes.Repeat([]byte{'x'}, 100)...) // must not reach the record after it
			next(t, c, 2)

			rec = next(t, c, 3)
			info := inspect(t, path)
			_, err := raw(t, path).WriteAt(bytes.Repeat([]byte{'x'}, small), info.DataOffset)
			require.NoError(t, err)
			require.Equal(t, "3", string(rec.Payload), "a writer cannot change it any more")
			require.NoError(t, c.Close())
			require.Equal(t, "3", string(rec.Payload), "nor does Close")
		})
	}
}

func TestWithManualAckOnlyAckToConsumes(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	open := func() *ring.Reader {
		return openReader(t, path, ring.ReaderOptions{Name: "r", Durable: true, ManualAck: true})
	}
	r := open()
	last := fill(t, w)
	read := func(from, to uint64) {
		for seq := from; seq <= to; seq++ {
			rec, err := r.Next(background)
			require.NoError(t, err)
			require.Equal(t, seq, rec.Seq)
		}
	}
	read(1, last)
	require.EqualValues(t, 1, inspect(t, path).Readers[0].Seq, "nothing is consumed")
	_, err := w.TryPublish(make([]byte, 1000))
	require.ErrorIs(t, err, ring.ErrFull)

	require.NoError(t, r.AckTo(0), "consumes nothing")
	require.EqualValues(t, 1, inspect(t, path).Readers[0].Seq)
	require.NoError(t, r.AckTo(7))
	require.NoError(t, r.AckTo(3), "consumed before")
	require.EqualValues(t, 8, inspect(t, path).Readers[0].Seq)
	err = r.AckTo(last + 1)
	require.ErrorIs(t, err, ring.ErrMisuse)
	require.ErrorContains(t, err, fmt.Sprintf("record %d has not been delivered, the last was %d", last+1, last))
	named(t, err, "ack", path)

	for range 7 {
		_, err := w.TryPublish(make([]byte, 1000))
		require.NoError(t, err, "their space is free")
	}
	read(last+1, last+7)
	require.NoError(t, r.AckTo(last+3), "beyond the region's end")
	require.NoError(t, r.Close())

	r = open()
	require.ErrorIs(t, r.AckTo(last+4), ring.ErrMisuse, "not delivered to this one")
	read(last+4, last+7)
	require.NoError(t, r.AckTo(last+7))
	require.NoError(t, r.Close())
	dry(t, open())
}

func TestARegisteredReaderLosesNothingHoweverSlowItIs(t *testing.T) {
	const records = 20000
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	readers := []*ring.Reader{openReader(t, path, ring.ReaderOptions{}), durable(t, path), openReader(t, path, ring.ReaderOptions{Name: "m", ManualAck: true})}
	done := make(chan error, len(readers)+1)
	go func() {
		for i := range uint64(records) {
			if _, err := w.Publish(background, pattern(i+1, int(i*i%700))); err != nil {
				done <- err
				return
			}
		}
		done <- w.End()
	}()
	for _, r := range readers {
		go func() { done <- readAll(r, records) }()
	}
	for range len(readers) + 1 {
		require.NoError(t, <-done)
	}
	sound(t, path)
}

// readAll reads to the end and checks that every record of pattern has come.
func readAll(r *ring.Reader, records uint64) error {
	want := uint64(1)
	for rec := range r.Records(background) {
		if rec.Seq != want || rec.Lost != 0 || !bytes.Equal(rec.Payload, pattern(want, int((want-1)*(want-1)%700))) {
			return fmt.Errorf("record %d, lost %d, expected %d", rec.Seq, rec.Lost, want)
		}
		if want%100 == 0 {
			if err := r.AckTo(want); err != nil {
				return err
			}
		}
		want++
	}
	if want != records+1 {
		return fmt.Errorf("ended before record %d: %w", want, r.Err())
	}
	return r.Err()
}
