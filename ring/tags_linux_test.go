package ring_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// wanting opens a reader and an observer that want only some tags.
var wanting = map[string]func(t testing.TB, path string, tags ...uint16) source{
	"reader": func(t testing.TB, path string, tags ...uint16) source {
		return openReader(t, path, ring.ReaderOptions{Tags: tags})
	},
	"observer": func(t testing.TB, path string, tags ...uint16) source {
		return observe(t, path, ring.ObserverOptions{Tags: tags})
	},
}

// waysToRead are all ways to get the next records.
var waysToRead = map[string]func(s source, each func(ring.Record)) error{
	"next": nextToEach,
	"read": func(s source, each func(ring.Record)) error {
		buf := make([]byte, 5000) // of those not wanted there are larger ones
		for {
			rec, err := s.Read(background, buf)
			if err != nil {
				return err
			}
			each(rec)
		}
	},
	"records": func(s source, each func(ring.Record)) error {
		for rec := range s.Records(background) {
			each(rec)
		}
		return errors.Join(s.Err(), io.EOF)
	},
	"batches": func(s source, each func(ring.Record)) error {
		for batch := range s.Batches(background, 7) {
			for _, rec := range batch {
				each(rec)
			}
		}
		return errors.Join(s.Err(), io.EOF)
	},
	"leases": func(s source, each func(ring.Record)) error {
		r, ok := s.(*ring.Reader)
		if !ok {
			return nextToEach(s, each)
		}
		for l := range r.Leases(background) {
			each(l.Record)
		}
		return errors.Join(r.Err(), io.EOF)
	},
	"lease": func(s source, each func(ring.Record)) error {
		r, ok := s.(*ring.Reader)
		if !ok {
			return nextToEach(s, each)
		}
		for {
			l, err := r.Lease(background)
			if err != nil {
				return err
			}
			each(l.Record)
			if err := l.Release(); err != nil {
				return err
			}
		}
	},
}

func nextToEach(s source, each func(ring.Record)) error {
	for {
		rec, err := s.Next(background)
		if err != nil {
			return err
		}
		each(rec)
	}
}

// Of many records with all kinds of tags and sizes exactly those come that are wanted, while the writer, whom the reader
// holds back, goes round the ring some times.
func TestOnlyRecordsWithTheTagsWantedCome(t *testing.T) {
	tags := []uint16{0, 1, 63, 64, 1000, 65535}
	size := func(seq uint64) int {
		if seq%97 == 0 && tags[seq%6] != 64 && tags[seq%6] != 65535 {
			return 20_000 // larger than a window
		}
		return int(seq*31) % 700
	}
	for mode, config := range modes {
		for kind, open := range wanting {
			for way, read := range waysToRead {
				t.Run(mode+" "+kind+" "+way, func(t *testing.T) {
					path := newRing(t, config)
					w := openWriter(t, path)
					s := open(t, path, 64, 65535)
					const records = 600
					wrote := make(chan error, 1)
					go func() {
						for seq := uint64(1); seq <= records; seq++ {
							if _, err := w.PublishTagged(background, tags[seq%6], pattern(seq, size(seq))); err != nil {
								wrote <- err
								return
							}
						}
						wrote <- w.End()
					}()
					seq, lost := uint64(0), uint64(0)
					err := read(s, func(rec ring.Record) {
						between := uint64(0) // passed over, or lost
						for seq++; seq < rec.Seq; seq++ {
							if kind == "reader" {
								require.NotContains(t, []uint16{64, 65535}, tags[seq%6], "record %d", seq)
							}
							between++
						}
						require.Equal(t, tags[seq%6], rec.Tag)
						require.Contains(t, []uint16{64, 65535}, rec.Tag)
						require.True(t, bytes.Equal(pattern(seq, size(seq)), rec.Payload), "record %d", seq)
						require.LessOrEqual(t, rec.Lost, between)
						lost += rec.Lost
					})
					require.ErrorIs(t, err, io.EOF)
					require.NoError(t, <-wrote)
					if kind == "reader" {
						require.Zero(t, lost)
						require.GreaterOrEqual(t, seq+6, uint64(records))
					}
				})
			}
		}
	}
}

