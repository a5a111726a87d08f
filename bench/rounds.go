package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/mmring/mmring/bench/instructions"
	"github.com/mmring/mmring/internal/measure"
)

// sample is what one measurement of one contender found in one round.
type sample struct {
	contest
	contender string
	round     int
	measure.Mood
	values values
}

// Steady reports whether the sample may be compared with others. What a blocked process uses, and what is counted instead of
// timed, has nothing to do with the machine's mood.
func (s sample) Steady() bool {
	return s.kind == idle || s.kind == cost && s.unit() != "ns" || s.Mood.Steady()
}

// plan is what to measure and how much of it.
type plan struct {
	measure.Place
	budget
	rounds int
	tries  int // of one measurement, at most
	only   *regexp.Regexp
	talk   io.Writer // progress
	count  bool      // instructions, and nothing else
	call   string    // those of this call by function, and nothing else
	lines  string    // the file for JSON lines; empty: none
	meter  *measure.HopMeter
	again  int // measurements that may still be run again
}

// entry is a contender that takes part in a contest.
type entry struct {
	contest
	contender
}

// entries are all that the plan's -only selects, those of one contest next to each other.
func (p *plan) entries() []entry {
	var all []entry
	for _, c := range contests() {
		for _, who := range contenders() {
			if who.takes(c) && p.only.MatchString(c.String()+"/"+who.Name()) {
				all = append(all, entry{c, who})
			}
		}
	}
	return all
}

// run measures everything in alternating rounds, so that a change of the machine meets all contenders alike, and gives each
// sample to keep.
func (p *plan) run(ctx context.Context, keep func(sample) error) error {
	all := p.entries()
	if len(all) == 0 {
		return fmt.Errorf("-only %q selects nothing", p.only)
	}
	p.again = len(all) * p.rounds / 3
	leave, err := p.Take()
	if err != nil {
		return err
	}
	defer leave()
	if p.meter, err = measure.NewHopMeter(ctx, p.Place); err != nil {
		return err
	}
	defer p.meter.Stop()
	for round := 1; round <= p.rounds; round++ {
		for i, e := range all {
			s, err := p.one(ctx, e, round)
			if errors.Is(err, instructions.ErrNotHere) {
				fmt.Fprintf(p.talk, "%s is left out: %v\n", e.contest, err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s of %s: %w", e.contest, e.Name(), err)
			}
			fmt.Fprintf(p.talk, "round %d/%d %3d/%d  %-16s %-14s %s\n", round, p.rounds, i+1, len(all), e.contest, e.Name(), s.line())
			if err := keep(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// one measures e between two raw hops, and again while they disagree and there are tries left.
func (p *plan) one(ctx context.Context, e entry, round int) (s sample, err error) {
	s = sample{contest: e.contest, contender: e.Name(), round: round}
	s.Mood, err = p.meter.Around(func() (err error) {
		s.values, err = p.find(ctx, e.Contender, e.contest, p.Place)
		return err
	}, func(tries int) bool {
		if tries >= p.tries || p.again == 0 {
			return false
		}
		p.again--
		return true
	})
	return s, err
}

// line is what progress says of a sample.
func (s sample) line() string {
	text := fmt.Sprintf("%9s %-8s  hop %.0f/%.0f ns", digits(s.values[valueMain]), s.unit(), s.Before, s.After)
	if !s.Steady() {
		text += fmt.Sprintf("  unsteady, others used %.0f %%", 100*s.Others)
	}
	if s.Tries > 1 {
		text += fmt.Sprintf("  (try %d)", s.Tries)
	}
	return text
}
