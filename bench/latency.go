package main

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// values are what one measurement found, by name.
type values map[string]float64

// The names of values. All but "samples" are in the measure's unit.
const (
	valueMain    = "median" // what tables and ratios take: the p50, or the one value there is
	valueMean    = "mean"
	valueP99     = "p99"
	valueP999    = "p99.9"
	valueP9999   = "p99.99"
	valueMax     = "max"
	valueSamples = "samples"
)

// budget is how much of a measurement there is.
type budget struct {
	time  time.Duration // a latency or a rate is measured for, roughly
	idle  time.Duration // a blocked process is watched for
	wakes int           // wake-ups
}

// measureLatency sends records to and fro. The mean is that of a run without a look at the clock in it. The percentiles are
// those of a second run, with a look before and after each round trip; what two looks in a row cost, the median of many, is
// taken off. Part of a look overlaps with the waiting, and a virtual machine's clock moves in steps: p50 is good to some 5 ns.
func measureLatency(s *session, b budget) (values, error) {
	trips := 64
	for {
		d, err := s.roundTrips(trips, nil)
		if err != nil {
			return nil, err
		}
		if d > b.time/8 {
			trips = int(float64(trips) * float64(b.time/2) / float64(d))
			break
		}
		trips *= 4
	}
	trips = max(trips, 16)
	d, err := s.roundTrips(trips, nil)
	if err != nil {
		return nil, err
	}
	each := make([]int64, trips)
	if _, err := s.roundTrips(trips, each); err != nil {
		return nil, err
	}
	v := percentiles(each, clockCost(), 2)
	v[valueMean] = float64(d) / float64(trips) / 2
	return v, nil
}

// roundTrips times n round trips, and each of them where there is room for it. The first of all is not counted: the far side
// is only just told.
func (s *session) roundTrips(n int, each []int64) (time.Duration, error) {
	first, err := s.order(orderEcho, uint64(n)+1)
	if err != nil {
		return 0, err
	}
	d, err := s.trips(first, n, each)
	return d, s.finish(err)
}

func (s *session) trips(first uint64, n int, each []int64) (time.Duration, error) {
	base := time.Now()
	var begin time.Duration
	for i := first; i <= first+uint64(n); i++ {
		if i == first+1 {
			begin = time.Since(base)
		}
		var sent time.Duration
		if each != nil {
			sent = time.Since(base)
		}
		if err := s.send(i, 1); err != nil {
			return 0, err
		}
		if err := s.receive(i, 1); err != nil {
			return 0, err
		}
		if each != nil && i > first {
			each[i-first-1] = int64(time.Since(base) - sent)
		}
	}
	return time.Since(base) - begin, nil
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

// percentiles sorts times into a histogram of three digits, less cost, and divides them by parts. A percentile that fewer
// samples than one lie behind is left out.
func percentiles(each []int64, cost int64, parts float64) values {
	h := hdrhistogram.New(1, int64(time.Minute), 3)
	for _, d := range each {
		_ = h.RecordValue(max(d-cost, 1)) // only a minute is too long
	}
	v := values{valueMean: h.Mean() / parts, valueMax: float64(h.Max()) / parts, valueSamples: float64(len(each))}
	for name, behind := range map[string]int{valueMain: 2, valueP99: 100, valueP999: 1000, valueP9999: 10000} { // one in
		if len(each) >= behind {
			v[name] = float64(h.ValueAtQuantile(100-100/float64(behind))) / parts
		}
	}
	return v
}
