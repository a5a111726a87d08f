package ring_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// seeker is what Reader and Observer have in common that moves and measures.
type seeker interface {
	source
	SeekTo(ctx context.Context, from ring.Start) error
	Lag() (records, bytes uint64, err error)
	Remaining() (uint64, error)
	Pressure() (float64, error)
}

// seekers are the kinds of handles that seek.
var seekers = map[string]func(t testing.TB, path string) seeker{
	"reader": func(t testing.TB, path string) seeker { return openReader(t, path, ring.ReaderOptions{}) },
	"durable reader": func(t testing.TB, path string) seeker {
		return openReader(t, path, ring.ReaderOptions{Name: "d", Durable: true})
	},
	"reader that acknowledges by hand": func(t testing.TB, path string) seeker {
		return openReader(t, path, ring.ReaderOptions{ManualAck: true})
	},
	"observer": func(t testing.TB, path string) seeker { return observe(t, path, ring.ObserverOptions{}) },
}

// TestSeekToGoesWhereAStartBegins: from wherever it is, a handle that seeks delivers what one just opened there does.
func TestSeekToGoesWhereAStartBegins(t *testing.T) {
	for filling, fill := range fillings {
		path := newRing(t, ring.Config{})
		fill(t, path)
		info := inspect(t, path)
		first, end := info.FirstSeq, info.NextSeq
		if info.Oldest == info.Published {
			first = end
		}
		random := rand.New(rand.NewPCG(first, end))
		for kind, open := range seekers {
			s := open(t, path)
			for range 300 {
				n := first - min(first, 3) + random.Uint64N(end-first+6)
				back := random.Uint64N(end - first + 3)
				from, want, lost := ring.Seq(n), max(n, first, 1), max(first, n, 1)-max(n, 1)
				switch random.IntN(5) {
				case 0:
					from, want, lost = ring.Oldest, first, 0
				case 1:
					from, want, lost = ring.Newest, end, 0
				case 2:
					from, want, lost = ring.Last(back), end-min(back, end-first), 0
				}
				require.NoError(t, s.SeekTo(background, from))
				left, err := s.Remaining()
				require.NoError(t, err)
				require.Equal(t, end-min(want, end), left, "%s, %s, %v", filling, kind, from)
				for range random.IntN(4) {
					rec, ok := try(t, s)
					require.Equal(t, want < end, ok, "%s, %s, %v", filling, kind, from)
					if !ok {
						break
					}
					require.Equal(t, [2]uint64{want, lost}, [2]uint64{rec.Seq, rec.Lost}, "%s, %s, %v", filling, kind, from)
					want, lost = want+1, 0
				}
			}
			require.NoError(t, s.Close())
		}
		sound(t, path)
	}
}

func TestSeekToNextGoesBackToWhatIsNotConsumed(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 20)
	for kind, open := range seekers {
		s := open(t, path)
		for seq := uint64(1); seq <= 5; seq++ {
			next(t, s, seq)
		}
		require.NoError(t, s.SeekTo(background, ring.Next))
		if kind == "reader that acknowledges by hand" {
			next(t, s, 1)
			continue
		}
		next(t, s, 5)
		next(t, s, 6)
	}
}

// TestASeekMovesTheCursor: what is passed over is the writer's, what is sought again is not.
func TestASeekMovesTheCursor(t *testing.T) {
	for _, o := range []ring.ReaderOptions{{}, {ManualAck: true}, {Name: "d", Durable: true}} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		r := openReader(t, path, o)
		last := fill(t, w)
		_, err := w.TryPublish(nil)
		require.ErrorIs(t, err, ring.ErrFull)
		require.NoError(t, r.SeekTo(background, ring.Newest))
		_, err = w.TryPublish(make([]byte, 1000))
		require.NoError(t, err)
		require.Equal(t, last+1, inspect(t, path).Readers[0].Seq)
		require.NoError(t, r.SeekTo(background, ring.Seq(1)))
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.Equal(t, rec.Seq-1, rec.Lost)
		require.Equal(t, inspect(t, path).FirstSeq, rec.Seq)
		require.Equal(t, rec.Seq, inspect(t, path).Readers[0].Seq)
		refilled := fill(t, w)
		for seq := rec.Seq + 1; seq <= refilled; seq++ {
			rec, err := r.Next(background)
			require.NoError(t, err)
			require.Equal(t, [2]uint64{seq, 0}, [2]uint64{rec.Seq, rec.Lost}, "nothing behind the cursor was overwritten")
		}
	}
}

func TestASeekThatFailsLeavesTheReaderWhereItWas(t *testing.T) {
	for kind, open := range seekers {
		path := newRing(t, ring.Config{})
		publish(t, openWriter(t, path), 20)
		s := open(t, path)
		next(t, s, 1)
		err := s.SeekTo(background, ring.At(time.Now()))
		require.ErrorIs(t, err, ring.ErrNoTimes)
		named(t, err, "seek", path)
		ctx, cause := ended()
		require.ErrorIs(t, s.SeekTo(ctx, ring.Oldest), cause)
		poke(t, path, inspect(t, path).DataOffset+15*32, 0) // record 16
		spoil(t, path, func(b []byte) { clear(b) })
		require.ErrorIs(t, s.SeekTo(background, ring.Seq(18)), ring.ErrCorrupt, kind)
		next(t, s, 2)
		require.NoError(t, s.Close())
		require.ErrorIs(t, s.SeekTo(background, ring.Oldest), os.ErrClosed)
	}
}

