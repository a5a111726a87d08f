package main

import (
	"fmt"
	"io"
	"regexp"
	"runtime"
)

// sample is what one measurement of one contender found in one round.
type sample struct {
	measure   measure
	contender string
	round     int
	before    float64 // raw hop right before, ns
	after     float64 // and right after
	tries     int
	values    values
}

func (s sample) hop() float64 { return (s.before + s.after) / 2 }

// steady reports whether the machine kept its mood.
func (s sample) steady() bool { return agree(s.before, s.after) }

// plan is what to measure and how much of it.
type plan struct {
	place
	budget
	rounds int
	only   *regexp.Regexp
	talk   io.Writer // progress
	meter  *hopMeter
	again  int // measurements that may still be run again
}

// entry is a contender that takes part in a measure.
type entry struct {
	measure
	contender
}

// entries are all that the plan's -only selects, those of one measure next to each other.
func (p *plan) entries() []entry {
	var all []entry
	for _, m := range measures() {
		for _, c := range contenders() {
			if c.takes(m) && p.only.MatchString(m.String()+"/"+c.name()) {
				all = append(all, entry{m, c})
			}
		}
	}
	return all
}

// run measures everything in alternating rounds, so that a change of the machine meets all contenders alike, and gives each
// sample to keep.
func (p *plan) run(keep func(sample) error) error {
	all := p.entries()
	if len(all) == 0 {
		return fmt.Errorf("-only %q selects nothing", p.only)
	}
	p.again = len(all) * p.rounds / 3
	if err := pin(p.near); err != nil {
		return err
	}
	meter, err := newHopMeter(p.place)
	if err != nil {
		return err
	}
	defer meter.stop()
	p.meter = meter
	for round := 1; round <= p.rounds; round++ {
		for i, e := range all {
			s, err := p.one(e, round)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", e.measure, e.name(), err)
			}
			fmt.Fprintf(p.talk, "round %d/%d %3d/%d  %-12s %-14s %s\n", round, p.rounds, i+1, len(all), e.measure, e.name(), s.line())
			if err := keep(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// one measures e between two raw hops, and again, at most twice and while the whole run has tries left, when they disagree.
func (p *plan) one(e entry, round int) (sample, error) {
	s := sample{measure: e.measure, contender: e.name(), round: round}
	for {
		s.tries++
		var err error
		if s.before, err = p.meter.measure(); err != nil {
			return s, err
		}
		if s.values, err = p.once(e); err != nil {
			return s, err
		}
		if s.after, err = p.meter.measure(); err != nil {
			return s, err
		}
		runtime.GC() // it is off while measuring
		if s.steady() || s.tries == 3 || p.again == 0 {
			return s, nil
		}
		p.again--
	}
}

func (p *plan) once(e entry) (values, error) {
	s, err := start(e.contender, e.measure, p.place, unspoiled)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	switch e.kind {
	case latency:
		return measureLatency(s, p.budget)
	case wake:
		return measureWake(s, p.budget)
	case idle:
		return measureIdle(s, p.budget)
	}
	return measureRate(s, p.budget)
}

// line is what progress says of a sample.
func (s sample) line() string {
	text := fmt.Sprintf("%9s %-5s  hop %.0f/%.0f ns", digits(s.values[valueMain]), s.measure.unit(), s.before, s.after)
	if !s.steady() {
		text += "  unsteady"
	}
	if s.tries > 1 {
		text += fmt.Sprintf("  (try %d)", s.tries)
	}
	return text
}
