package main

import (
	"context"
	"time"

	"github.com/mmring/mmring/internal/measure"
)

// values are what one measurement found, by name.
type values map[string]float64

// The names of values. All but "samples" are in the contest's unit.
const (
	valueMain    = "median" // what tables and goals take: the p50, or the one value there is
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

// find measures c between two processes.
func (b budget) find(ctx context.Context, who measure.Contender, c contest, p measure.Place) (values, error) {
	if c.kind == cost {
		v, err := costs[c.number].find(p.Dir)
		return values{valueMain: v, valueSamples: 1}, err
	}
	s, err := measure.Start(ctx, who, c.shape(), p)
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	switch c.kind {
	case latency:
		d, err := s.Latency(b.time)
		return spread(d, time.Nanosecond), err
	case wake:
		d, err := s.Wake(b.wakes)
		return spread(d, time.Microsecond), err
	case idle:
		percent, err := s.Idle(b.idle, c.number == idleWriter)
		return values{valueMain: percent, valueSamples: 1}, err
	}
	f, err := s.Rate(b.time)
	if err != nil {
		return nil, err
	}
	per := 1e6
	if c.kind == volume {
		per = 1e9 / float64(c.shape().Size)
	}
	return values{valueMain: f.PerSecond() / per, valueSamples: float64(f.Records)}, nil
}

// spread names what is known of d.
func spread(d measure.Delays, unit time.Duration) values {
	v := values{valueSamples: float64(d.Samples)}
	for name, ns := range map[string]float64{
		valueMain: d.P50, valueMean: d.Mean, valueP99: d.P99, valueP999: d.P999, valueP9999: d.P9999, valueMax: d.Max,
	} {
		if ns > 0 {
			v[name] = ns / float64(unit)
		}
	}
	return v
}
