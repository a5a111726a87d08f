package main

import (
	"bytes"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/measure"
)

// made is a sample with hops and a main value.
func made(c contest, contender string, round int, before, after, value float64) sample {
	return sample{contest: c, contender: contender, round: round, Mood: measure.Mood{Before: before, After: after}, values: values{valueMain: value}}
}

func TestMoodsAreNotMixed(t *testing.T) {
	m := contest{rate, 1}
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
	require.Contains(t, text, "### Raw hop 245 ns: 1 of 7 measurements")
	require.Contains(t, text, "| 64 B, one store or write each | mmring | 30.0 | M/s | - | - | 1 |")
}

func TestGoalsCompareWithinARound(t *testing.T) {
	small, single, bulk := contest{latency, 32}, contest{rate, 1}, contest{rate, 64}
	mood := []sample{
		made(small, "mmring", 1, 50, 50, 75), made(small, "mmring", 2, 60, 60, 60),
		made(single, "mmring", 1, 50, 50, 60), made(bulk, "pipe", 1, 50, 50, 60), made(bulk, "pipe", 2, 50, 50, 1000),
	}
	var b strings.Builder
	writeGoals(&b, mood)
	require.Contains(t, b.String(), "| 32 B one way, p50 / raw hop | <= 1.25 | 1.25 (1.00-1.50) | 2 | reached |")
	require.Contains(t, b.String(), "| 64 B, one store each / pipe in 4 KiB writes | >= 1.20 | 1.00 | 1 | missed by 17 % |")
	require.Equal(t, 2, strings.Count(b.String(), "reached")+strings.Count(b.String(), "missed"), "no figure, no row: %s", b.String())
}

func TestAGoalForSlowHopsIsNotOneForFastOnes(t *testing.T) {
	for hop, rows := range map[float64]int{50: 0, 240: 1} {
		var b strings.Builder
		writeGoals(&b, []sample{made(contest{rate, 1}, ours, 1, hop, hop, 10), made(contest{rate, 1}, bare, 1, hop, hop, 5)})
		require.Equal(t, rows, strings.Count(b.String(), "always looks at once | >= 2.50 | 2.00 | 1 | missed by 20 % |"))
	}
}

func TestMedian(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{3, 1, 2}))
	require.Equal(t, 2.5, median([]float64{4, 1, 3, 2}))
	require.Zero(t, median(nil))
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.012", 1.234: "1.23", 12.34: "12.3", 1234.5: "1234"} {
		require.Equal(t, want, digits(v))
	}
	require.Empty(t, column([]sample{{}}, func(sample) (float64, bool) { return math.NaN(), true }))
}
