package main

import (
	"bytes"
	"io"
	"math"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// made is a sample with hops and a main value.
func made(m measure, contender string, round int, before, after, value float64) sample {
	return sample{measure: m, contender: contender, round: round, before: before, after: after, values: values{valueMain: value}}
}

func TestMoodsAreNotMixed(t *testing.T) {
	m := measure{rate, 1}
	all := []sample{
		made(m, "mmring", 1, 50, 52, 100), made(m, "pipe", 1, 52, 50, 10),
		made(m, "mmring", 2, 240, 250, 30), made(m, "pipe", 2, 51, 55, 20),
		made(m, "mmring", 3, 50, 250, 1000),
		made(m, "mmring", 4, 56, 57, 120), made(m, "pipe", 4, 56, 57, 10),
	}
	var out bytes.Buffer
	p := &plan{rounds: 4, only: regexp.MustCompile(""), talk: io.Discard}
	require.NoError(t, report{&out, p, "a machine", all}.write())
	text := out.String()
	require.Contains(t, text, "1 of 7 measurements are left out")
	require.Contains(t, text, "| 64 B, one store or write each | mmring | 110 (100-120) | M/s | - | - | 2 |")
	require.Contains(t, text, "| 64 B, one store or write each | pipe | 10.0 (10.0-20.0) | M/s | - | 11.0 (10.0-12.0) | 3 |", "ratios within rounds that have both")
	require.Contains(t, text, "### Raw hop 245 ns")
	require.Contains(t, text, "| 64 B, one store or write each | mmring | 30.0 | M/s | - | - | 1 |")
}

func TestRatiosAreThoseOfOneRound(t *testing.T) {
	small := measure{latency, 32}
	mood := []sample{made(small, "mmring", 1, 50, 50, 75), made(small, "mmring", 2, 60, 60, 60)}
	require.Equal(t, row{1.5, 1}, asked()[0].of(mood))
	for _, r := range asked() {
		if r.a.measure != small {
			require.Empty(t, r.of(mood), r.title)
		}
	}
}

func TestPercentilesLeaveOutWhatTheyCannotKnow(t *testing.T) {
	each := make([]int64, 1000)
	for i := range each {
		each[i] = int64(i+1)*2 + 10
	}
	v := percentiles(each, 10, 2)
	require.InDelta(t, 500, v[valueMain], 1)
	require.InDelta(t, 990, v[valueP99], 1)
	require.InDelta(t, 999, v[valueP999], 1)
	require.InDelta(t, 1000, v[valueMax], 1)
	require.InDelta(t, 500.5, v[valueMean], 1)
	require.NotContains(t, v, valueP9999)
}

func TestMedian(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{3, 1, 2}))
	require.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
	require.Zero(t, median(nil))
	require.True(t, agree(100, 125) && agree(125, 100))
	require.False(t, agree(100, 126))
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.012", 1.234: "1.23", 12.34: "12.3", 1234.5: "1234"} {
		require.Equal(t, want, digits(v))
	}
	require.Empty(t, column([]sample{{}}, func(sample) (float64, bool) { return math.NaN(), true }))
}
