package measure

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Delays are how long something took that was done many times, in nanoseconds. A percentile that less than one sample lies
// behind is 0.
type Delays struct {
	Mean, P50, P99, P999, P9999, Max float64
	Samples                          int
	Shares                           []Share // for pictures: rising, of all samples
}

// Share is how many of the samples took at most so long.
type Share struct {
	Upto  float64 // ns
	Count int
}

// delays sorts times in nanoseconds into a histogram of three digits, less cost, and divides them by parts.
func delays(each []int64, cost int64, parts float64) Delays {
	h := hdrhistogram.New(1, int64(time.Minute), 3)
	for _, t := range each {
		_ = h.RecordValue(max(t-cost, 1)) // only a minute is too long
	}
	at := func(behind int) float64 { // one in so many is longer
		if len(each) < behind {
			return 0
		}
		return float64(h.ValueAtQuantile(100-100/float64(behind))) / parts
	}
	d := Delays{
		Mean: h.Mean() / parts, P50: at(2), P99: at(100), P999: at(1000), P9999: at(10000),
		Max: float64(h.Max()) / parts, Samples: len(each),
	}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			d.Shares = append(d.Shares, Share{float64(bar.To) / parts, int(bar.Count)})
		}
	}
	return d
}

// clockCost is what a look at the clock adds to the time between two looks: the median of many.
func clockCost() int64 {
	const looks = 10001
	base := time.Now()
	each := make([]int64, looks)
	for i := range each {
		sent := time.Since(base)
		each[i] = int64(time.Since(base) - sent)
	}
	slices.Sort(each)
	return each[looks/2]
}