func TestWhatIsPassedOverIsConsumedAndHoldsNobodyBack(t *testing.T) {
	for _, manual := range []bool{false, true} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true, Tags: []uint16{7}, ManualAck: manual})
		got := make(chan ring.Record)
		failed := make(chan error, 1)
		go func() {
			rec, err := r.Next(background)
			failed <- err
			got <- rec
		}()
		for range 5000 { // some times round the ring, and none is wanted
			_, err := w.Publish(background, make([]byte, 100))
			require.NoError(t, err)
		}
		require.Empty(t, failed)
		seq, err := w.PublishTagged(background, 7, []byte("at last"))
		require.NoError(t, err)
		require.NoError(t, <-failed)
		rec := <-got
		require.Equal(t, seq, rec.Seq)
		require.Zero(t, rec.Lost)
		require.NoError(t, r.Ack())
		ctx, _ := ended()
		for range 5 {
			_, err = w.PublishTagged(background, 8, nil)
			require.NoError(t, err)
		}
		_, err = r.Next(ctx)
		require.ErrorIs(t, err, errEnough)
		require.Equal(t, inspect(t, path).Published, cursorOf(t, path), "manual %t", manual)
		stats, err := r.Stats()
		require.NoError(t, err)
		require.EqualValues(t, 1, stats.Records, "delivered")
		require.NoError(t, r.Close())
		sound(t, path)
	}
}

// What an observer lost before a record that it does not want is told with the next one that it does.
func TestALossBeforeAnUnwantedRecordIsTold(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	v := observe(t, path, ring.ObserverOptions{Tags: []uint16{1}})
	for range 2000 {
		_, err := w.Publish(background, make([]byte, 100))
		require.NoError(t, err)
	}
	seq, err := w.PublishTagged(background, 1, nil)
	require.NoError(t, err)
	first := inspect(t, path).FirstSeq
	rec, err := v.Next(background)
	require.NoError(t, err)
	require.Equal(t, [2]uint64{seq, first - 1}, [2]uint64{rec.Seq, rec.Lost})

	v = observe(t, path, ring.ObserverOptions{Tags: []uint16{1}, From: ring.Seq(3)})
	rec, err = v.Next(background)
	require.NoError(t, err)
	require.Equal(t, [2]uint64{seq, first - 3}, [2]uint64{rec.Seq, rec.Lost})
}

func TestALoopOverTagsThatIsLeftComesAgain(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	for seq := uint64(1); seq <= 100; seq++ {
		_, err := w.PublishTagged(background, uint16(seq%10), nil)
		require.NoError(t, err)
	}
	r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true, Tags: []uint16{3}})
	seqs := func(ctx context.Context, n int) (got []uint64) {
		for rec := range r.Records(ctx) {
			got = append(got, rec.Seq)
			if len(got) == n {
				break
			}
		}
		return got
	}
	require.Equal(t, []uint64{3, 13, 23}, seqs(background, 3))
	require.Equal(t, []uint64{23, 33}, seqs(background, 2), "the last one was not consumed")
	require.NoError(t, r.SeekTo(background, ring.Seq(50)))
	require.Equal(t, []uint64{53}, seqs(background, 1))
	require.NoError(t, r.Close())
	r = openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.EqualValues(t, 53, rec.Seq)
}

// What a reader lost to an eviction is told with the first record that it wants; if it dies before that, with the first one of
// the next reader of its name.
func TestALossToAnEvictionIsNotForgottenByPassingOver(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	w := openWriter(t, path)
	o := ring.ReaderOptions{Name: "keep", Durable: true}
	r := openReader(t, path, o)
	publish(t, w, 100)
	next(t, r, 1)
	past(t, w)
	require.NoError(t, r.Close())
	info := inspect(t, path)
	lost := info.FirstSeq - info.Readers[0].Seq
	require.NotZero(t, lost)

	o.Tags = []uint16{9}
	r = openReader(t, path, o)
	ctx, cause := ended()
	_, err := r.Next(ctx)
	require.ErrorIs(t, err, cause, "none is wanted")
	require.NoError(t, r.Close())
	r = openReader(t, path, o)
	seq, err := w.PublishTagged(background, 9, nil)
	require.NoError(t, err)
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.Equal(t, [2]uint64{seq, lost}, [2]uint64{rec.Seq, rec.Lost})
	require.NoError(t, r.Ack())
	require.Equal(t, inspect(t, path).Published, cursorOf(t, path))
}
