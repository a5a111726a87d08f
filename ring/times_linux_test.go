package ring_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// clocks are the times of 1000 records, in seconds, and whether At has one answer for each time.
var clocks = map[string]struct {
	second func(seq uint64) int64
	rises  bool
}{
	"a second each":             {func(seq uint64) int64 { return int64(seq) }, true},
	"many in the same moment":   {func(seq uint64) int64 { return int64(seq / 300) }, true},
	"all in the same moment":    {func(seq uint64) int64 { return 7 }, true},
	"set back once":             {func(seq uint64) int64 { return int64(seq) - int64(seq/500*200) }, false},
	"set back again and again":  {func(seq uint64) int64 { return int64(seq%37) * 10 }, false},
	"runs backwards":            {func(seq uint64) int64 { return 2000 - int64(seq) }, false},
	"before 1970 and beyond it": {func(seq uint64) int64 { return int64(seq) - 500 }, true},
}

// timed publishes 1000 records of their times into a small ring, the last 500 or so of which stay.
func timed(t testing.TB, second func(seq uint64) int64) string {
	t.Helper()
	path := newRing(t, ring.Config{Timestamps: true})
	w := openWriter(t, path)
	data, f := inspect(t, path).DataOffset, raw(t, path)
	for seq := uint64(1); seq <= 1000; seq++ {
		_, err := w.Publish(background, make([]byte, 100))
		require.NoError(t, err)
		end, _ := w.Space()
		_, err = f.WriteAt(le.AppendUint64(nil, uint64(time.Unix(second(seq), 0).UnixNano())), data+int64((end-128)%small)+ring.RecordSize)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return path
}

// indexes are ways to spoil an index, given its bytes.
var indexes = map[string]func(b []byte){
	"as it is": func(b []byte) {},
	"empty":    func(b []byte) { clear(b) },
	"random": func(b []byte) {
		random := rand.New(rand.NewPCG(3, 4))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
	},
	"of other records": func(b []byte) {
		for i := 0; i < len(b); i += 16 {
			le.PutUint64(b[i+8:], le.Uint64(b[i+8:])+1)
		}
	},
	"into the middle of records": func(b []byte) {
		for i := 0; i < len(b); i += 16 {
			le.PutUint64(b[i:], le.Uint64(b[i:])+16)
		}
	},
	"shuffled": func(b []byte) {
		random := rand.New(rand.NewPCG(5, 6))
		random.Shuffle(len(b)/16, func(i, j int) {
			for k := range 16 {
				b[16*i+k], b[16*j+k] = b[16*j+k], b[16*i+k]
			}
		})
	},
}

// spoil changes the ring's index.
func spoil(t testing.TB, path string, how func(b []byte)) {
	t.Helper()
	b := make([]byte, 16*ring.IndexEntries)
	_, err := raw(t, path).ReadAt(b, ring.IndexStart)
	require.NoError(t, err)
	how(b)
	overwrite(t, path, ring.IndexStart, b)
}

func TestAtIsTheFirstRecordOfThatTimeOrLater(t *testing.T) {
	for clock, c := range clocks {
		path := timed(t, c.second)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		for index, how := range indexes {
			name := clock + ", index " + index
			restored(t, path, whole)
			spoil(t, path, how)
			first := inspect(t, path).FirstSeq
			r, v := openReader(t, path, ring.ReaderOptions{}), observe(t, path, ring.ObserverOptions{})
			require.Equal(t, time.Unix(c.second(first), 0), numbered(t, r, first).Time(), "as written")
			require.NoError(t, r.Close())
			require.NoError(t, v.Close())
			for _, s := range []int64{-1000, -1, 0, 1, 2, 3, 7, 8, 360, 361, 499, 500, 501, 700, 799, 800, 999, 1000, 1001, 1500, 3000} {
				for kind, from := range map[string]source{
					"reader":   openReader(t, path, ring.ReaderOptions{From: ring.At(time.Unix(s, 0))}),
					"observer": observe(t, path, ring.ObserverOptions{From: ring.At(time.Unix(s, 0))}),
				} {
					rec, ok := try(t, from)
					require.NoError(t, from.Close())
					what := fmt.Sprintf("%s, %s at %d s: record %d", name, kind, s, rec.Seq)
					if !ok {
						for seq := first; c.rises && seq <= 1000; seq++ {
							require.Less(t, c.second(seq), s, what)
						}
						require.Less(t, c.second(1000), s, what)
						continue
					}
					require.Zero(t, rec.Lost, what)
					require.GreaterOrEqual(t, c.second(rec.Seq), s, what)
					if rec.Seq > first {
						require.Less(t, c.second(rec.Seq-1), s, what)
					}
				}
			}
		}
	}
}

// numbered requires that record seq comes next.
func numbered(t testing.TB, c nexter, seq uint64) ring.Record {
	t.Helper()
	rec, err := c.Next(background)
	require.NoError(t, err)
	require.Equal(t, seq, rec.Seq)
	return rec
}

func TestTimesBeyondWhatARecordCanHave(t *testing.T) {
	path := timed(t, func(seq uint64) int64 { return int64(seq) })
	first := inspect(t, path).FirstSeq
	for at, there := range map[time.Time]bool{
		{}:                                       true,
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC): true,
		time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC):  true,
		time.Unix(0, math.MinInt64):                  true,
		time.Unix(0, math.MaxInt64):                  false,
		time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC):  false,
		time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC): false,
	} {
		v := observe(t, path, ring.ObserverOptions{From: ring.At(at)})
		rec, ok := try(t, v)
		require.Equal(t, there, ok, at)
		if ok {
			require.Equal(t, first, rec.Seq, at)
		}
	}
}

