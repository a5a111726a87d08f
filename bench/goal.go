package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mmring/mmring/bench/ringpair"
	"github.com/mmring/mmring/internal/measure"
)

// pick names a value of the samples of a contest and contender.
type pick struct {
	contest
	contender string
	value     string
}

// goal is a figure that mmring is to reach: a value, or its ratio to another one found in the same round, or to the raw hop
// beside it.
type goal struct {
	title string
	a     pick
	by    pick // what a is divided by
	hop   bool // a is divided by the raw hop
	least float64
	most  float64
	slow  bool // only where the raw hop takes slowHop
}

// slowHop is from where on the two processors are far from each other, in ns.
const slowHop = 150

// The contenders that goals speak of.
var (
	ours    = ringpair.Contender{}.Name()
	ofMany  = ringpair.Any{}.Name()
	bare    = bareRing{}.Name()
	aPipe   = pipe{}.Name()
	stream  = unixSocket{stream: true}.Name()
	copying = memcpy{}.Name()
	aFutex  = measure.BareFutex{}.Name()
)

// goals are all of them.
func goals() []goal {
	value := func(k kind, number int, who string) pick { return pick{contest{k, number}, who, valueMain} }
	small := value(latency, 32, ours)
	tail := func(name string) pick { return pick{contest{latency, 32}, ours, name} }
	single, bulk := value(rate, 1, ours), value(rate, 64, aPipe)
	all := []goal{
		{title: "32 B one way, p50 / raw hop", a: small, hop: true, most: 1.25},
		{title: "64 B one way, p50 / raw hop", a: value(latency, 64, ours), hop: true, most: 1.5},
		{title: "224 B one way, p50 / raw hop", a: value(latency, 224, ours), hop: true, most: 1.8},
		{title: "32 B one way, p99 / own p50", a: tail(valueP99), by: small, most: 2},
		{title: "32 B one way, p99.9 / own p50", a: tail(valueP999), by: small, most: 4},
		{title: "64 B, one store each / pipe in 4 KiB writes", a: single, by: bulk, least: 1.2},
		{title: "64 B, batches of 64 / pipe in 4 KiB writes", a: value(rate, 64, ours), by: bulk, least: 1.6},
		{title: "64 B, batches of 256 / pipe in 4 KiB writes", a: value(rate, 256, ours), by: bulk, least: 1.6},
		{title: "64 B, one store each / a bare ring that always looks at once", a: single, by: value(rate, 1, bare), least: 2.5, slow: true},
		{title: "64 KiB records / Unix stream", a: value(volume, 65536, ours), by: value(volume, 65536, stream), least: 4},
		{title: "64 KiB records / memcpy", a: value(volume, 65536, ours), by: value(volume, 65536, copying), least: 0.6},
		{title: "64 B, one store each / pipe, one write each", a: single, by: value(rate, 1, aPipe), least: 30},
		{title: "64 B, one store each / Unix stream, one write each", a: single, by: value(rate, 1, stream), least: 30},
		{title: "wake-up of a sleeper, p50 / bare futex", a: value(wake, 64, ours), by: value(wake, 64, aFutex), most: 1.1},
		{title: "wake-up of a sleeper on 64 rings, p50 / bare futex", a: value(wake, 64, ofMany), by: value(wake, 64, aFutex), most: 1.5},
		{title: "idle reader, % CPU", a: value(idle, idleReader, ours), most: 0.05},
		{title: "idle writer, % CPU", a: value(idle, idleWriter, ours), most: 0.05},
	}
	for i, part := range costs {
		if part.most >= 0 {
			all = append(all, goal{title: part.title + ", " + part.unit, a: value(cost, i, ours), most: part.most})
		}
	}
	return all
}

// text is the bound for people.
func (g goal) text() string {
	if g.least > 0 {
		return ">= " + number(g.least)
	}
	return "<= " + number(g.most)
}

// number is a bound as it was agreed.
func number(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00") }

// of returns the figure in each round that has what it takes.
func (g goal) of(mood []sample) row {
	under := map[int]float64{}
	for _, s := range of(mood, g.by.contest, g.by.contender) {
		under[s.round] = s.values[g.by.value]
	}
	return column(of(mood, g.a.contest, g.a.contender), func(s sample) (float64, bool) {
		v, ok := s.values[g.a.value]
		if g.hop {
			return v / s.Hop(), ok
		}
		if g.by.contender == "" {
			return v, ok
		}
		u, also := under[s.round]
		return v / u, ok && also
	})
}

// verdict compares the median with the bound.
func (g goal) verdict(r row) string {
	v, by := median(r), 0.0
	switch {
	case g.least > 0 && v < g.least:
		by = 1 - v/g.least
	case g.least == 0 && v > g.most:
		by = v/g.most - 1
	default:
		return "reached"
	}
	if math.IsInf(by, 0) {
		return "missed"
	}
	return fmt.Sprintf("missed by %.0f %%", 100*by)
}

// writeGoals writes a row for each goal of which the mood knows the figure.
func writeGoals(b *strings.Builder, mood []sample) {
	hop := median(column(mood, func(s sample) (float64, bool) { return s.Hop(), true }))
	head := "\n| mmring: figure within a round | goal | result | rounds | |\n|---|---|---|---|---|\n"
	for _, g := range goals() {
		r := g.of(mood)
		if len(r) == 0 || g.slow && hop < slowHop {
			continue
		}
		fmt.Fprintf(b, "%s| %s | %s | %s | %d | %s |\n", head, g.title, g.text(), r.text(), len(r), g.verdict(r))
		head = ""
	}
}

// of returns the samples of one contest and contender.
func of(all []sample, c contest, contender string) []sample {
	return slices.DeleteFunc(slices.Clone(all), func(s sample) bool { return s.contest != c || s.contender != contender })
}
