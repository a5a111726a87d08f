package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
)

// report writes what a whole run found, as Markdown.
type report struct {
	out   io.Writer
	plan  *plan
	about string
	all   []sample
}

func (r report) write() error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. %s %s/%s. Two processes on processors %d and %d, %d rounds.\n", r.about, runtime.Version(),
		runtime.GOOS, runtime.GOARCH, r.plan.Near, r.plan.Far, r.plan.rounds)
	b.WriteString("Medians over the rounds, in brackets the least and the greatest. Every byte of every payload is written and checked.\n")
	if n := count(r.all, func(s sample) bool { return !s.Steady() }); n > 0 {
		fmt.Fprintf(&b, "%d of %d measurements are left out: the raw hops before and after them disagree, or other processes ran.\n", n, len(r.all))
	}
	steady := slices.DeleteFunc(slices.Clone(r.all), func(s sample) bool { return !s.Steady() })
	for _, mood := range moods(steady) {
		hops := column(mood, func(s sample) (float64, bool) { return s.Hop(), true })
		fmt.Fprintf(&b, "\n### Raw hop %s ns: %d of %d measurements\n", hops.text(), len(mood), len(r.all))
		r.latencies(&b, mood)
		r.others(&b, mood)
		writeGoals(&b, mood)
	}
	_, err := io.WriteString(r.out, b.String())
	return err
}

// latencies is a table with a row for each size and contender.
func (r report) latencies(b *strings.Builder, mood []sample) {
	if count(mood, func(s sample) bool { return s.kind == latency }) == 0 {
		return
	}
	b.WriteString("\nOne way (round trip / 2), ns; the raw hop's payload is one word:\n\n")
	b.WriteString("| record | contender | mean | p50 | p99 | p99.9 | p99.99 | max | p50 / raw hop | rounds |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range r.plan.entries() {
		rows := of(mood, e.contest, e.Name())
		if e.kind != latency || len(rows) == 0 {
			continue
		}
		fmt.Fprintf(b, "| %d B | %s |", e.number, e.Name())
		for _, name := range [...]string{valueMean, valueMain, valueP99, valueP999, valueP9999, valueMax} {
			c := column(rows, func(s sample) (float64, bool) { v, ok := s.values[name]; return v, ok })
			if name == valueMain {
				fmt.Fprintf(b, " %s |", c.text())
			} else {
				fmt.Fprintf(b, " %s |", c.middle())
			}
		}
		hops := column(rows, func(s sample) (float64, bool) { return s.values[valueMain] / s.Hop(), true })
		fmt.Fprintf(b, " %s | %d |\n", hops.middle(), len(rows))
	}
}

// others is a table with a row for each of the other measures and contender.
func (r report) others(b *strings.Builder, mood []sample) {
	if count(mood, func(s sample) bool { return s.kind != latency }) == 0 {
		return
	}
	b.WriteString("\n| measure | contender | median | | p99 | mmring / contender | rounds |\n|---|---|---|---|---|---|---|\n")
	for _, e := range r.plan.entries() {
		rows := of(mood, e.contest, e.Name())
		if e.kind == latency || len(rows) == 0 {
			continue
		}
		main := column(rows, func(s sample) (float64, bool) { v, ok := s.values[valueMain]; return v, ok })
		tail := column(rows, func(s sample) (float64, bool) { v, ok := s.values[valueP99]; return v, ok })
		against := "-"
		if e.Name() != ours && e.kind != idle {
			against = goal{a: pick{e.contest, ours, valueMain}, by: pick{e.contest, e.Name(), valueMain}}.of(mood).text()
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %d |\n", e.title(), e.Name(), main.text(), e.unit(), tail.middle(), against, len(rows))
	}
}

func count(all []sample, is func(sample) bool) (n int) {
	for _, s := range all {
		if is(s) {
			n++
		}
	}
	return n
}

// row is one value over the rounds.
type row []float64

// column collects a value from the samples that have it.
func column(all []sample, value func(sample) (float64, bool)) row {
	var r row
	for _, s := range all {
		if v, ok := value(s); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			r = append(r, v)
		}
	}
	return r
}

func (r row) middle() string {
	if len(r) == 0 {
		return "-"
	}
	return digits(median(r))
}

// text is the median with its spread.
func (r row) text() string {
	if len(r) < 2 {
		return r.middle()
	}
	return fmt.Sprintf("%s (%s-%s)", r.middle(), digits(slices.Min(r)), digits(slices.Max(r)))
}

// digits writes three of them, or all before the point.
func digits(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// schema is the version of the JSON lines.
const schema = 1

func writeJSON(out io.Writer, s sample) error {
	return json.NewEncoder(out).Encode(struct {
		Schema    int     `json:"schema"`
		Contest   string  `json:"contest"`
		Contender string  `json:"contender"`
		Round     int     `json:"round"`
		HopBefore float64 `json:"hop_before_ns"`
		HopAfter  float64 `json:"hop_after_ns"`
		Others    float64 `json:"others"`
		Steady    bool    `json:"steady"`
		Tries     int     `json:"tries"`
		Unit      string  `json:"unit"`
		Values    values  `json:"values"`
	}{schema, s.contest.String(), s.contender, s.round, s.Before, s.After, s.Others, s.Steady(), s.Tries, s.unit(), s.values})
}