func TestADroppedReaderDoesNotSeekItselfBack(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 20)
	r := durable(t, path)
	require.NoError(t, ring.RemoveReader(background, path, "r", true))
	for _, from := range []ring.Start{ring.Next, ring.Oldest, ring.Newest, ring.Seq(5)} {
		require.ErrorIs(t, r.SeekTo(background, from), ring.ErrEvicted)
	}
	require.Equal(t, "evicted", inspect(t, path).Readers[0].State)
}

func TestTheBodyOfALoopMaySeek(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 20)
	for kind, open := range seekers {
		s := open(t, path)
		var seqs []uint64
		for rec := range s.Records(background) {
			seqs = append(seqs, rec.Seq)
			if len(seqs) == 3 {
				require.NoError(t, s.SeekTo(background, ring.Last(2)))
			}
			if len(seqs) == 5 {
				break
			}
		}
		require.Equal(t, []uint64{1, 2, 3, 19, 20}, seqs, kind)
	}
}

func TestLagRemainingAndPressure(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	all := map[string]seeker{}
	for kind, open := range seekers {
		all[kind] = open(t, path)
	}
	measure := func(s seeker) [3]uint64 {
		records, bytes, err := s.Lag()
		require.NoError(t, err)
		left, err := s.Remaining()
		require.NoError(t, err)
		share, err := s.Pressure()
		require.NoError(t, err)
		require.InDelta(t, float64(bytes)/small, share, 1e-9)
		return [3]uint64{records, bytes, left}
	}
	for kind, s := range all {
		require.Equal(t, [3]uint64{}, measure(s), kind)
	}
	for range 63 {
		_, err := w.Publish(background, make([]byte, 1000))
		require.NoError(t, err)
	}
	for kind, s := range all {
		require.Equal(t, [3]uint64{63, 63 * 1024, 63}, measure(s), kind)
		for range 3 {
			_, err := s.Next(background)
			require.NoError(t, err)
		}
		want := [3]uint64{61, 61 * 1024, 60}
		if kind == "reader that acknowledges by hand" {
			want = [3]uint64{63, 63 * 1024, 60}
		}
		require.Equal(t, want, measure(s), kind)
		if kind != "observer" {
			require.NoError(t, s.Close())
		}
	}
	require.NoError(t, ring.RemoveReader(background, path, "d", false))
	for range 1000 {
		_, err := w.TryPublish(make([]byte, 1000))
		require.NoError(t, err)
	}
	v := all["observer"]
	records, bytes, err := v.Lag()
	require.NoError(t, err)
	require.Equal(t, [2]uint64{1061, 1061 * 1024}, [2]uint64{records, bytes}, "also what is lost")
	info := inspect(t, path)
	left, err := v.Remaining()
	require.NoError(t, err)
	require.Equal(t, info.NextSeq-info.FirstSeq, left, "only what is there")
	share, err := v.Pressure()
	require.NoError(t, err)
	require.Equal(t, 1.0, share)
}

// TestSeeksAreWholeWhileTheWriterOverwrites: handles of all kinds seek to and fro while the writer runs as fast as they let
// it.
func TestSeeksAreWholeWhileTheWriterOverwrites(t *testing.T) {
	path := newRing(t, ring.Config{Timestamps: true})
	w := openWriter(t, path)
	publishing, cancel := withCause()
	done := make(chan error)
	go func() {
		var err error
		for seq := uint64(1); err == nil; seq++ {
			_, err = w.Publish(publishing, pattern(seq, int(seq%300)))
		}
		done <- err
	}()
	defer func() {
		cancel(errEnough)
		require.ErrorIs(t, <-done, errEnough)
	}()
	for kind, open := range seekers {
		s := open(t, path)
		random := rand.New(rand.NewPCG(9, 10))
		seen, moment := uint64(0), time.Now()
		for turn := range 600 {
			from := []ring.Start{ring.Oldest, ring.Newest, ring.Seq(seen + random.Uint64N(500)), ring.Last(random.Uint64N(300)), ring.At(moment), ring.Next}[turn%6]
			require.NoError(t, s.SeekTo(background, from), kind)
			for range 1 + random.IntN(3) {
				rec, err := s.Next(background)
				require.NoError(t, err, kind)
				require.True(t, bytes.Equal(pattern(rec.Seq, int(rec.Seq%300)), rec.Payload), "%s: record %d", kind, rec.Seq)
				require.False(t, from == ring.At(moment) && rec.Time().Before(moment), kind)
				seen = rec.Seq
				if turn%50 == 0 {
					moment = rec.Time()
				}
			}
		}
		require.NoError(t, s.Close())
		if kind == "durable reader" {
			require.NoError(t, ring.RemoveReader(background, path, "d", false))
		}
	}
}
