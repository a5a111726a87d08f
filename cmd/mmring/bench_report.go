package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/mmring/mmring/internal/measure"
)

// benchResult is what bench has found.
type benchResult struct {
	place               measure.Place
	processors          int
	hopBefore, hopAfter float64
	oneWay              []benchOneWay
	rates               []benchFlow
	wake, futex         benchWake
}

// newBenchResult has a place for everything that is to be measured.
func newBenchResult(p measure.Place) *benchResult {
	r := &benchResult{place: p, processors: runtime.NumCPU()}
	for _, size := range benchSizes {
		r.oneWay = append(r.oneWay, benchOneWay{size: size})
	}
	for _, shape := range benchRates {
		r.rates = append(r.rates, benchFlow{Shape: shape})
	}
	return r
}

// benchOneWay is how long records of one size take.
type benchOneWay struct {
	size int
	measure.Delays
	measure.Mood
}

// benchFlow is how many records of one shape pass.
type benchFlow struct {
	measure.Shape
	measure.Flow
	measure.Mood
}

// benchWake is how long a sleeper takes to have a record.
type benchWake struct {
	measure.Delays
	measure.Mood
}

// benchJSON is the output's contract with scripts.
type benchJSON struct {
	V      int              `json:"v"`
	HopNS  [2]float64       `json:"hop_ns"`
	OneWay []benchDelayJSON `json:"one_way"`
	Rate   []benchRateJSON  `json:"rate"`
	Wake   benchWakeJSON    `json:"wake"`
}

type benchDelayJSON struct {
	Size    int     `json:"size"`
	MeanNS  float64 `json:"mean_ns"`
	P50NS   float64 `json:"p50_ns"`
	P99NS   float64 `json:"p99_ns"`
	P999NS  float64 `json:"p999_ns"`
	P9999NS float64 `json:"p9999_ns"`
	MaxNS   float64 `json:"max_ns"`
	HopNS   float64 `json:"hop_ns"`
}

type benchRateJSON struct {
	Size       int     `json:"size"`
	Batch      int     `json:"batch"`
	RecordsPer float64 `json:"records_per_s"`
	BytesPer   float64 `json:"bytes_per_s"`
	HopNS      float64 `json:"hop_ns"`
}

type benchWakeJSON struct {
	P50NS      float64 `json:"p50_ns"`
	P99NS      float64 `json:"p99_ns"`
	FutexP50NS float64 `json:"futex_p50_ns"`
}

func (r *benchResult) json() benchJSON {
	j := benchJSON{
		V: 1, HopNS: [2]float64{tenths(r.hopBefore), tenths(r.hopAfter)},
		Wake: benchWakeJSON{tenths(r.wake.P50), tenths(r.wake.P99), tenths(r.futex.P50)},
	}
	for _, e := range r.oneWay {
		j.OneWay = append(j.OneWay, benchDelayJSON{e.size, tenths(e.Mean), tenths(e.P50), tenths(e.P99), tenths(e.P999),
			tenths(e.P9999), tenths(e.Max), tenths(e.Hop())})
	}
	for _, e := range r.rates {
		j.Rate = append(j.Rate, benchRateJSON{e.Size, e.Batch, math.Round(e.PerSecond()), math.Round(e.bytes()), tenths(e.Hop())})
	}
	return j
}

// tenths rounds to what a measurement can tell at best.
func tenths(v float64) float64 { return math.Round(10*v) / 10 }

func (e benchFlow) bytes() float64 { return e.PerSecond() * float64(e.Size) }

// title says what flows.
func (e benchFlow) title() string {
	if e.Batch == 1 {
		return sizeOf(e.Size) + ", one by one"
	}
	return fmt.Sprintf("%s, %d at a time", sizeOf(e.Size), e.Batch)
}

