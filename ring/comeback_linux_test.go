package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func TestADurableCursorHoldsTheWriterBackAsLongAsTheRingSays(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	w := openWriter(t, path)
	p := proctest.Start(t, "evictee", path, "keep")
	p.Expect("ready")
	publish(t, w, 5)
	for _, say := range []string{"next", "next", "ack"} {
		p.Send(say)
		p.Expect("record")
	}
	p.Kill()
	require.Error(t, p.Wait())
	past(t, w)
	info := inspect(t, path)
	keep := info.Readers[0]
	require.Equal(t, "evicted", keep.State)
	require.True(t, keep.Durable)
	require.False(t, keep.Alive)
	require.EqualValues(t, 3, keep.Seq)
	require.Equal(t, info.FirstSeq-3, keep.Lost)

	o := ring.ReaderOptions{Name: "keep", Durable: true}
	first := func() (seq, lost uint64) {
		r := openReader(t, path, o)
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.NoError(t, r.Close()) // nothing was consumed
		return rec.Seq, rec.Lost
	}
	_, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep"})
	require.ErrorIs(t, err, ring.ErrName, "it still is a durable reader's")
	seq, lost := first()
	require.Equal(t, info.FirstSeq, seq)
	require.Equal(t, info.FirstSeq-3, lost)
	require.Equal(t, lost, inspect(t, path).Readers[0].Lost, "it is not told yet")
	again, lostAgain := first()
	require.Equal(t, [2]uint64{seq, lost}, [2]uint64{again, lostAgain}, "until it is consumed, it is told again")

	past(t, w) // and evicted again, before that
	info = inspect(t, path)
	require.EqualValues(t, 2, info.Stats.Evictions)
	require.EqualValues(t, 3, info.Readers[0].Seq)
	seq, lost = first()
	require.Equal(t, info.FirstSeq, seq)
	require.Equal(t, info.FirstSeq-3, lost)
	r := openReader(t, path, o)
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.Equal(t, lost, rec.Lost)
	require.NoError(t, r.Ack())
	require.NoError(t, r.Close())
	again, lostAgain = first()
	require.Equal(t, [2]uint64{seq + 1, 0}, [2]uint64{again, lostAgain}, "it was told, and consumed")
	require.Zero(t, inspect(t, path).Readers[0].Lost)
	sound(t, path)
}

func TestAnEvictedCursorOfWhichNothingIsOverwrittenGoesOnThere(t *testing.T) {
	for _, moved := range []uint64{0, 3} { // records consumed after the writer had noted the number, before it evicted
		path := newRing(t, evicting)
		w := openWriter(t, path)
		require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
		publish(t, w, 9)
		poke(t, path, ring.SlotsStart, peek(t, path, ring.SlotsStart)&^0xff|ring.StateEvicted)
		poke(t, path, ring.SlotsStart+ring.SlotSequence, 1)
		poke(t, path, ring.SlotsStart+ring.SlotCursor, moved*32)
		require.EqualValues(t, moved+1, inspect(t, path).Readers[0].Seq)
		require.Zero(t, next(t, openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true}), moved+1).Lost)
	}
}

func TestAnEvictedReaderThatClosesIsToldExactlyWhatItLost(t *testing.T) {
	for _, far := range []int{1, 7, 20} { // consumed after it was evicted, from what it had copied before
		hasty(t)
		path := newRing(t, evicting)
		w := openWriter(t, path)
		o := ring.ReaderOptions{Name: "keep", Durable: true}
		r := openReader(t, path, o)
		publish(t, w, 100)
		next(t, r, 1)
		past(t, w)
		for i := range far {
			next(t, r, uint64(i+2))
		}
		require.ErrorIs(t, r.Ack(), ring.ErrEvicted)
		require.NoError(t, r.Close())
		info := inspect(t, path)
		require.EqualValues(t, far+2, info.Readers[0].Seq)
		rec, err := openReader(t, path, o).Next(background)
		require.NoError(t, err)
		require.Equal(t, info.FirstSeq, rec.Seq)
		require.Equal(t, info.FirstSeq-uint64(far+2), rec.Lost)
	}
}

func TestWhoAsksForAnotherStartIsNotToldOfTheLoss(t *testing.T) {
	hasty(t)
	for name, from := range map[string]ring.Start{"oldest": ring.Oldest, "newest": ring.Newest, "last": ring.Last(2)} {
		path := newRing(t, evicting)
		w := openWriter(t, path)
		require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
		past(t, w)
		r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true, From: from})
		seq, err := w.TryPublish(nil)
		require.NoError(t, err)
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.Zero(t, rec.Lost, name)
		require.LessOrEqual(t, rec.Seq, seq)
		require.NoError(t, r.Ack())
		require.NoError(t, r.Close())
		require.Zero(t, inspect(t, path).Readers[0].Lost)
	}
}

func TestHostileNumbersOfEvictedReadersMisleadNobody(t *testing.T) {
	cursors := []uint64{0, 16, 8, 1 << 20, 1 << 62, 1<<63 - 16, 1<<64 - 1}
	for _, cursor := range cursors {
		for _, sequence := range []uint64{0, 1, 70, 1 << 40, 1<<64 - 1} {
			for _, owed := range []uint64{0, ring.FlagOwed} {
				path := newRing(t, evicting)
				w := openWriter(t, path)
				require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
				poke(t, path, ring.SlotsStart, 9<<32|1<<8|ring.FlagDurable|owed|ring.StateEvicted)
				poke(t, path, ring.SlotsStart+ring.SlotCursor, cursor)
				poke(t, path, ring.SlotsStart+ring.SlotSequence, sequence)
				last := uint64(0)
				for range 100 {
					seq, err := w.TryPublish(make([]byte, 1000))
					require.NoError(t, err)
					last = seq
				}
				info := inspect(t, path)
				require.LessOrEqual(t, info.Readers[0].Lost, info.FirstSeq)
				r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true})
				require.NoError(t, err)
				rec, err := r.Next(background)
				require.NoError(t, err)
				require.Equal(t, info.FirstSeq, rec.Seq)
				require.Less(t, rec.Lost, rec.Seq)
				for rec.Seq < last {
					rec, err = r.Next(background)
					require.NoError(t, err)
				}
				require.NoError(t, r.Close())
				sound(t, path)
			}
		}
	}
}

// A writer that moved oldest while a reader registered counts its cursor all the same, below oldest.
func TestADurableCursorBelowOldestStaysWhereItIs(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 5)
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
	poke(t, path, ring.OffOldest, 64)
	r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	for seq := range uint64(5) {
		next(t, r, seq+1)
	}
}

func TestARepairLeavesAnEvictedCursorToItsReader(t *testing.T) {
	hasty(t)
	path := newRing(t, evicting)
	w := openWriter(t, path)
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
	past(t, w)
	require.NoError(t, w.Close())
	before := inspect(t, path)
	found, err := ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.Empty(t, found.Mended)
	require.Empty(t, found.Left)
	require.Equal(t, before.Readers, inspect(t, path).Readers)
	rec, err := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true}).Next(background)
	require.NoError(t, err)
	require.Equal(t, [2]uint64{before.FirstSeq, before.FirstSeq - 1}, [2]uint64{rec.Seq, rec.Lost})
}