func TestATimeToComeIsWaitedFor(t *testing.T) {
	for _, before := range []int{0, 3} {
		path := newRing(t, ring.Config{Timestamps: true})
		w := openWriter(t, path)
		publish(t, w, before)
		moment := time.Now().Add(time.Hour)
		sources := []source{
			openReader(t, path, ring.ReaderOptions{From: ring.At(moment), ManualAck: true}),
			openReader(t, path, ring.ReaderOptions{From: ring.At(moment), Name: "d", Durable: true}),
			observe(t, path, ring.ObserverOptions{From: ring.At(moment)}),
		}
		publish(t, w, 9-before)
		for _, s := range sources {
			dry(t, s)
		}
		publish(t, w, 1)
		end, _ := w.Space()
		data := inspect(t, path).DataOffset
		poke(t, path, data+int64(end-32)+ring.RecordSize, uint64(moment.UnixNano()))
		publish(t, w, 1) // earlier than the one before it
		for _, s := range sources {
			require.Zero(t, next(t, s, 10).Lost)
			require.Zero(t, next(t, s, 11).Lost)
			dry(t, s)
		}
	}
}

func TestARingWithoutTimestampsKnowsNoTimes(t *testing.T) {
	path := newRing(t, ring.Config{})
	at := ring.At(time.Unix(0, 0))
	for range 100 { // more often than there are slots
		_, err := ring.OpenReader(background, path, ring.ReaderOptions{From: at})
		require.ErrorIs(t, err, ring.ErrNoTimes)
		named(t, err, "open reader", path)
		require.ErrorContains(t, err, "no start at 1970-01-01T00:00:00Z")
	}
	_, err := ring.Observe(background, path, ring.ObserverOptions{From: at})
	require.ErrorIs(t, err, ring.ErrNoTimes)
	require.ErrorIs(t, ring.AddReader(background, path, "x", at), ring.ErrNoTimes)
	require.Empty(t, inspect(t, path).Readers)
}

// A payload that looks like a record, and an index that leads there: the way ends nowhere, and the one from oldest counts.
func TestAnIndexThatLeadsIntoAPayloadOnlyTakesLonger(t *testing.T) {
	for name, size := range map[string]uint32{"ends before another": 48, "ends beyond the rest": 200_000} {
		path := newRing(t, ring.Config{Timestamps: true})
		w := openWriter(t, path)
		publish(t, w, 1)
		at, _ := w.Space()
		fake := make([]byte, 128)
		le.PutUint64(fake[8:], uint64(size)|ring.KindData<<32|1<<40) // at 32 of its record, as head and time are 24
		le.PutUint64(fake[16:], 50)
		_, err := w.Publish(background, fake)
		require.NoError(t, err)
		publish(t, w, 98)
		spoil(t, path, func(b []byte) {
			clear(b)
			le.PutUint64(b, at+32)
			le.PutUint64(b[8:], 50)
		})
		for from, want := range map[ring.Start]uint64{
			ring.Seq(60): 60, ring.Last(10): 91, ring.At(time.Now().Add(time.Hour)): 101, ring.Newest: 101,
		} {
			for kind, s := range map[string]source{
				"reader": openReader(t, path, ring.ReaderOptions{From: from}), "observer": observe(t, path, ring.ObserverOptions{From: from}),
			} {
				rec, ok := try(t, s)
				require.Equal(t, want <= 100, ok, "%s, %s, %d", name, kind, want)
				if ok {
					require.Equal(t, want, rec.Seq, "%s, %s", name, kind)
					require.Zero(t, rec.Lost)
				}
				require.NoError(t, s.Close())
			}
		}
	}
}

// TestStartsAreWholeWhileTheWriterOverwrites: whatever a start finds, the record is whole and the one that was asked for.
func TestStartsAreWholeWhileTheWriterOverwrites(t *testing.T) {
	path := newRing(t, ring.Config{Timestamps: true})
	w := openWriter(t, path)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		for seq := uint64(1); ; seq++ {
			if _, err := w.Publish(background, pattern(seq, int(seq%300))); err != nil {
				done <- err
				return
			}
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
		}
	}()
	random := rand.New(rand.NewPCG(7, 8))
	seen, moment := uint64(1), time.Now()
	for turn := range 500 {
		from := []ring.Start{ring.Oldest, ring.Newest, ring.Seq(seen + random.Uint64N(500)), ring.Last(random.Uint64N(300)), ring.At(moment)}[turn%5]
		var s source
		if turn/5%2 == 0 {
			s = observe(t, path, ring.ObserverOptions{From: from})
		} else {
			s = openReader(t, path, ring.ReaderOptions{From: from})
		}
		rec, err := s.Next(background)
		require.NoError(t, err)
		require.True(t, bytes.Equal(pattern(rec.Seq, int(rec.Seq%300)), rec.Payload), "record %d", rec.Seq)
		if from == ring.At(moment) {
			require.False(t, rec.Time().Before(moment))
		}
		seen, moment = rec.Seq, rec.Time()
		require.NoError(t, s.Close())
	}
	close(stop)
	require.NoError(t, <-done)
}
