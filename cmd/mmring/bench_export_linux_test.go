package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/mmring/mmring/internal/measure"
)

// A far side of ShortBench is this test binary.
func init() {
	if measure.IsFar() {
		os.Exit(tool([]string{benchFarArgument}))
	}
}

// ShortBench is bench with a budget with which it proves only that it works.
func ShortBench(ctx context.Context, stdout, stderr io.Writer) error {
	a := &app{stdout: stdout, stderr: stderr}
	return a.bench(ctx, benchBudget{latency: 1, rate: 1, wakes: 3}, true)
}

// KnownBench is what bench writes for a result as it might be, and says about it.
func KnownBench(json io.Writer) (text, note string, err error) {
	r := knownBench()
	return r.text(), r.note(), writeJSON(json, r.json())
}

// LonelyBench is what bench writes for a machine with one processor.
func LonelyBench() (text, note string) {
	r := newBenchResult(measure.Place{})
	for i := range r.oneWay {
		r.oneWay[i].Delays = measure.Delays{P50: 6000, Max: 6000, Samples: 1, Shares: []measure.Share{{Upto: 6000, Count: 1}}}
	}
	for i := range r.rates {
		r.rates[i].Flow = measure.Flow{Records: 1, Elapsed: time.Second}
	}
	return r.text(), r.note()
}

func knownBench() *benchResult {
	r := newBenchResult(measure.Place{Near: 0, Far: 1})
	r.processors, r.hopBefore, r.hopAfter = 2, 52.04, 54.31
	steady := measure.Mood{Before: 52, After: 54, Tries: 1}
	for i := range r.oneWay {
		base := 60 * float64(i+1)
		r.oneWay[i].Mood = steady
		r.oneWay[i].Delays = measure.Delays{Mean: base + 3.14159, P50: base, P99: 2 * base, P999: 4 * base, P9999: 50 * base, Max: 1000 * base,
			Samples: 1_000_000, Shares: []measure.Share{{Upto: base - 8, Count: 300_000}, {Upto: base, Count: 600_000}, {Upto: base + 30, Count: 99_500}, {Upto: 10 * base, Count: 500}}}
	}
	for i := range r.rates {
		r.rates[i].Mood = steady
		r.rates[i].Flow = measure.Flow{Records: uint64(90_000_000 / (i*i*i + 1)), Elapsed: 1100 * time.Millisecond}
	}
	r.oneWay[3].Mood = measure.Mood{Before: 52, After: 240, Tries: 3}
	r.wake.Mood, r.futex.Mood = steady, measure.Mood{Before: 52, After: 54, Others: 0.5, Tries: 2}
	r.wake.Delays = measure.Delays{P50: 25_100, P99: 44_000.04, Samples: 2000}
	r.futex.Delays = measure.Delays{P50: 24_000, P99: 42_000, Samples: 2000}
	return r
}
