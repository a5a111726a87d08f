package measure_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/measure"
)

func TestEveryByteOfAPayloadIsChecked(t *testing.T) {
	for _, size := range []int{32, 64, 224, 4096, 65536} {
		p := measure.Payload{Size: size}
		b := make([]byte, size)
		p.Fill(b, 7)
		require.NoError(t, p.Check(b, 7))
		require.Error(t, p.Check(b, 8))
		require.Error(t, p.Check(b[:size-1], 7))
		for i := range b {
			b[i] ^= 1
			if p.Check(b, 7) == nil {
				t.Fatalf("%d bytes: nobody notices that byte %d is wrong", size, i)
			}
			b[i] ^= 1
		}
	}
}

func TestPercentilesLeaveOutWhatTheyCannotKnow(t *testing.T) {
	each := make([]int64, 1000)
	for i := range each {
		each[i] = int64(i+1)*2 + 10
	}
	d := measure.DelaysOf(each, 10, 2)
	require.InDelta(t, 500, d.P50, 1)
	require.InDelta(t, 990, d.P99, 1)
	require.InDelta(t, 999, d.P999, 1)
	require.InDelta(t, 1000, d.Max, 1)
	require.InDelta(t, 500.5, d.Mean, 1)
	require.Zero(t, d.P9999)
	total := 0
	for _, s := range d.Shares {
		total += s.Count
	}
	require.Equal(t, len(each), total)
}

func TestAMoodIsSteady(t *testing.T) {
	for _, row := range []struct {
		what   string
		mood   measure.Mood
		steady bool
	}{
		{"as long as the hops differ by a quarter at most", measure.Mood{Before: 100, After: 125}, true},
		{"whichever of them is longer", measure.Mood{Before: 125, After: 100}, true},
		{"and not beyond", measure.Mood{Before: 100, After: 126}, false},
		{"even if others did a little", measure.Mood{Before: 100, After: 100, Others: 0.09}, true},
		{"and not if they did much", measure.Mood{Before: 100, After: 100, Others: 0.2}, false},
		{"without hops", measure.Mood{}, true},
	} {
		require.Equal(t, row.steady, row.mood.Steady(), row.what)
	}
}

func TestAFlowHasARate(t *testing.T) {
	require.Equal(t, 2000.0, measure.Flow{Records: 1000, Elapsed: 500 * time.Millisecond}.PerSecond())
}
