package ring_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// fillings are rings with different things in them.
var fillings = map[string]func(t *testing.T, path string){
	"empty":        func(t *testing.T, path string) {},
	"one record":   func(t *testing.T, path string) { publish(t, openWriter(t, path), 1) },
	"many records": func(t *testing.T, path string) { publish(t, openWriter(t, path), 1000) },
	"overwritten":  func(t *testing.T, path string) { publish(t, openWriter(t, path), 10_000) },
	"large records and padding": func(t *testing.T, path string) {
		w := openWriter(t, path)
		for i := range 50 {
			_, err := w.Publish(background, pattern(uint64(i), 9000))
			require.NoError(t, err)
		}
	},
	"empty, but not new": func(t *testing.T, path string) { startAt(t, path, 5*small, 1234) },
	"ends with padding": func(t *testing.T, path string) {
		startAt(t, path, 6*small-32, 99)
		w := openWriter(t, path)
		_, err := w.Publish(background, make([]byte, 100))
		require.NoError(t, err)
	},
}

func TestEveryStartBeginsWhereItSays(t *testing.T) {
	type expected struct {
		seq, lost uint64 // of the first record; seq beyond the last: nothing yet, that is the first to come
	}
	starts := func(first, last uint64) map[string]struct {
		from ring.Start
		want expected
	} {
		cases := map[string]struct {
			from ring.Start
			want expected
		}{
			"zero":   {ring.Start{}, expected{first, 0}},
			"next":   {ring.Next, expected{first, 0}},
			"oldest": {ring.Oldest, expected{first, 0}},
			"newest": {ring.Newest, expected{last + 1, 0}},
		}
		for _, n := range []uint64{0, 1, 2, first - 1, first, first + 1, (first + last) / 2, last - 1, last, last + 1, last + 5} {
			want := expected{max(n, 1), 0}
			if want.seq < first {
				want = expected{first, first - want.seq}
			}
			cases[fmt.Sprintf("record %d", int64(n))] = struct {
				from ring.Start
				want expected
			}{ring.Seq(n), want}
		}
		for _, n := range []uint64{0, 1, 2, 17, last - first, last - first + 1, last - first + 2, last, last + 1, math.MaxUint64} {
			want := expected{first, 0}
			if there := last + 1 - first; n <= there {
				want.seq = last + 1 - n
			}
			cases[fmt.Sprintf("last %d", n)] = struct {
				from ring.Start
				want expected
			}{ring.Last(n), want}
		}
		return cases
	}
	for filling, fill := range fillings {
		path := newRing(t, ring.Config{})
		fill(t, path)
		info := inspect(t, path)
		first, last := info.FirstSeq, info.NextSeq-1
		if info.Oldest == info.Published {
			first = last + 1
		}
		for name, c := range starts(first, last) {
			name = filling + ", " + name
			for kind, s := range map[string]source{
				"reader":        openReader(t, path, ring.ReaderOptions{From: c.from}),
				"observer":      observe(t, path, ring.ObserverOptions{From: c.from}),
				"moved durable": moved(t, path, c.from),
			} {
				if kind == "moved durable" && (c.from == ring.Next) {
					require.NoError(t, s.Close())
					continue // stays where it is
				}
				if c.want.seq > last {
					dry(t, s)
				} else {
					rec, err := s.Next(background)
					require.NoError(t, err, "%s: %s", kind, name)
					require.Equal(t, c.want, expected{rec.Seq, rec.Lost}, "%s: %s", kind, name)
				}
				require.NoError(t, s.Close())
			}
		}
	}
}

// moved opens a durable reader that stands somewhere and moves it.
func moved(t *testing.T, path string, from ring.Start) source {
	t.Helper()
	o := ring.ReaderOptions{Name: "moved", Durable: true, From: ring.Newest}
	require.NoError(t, openReader(t, path, o).Close())
	o.From = from
	return openReader(t, path, o)
}

func TestAStartInTheFutureIsWaitedFor(t *testing.T) {
	for _, before := range []int{0, 3} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		publish(t, w, before)
		sources := []source{
			openReader(t, path, ring.ReaderOptions{From: ring.Seq(10)}),
			observe(t, path, ring.ObserverOptions{From: ring.Seq(10)}),
		}
		publish(t, w, 9-before)
		for _, s := range sources {
			dry(t, s)
			stats, err := s.Stats()
			require.NoError(t, err)
			require.Zero(t, stats.Records, "what is passed over was not delivered")
		}
		publish(t, w, 2)
		for _, s := range sources {
			require.Zero(t, next(t, s, 10).Lost)
			require.Zero(t, next(t, s, 11).Lost)
		}
	}
}

func TestWhatAReaderPassesOverIsConsumed(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	r := openReader(t, path, ring.ReaderOptions{From: ring.Seq(1000)})
	last := fill(t, w)
	dry(t, r)
	for range last {
		_, err := w.TryPublish(make([]byte, 1000))
		require.NoError(t, err)
	}
}

func TestADurableReaderGoesOnAtItsCursor(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 5)
	seq := uint64(1)
	for range 40 {
		r := durable(t, path)
		publish(t, w, 3)
		for range 3 {
			rec := next(t, r, seq)
			require.Zero(t, rec.Lost)
			seq++
		}
		require.NoError(t, r.Ack())
		require.NoError(t, r.Close())
	}
	info := inspect(t, path)
	require.Len(t, info.Readers, 1)
	require.Equal(t, seq, info.Readers[0].Seq)
	require.EqualValues(t, 5, info.Readers[0].LagRecords)
	require.False(t, info.Readers[0].Alive)
}

func TestAReaderWithoutACursorOfItsOwnIsForgotten(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	for _, o := range []ring.ReaderOptions{{}, {Name: "somebody"}} {
		r := openReader(t, path, o)
		publish(t, w, 1)
		next(t, r, 1)
		require.NoError(t, r.Ack())
		require.Len(t, inspect(t, path).Readers, 1)
		require.NoError(t, r.Close())
		require.Empty(t, inspect(t, path).Readers)
		r = openReader(t, path, o)
		next(t, r, 1)
		require.NoError(t, r.Close())
	}
}
