package ring_test

import (
	"io"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestWhoFallsBehindIsWarned(t *testing.T) {
	for who, open := range map[string]func(path string, log *slog.Logger) nexter{
		"an observer": func(path string, log *slog.Logger) nexter {
			return observe(t, path, ring.ObserverOptions{WarnAt: 0.5, Logger: log})
		},
		"a reader": func(path string, log *slog.Logger) nexter {
			return openReader(t, path, ring.ReaderOptions{WarnAt: 0.5, Logger: log})
		},
	} {
		t.Run(who, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			w := openWriter(t, path)
			log := make(logged, 10)
			c := open(path, slog.New(log))
			warnings := func() uint64 {
				s, err := c.(interface {
					Stats() (ring.ReaderStats, error)
				}).Stats()
				require.NoError(t, err)
				return s.Warnings
			}
			last := uint64(0)
			more := func(n int) { last = publish(t, w, n) } // 32 bytes each
			read := uint64(0)
			to := func(end uint64) {
				for ; read < end; read++ {
					next(t, c, read+1)
				}
			}
			more(1000)
			to(1)
			require.Zero(t, warnings(), "1000 records behind, 1024 are the half")
			more(100)
			to(2)
			require.EqualValues(t, 1, warnings())
			require.Equal(t, "falling behind", <-log)
			to(100)
			more(100)
			to(120)
			require.EqualValues(t, 1, warnings(), "it has not caught up")
			to(last - 10)
			require.EqualValues(t, 1, warnings())
			more(1100)
			to(last - 1000)
			require.EqualValues(t, 2, warnings())
			to(last)
			dry(t, c)
			require.Len(t, log, 1)
			require.NoError(t, c.(io.Closer).Close())
		})
	}
}

func TestNobodyIsWarnedAtWhatIsNoShare(t *testing.T) {
	path := newRing(t, ring.Config{})
	for _, share := range []float64{-0.1, 1.1, math.NaN(), math.Inf(1)} {
		_, err := ring.OpenReader(background, path, ring.ReaderOptions{WarnAt: share})
		require.ErrorIs(t, err, ring.ErrConfig)
		named(t, err, "open reader", path)
		_, err = ring.Observe(background, path, ring.ObserverOptions{WarnAt: share})
		require.ErrorIs(t, err, ring.ErrConfig)
		named(t, err, "observe", path)
	}
}
