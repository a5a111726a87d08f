package ring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// Whoever is evicted between its registration and its start may find anything there.
func TestWhoIsEvictedWhileItOpensIsToldSo(t *testing.T) {
	hasty(t)
	for name, from := range map[string]ring.Start{"next": ring.Next, "number": ring.Seq(650), "last": ring.Last(3), "newest": ring.Newest} {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, evicting)
			w := openWriter(t, path)
			patterns(t, w, 1, 700, 350)
			_, err := ring.OpenReaderLate(path, ring.ReaderOptions{From: from}, func() { overtake(t, w) })
			gone(t, err)
			require.Empty(t, inspect(t, path).Readers, "its slot is free")
			sound(t, path)
		})
	}
}

func TestADurableCursorThatIsEvictedWhileItIsOpenedStaysWhereItWas(t *testing.T) {
	hasty(t)
	for _, far := range []int{0, 1} { // what the cursor stands at is overwritten, or not
		path := newRing(t, evicting)
		w := openWriter(t, path)
		o := ring.ReaderOptions{Name: "keep", Durable: true}
		r := openReader(t, path, o)
		for seq := uint64(1); seq <= 700; seq++ {
			patterns(t, w, seq, seq, 350)
			if seq <= 690 {
				_, err := r.Next(background)
				require.NoError(t, err)
			}
		}
		require.NoError(t, r.Ack())
		require.NoError(t, r.Close())
		stands := cursorOf(t, path)
		_, err := ring.OpenReaderLate(path, o, func() {
			if far == 0 {
				require.True(t, w.EvictAt(0, stands))
				return
			}
			overtake(t, w)
		})
		e := gone(t, err)
		require.Equal(t, stands, e.Position)
		require.EqualValues(t, 691, e.Seq)
		require.Equal(t, stands, cursorOf(t, path))
		info := inspect(t, path)
		rec, err := openReader(t, path, o).Next(background)
		require.NoError(t, err)
		require.Equal(t, max(info.FirstSeq, 691), rec.Seq)
		require.Equal(t, max(info.FirstSeq, 691)-691, rec.Lost)
	}
}

// overtake has whoever holds the writer back evicted, and everything overwritten, at other places than before.
func overtake(t *testing.T, w *ring.Writer) {
	t.Helper()
	past(t, w)
	for i := range 300 {
		_, err := w.TryPublish(make([]byte, 700+i))
		require.NoError(t, err)
	}
}

// The slot says that a number is owed which is above all to come, as after a recovery that cut off what was published.
func TestANumberThatIsOwedAndCannotBeSkipsNothing(t *testing.T) {
	for _, published := range []int{0, 5} {
		path := newRing(t, evicting)
		w := openWriter(t, path)
		publish(t, w, published)
		require.NoError(t, ring.AddReader(background, path, "keep", ring.Newest))
		poke(t, path, ring.SlotsStart, peek(t, path, ring.SlotsStart)|ring.FlagOwed)
		poke(t, path, ring.SlotsStart+ring.SlotSequence, 1000)
		r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
		publish(t, w, 3)
		for i := range 3 {
			rec, ok := try(t, r)
			require.True(t, ok, "it was passed over")
			require.EqualValues(t, published+i+1, rec.Seq)
			require.Zero(t, rec.Lost)
		}
	}
}
