package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// numberFlag is a whole number between bounds on the command line.
type numberFlag struct{ n, min, max uint64 }

func (f *numberFlag) String() string { return strconv.FormatUint(f.n, 10) }
func (f *numberFlag) Type() string   { return "number" }

func (f *numberFlag) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 64)
	switch {
	case (err != nil || n < f.min) && f.max == math.MaxUint64:
		return fmt.Errorf("must be a whole number from %d on", f.min)
	case err != nil || n < f.min || n > f.max:
		return fmt.Errorf("must be a whole number from %d to %d", f.min, f.max)
	}
	f.n = n
	return nil
}

// spanFlag is a duration on the command line.
type spanFlag time.Duration

func (f *spanFlag) Type() string { return "duration" }

func (f *spanFlag) String() string {
	if *f == 0 {
		return ""
	}
	return time.Duration(*f).String()
}

func (f *spanFlag) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("must be a duration such as 200ms, 5s, 1m30s")
	}
	*f = spanFlag(d)
	return nil
}

// rateFlag is so many a second on the command line; 0: as many as there are.
type rateFlag float64

func (f *rateFlag) String() string { return strconv.FormatFloat(float64(*f), 'g', -1, 64) }
func (f *rateFlag) Type() string   { return "number" }

func (f *rateFlag) Set(s string) error {
	r, err := strconv.ParseFloat(s, 64)
	if err != nil || r < 0 || math.IsNaN(r) || math.IsInf(r, 0) {
		return fmt.Errorf("must be a number from 0 on, such as 1000 or 0.5")
	}
	*f = rateFlag(r)
	return nil
}