func sizeOf(bytes int) string {
	if bytes >= 1<<10 {
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
	return fmt.Sprintf("%d B", bytes)
}

// text is the result for people.
func (r *benchResult) text() string {
	var b strings.Builder
	if r.place.Alone() {
		fmt.Fprintf(&b, "two processes that take turns on processor %d\n", r.place.Near)
	} else {
		fmt.Fprintf(&b, "two processes on processors %d and %d of %d; raw hop %s before, %s after\n", r.place.Near, r.place.Far, r.processors,
			nanosText(r.hopBefore), nanosText(r.hopAfter))
	}
	r.delayTable(&b)
	fmt.Fprintf(&b, "\n%s one way, %s round trips\n", sizeOf(r.oneWay[0].size), countText(uint64(r.oneWay[0].Samples)))
	b.WriteString(histogram(r.oneWay[0].Delays))
	r.rateTable(&b)
	r.wakeTable(&b)
	if len(r.unsteady()) > 0 {
		b.WriteString("\n* do not compare: the raw hop changed meanwhile, or other processes ran\n")
	}
	return b.String()
}

// marked appends a mark to what must not be compared.
func marked(text string, m measure.Mood) string {
	if m.Steady() {
		return text
	}
	return text + " *"
}

func (r *benchResult) delayTable(b *strings.Builder) {
	b.WriteByte('\n')
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ONE WAY\tMEAN\tp50\tp99\tp99.9\tp99.99\tMAX\tp50 / RAW HOP")
	for _, e := range r.oneWay {
		fmt.Fprintf(t, "%s", marked(sizeOf(e.size), e.Mood))
		for _, ns := range []float64{e.Mean, e.P50, e.P99, e.P999, e.P9999, e.Max} {
			fmt.Fprintf(t, "\t%s", knownNanos(ns))
		}
		fmt.Fprintf(t, "\t%s\n", times(e.P50, e.Hop()))
	}
	_ = t.Flush() // into memory
}

func knownNanos(ns float64) string {
	if ns == 0 {
		return "-" // too few samples
	}
	return nanosText(ns)
}

// times says how many times b goes into a.
func times(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

func (r *benchResult) rateTable(b *strings.Builder) {
	b.WriteByte('\n')
	most := 0.0
	for _, e := range r.rates {
		most = max(most, e.bytes())
	}
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STREAM\tRECORDS/s\tBYTES/s\tRAW HOP\t")
	for _, e := range r.rates {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", marked(e.title(), e.Mood), strings.TrimSpace(rateText(e.PerSecond())), rateText(e.bytes())+"B",
			knownNanos(e.Hop()), bar(e.bytes(), most))
	}
	_ = t.Flush() // into memory
}

func (r *benchResult) wakeTable(b *strings.Builder) {
	b.WriteByte('\n')
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "A SLEEPER IS WOKEN\tp50\tp99\t")
	most := max(r.wake.P50, r.futex.P50)
	for _, w := range []struct {
		name string
		benchWake
	}{{"through a ring", r.wake}, {"by a bare futex", r.futex}} {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", marked(w.name, w.Mood), knownNanos(w.P50), knownNanos(w.P99), bar(w.P50, most))
	}
	_ = t.Flush() // into memory
}

// barWidth is how many characters show the most.
const barWidth = 40

func bar(v, most float64) string {
	if most == 0 {
		return ""
	}
	return strings.Repeat("#", int(math.Ceil(barWidth*v/most)))
}

// Rows of a histogram, and the part of its samples that they show; the last row has the rest.
const (
	histogramRows  = 10
	histogramShare = 0.999
)

// histogram draws how many samples took how long, in rows that grow by a constant factor.
func histogram(d measure.Delays) string {
	if len(d.Shares) == 0 {
		return ""
	}
	from := d.Shares[0].Upto
	to := max(shareUpto(d, histogramShare), from)
	factor := math.Pow(to/from, 1.0/(histogramRows-1))
	counts := make([]int, histogramRows+1)
	for _, s := range d.Shares {
		row := histogramRows
		if s.Upto <= to {
			row = 0
			if factor > 1 {
				row = min(int(math.Ceil(math.Log(s.Upto/from)/math.Log(factor)-1e-9)), histogramRows-1)
			}
		}
		counts[row] += s.Count
	}
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	for row, n := range counts {
		name := "up to " + nanosText(from*math.Pow(factor, float64(row)))
		if row == histogramRows {
			name = "more"
		}
		if n > 0 {
			fmt.Fprintf(&b, "  %-14s %6.2f %%  %s\n", name, 100*float64(n)/float64(d.Samples), bar(float64(n), float64(most)))
		}
	}
	return b.String()
}

// shareUpto is the time within which a share of all samples lies.
func shareUpto(d measure.Delays, share float64) float64 {
	seen := 0
	for _, s := range d.Shares {
		if seen += s.Count; float64(seen) >= share*float64(d.Samples) {
			return s.Upto
		}
	}
	return d.Max
}

// unsteady are the measurements that must not be compared.
func (r *benchResult) unsteady() []measurement {
	return slices.DeleteFunc(r.all(benchBudget{}), func(m measurement) bool { return m.mood.Steady() })
}

// note says what is marked, and why.
func (r *benchResult) note() string {
	bad := r.unsteady()
	if len(bad) == 0 {
		return ""
	}
	var names []string
	hops, others := 0.0, 0.0
	for _, m := range bad {
		names = append(names, m.title)
		if low, high := min(m.mood.Before, m.mood.After), max(m.mood.Before, m.mood.After); low > 0 {
			hops = max(hops, high/low-1)
		}
		others = max(others, m.mood.Others)
	}
	return fmt.Sprintf("not steady: %s (raw hops before and after differ by up to %.0f %%, other processes used up to %.0f %% of the processors)",
		strings.Join(names, "; "), 100*hops, 100*others)
}
