package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmring/mmring/bench/ringpair"
	"github.com/mmring/mmring/internal/measure"
)

func (a *app) benchCommand() *cobra.Command {
	var output *choice
	c := &cobra.Command{
		Use:   "bench",
		Short: "what rings reach on this machine, in ten seconds",
		Long: `bench measures two processes, each pinned to a processor of its own, that exchange
records through two rings. Every byte of every payload is written and checked.

The raw hop is the limit: one word that goes to the other processor and back, half of
the time. It stands beside every figure, measured right before and after, because it
differs with where a hypervisor has put the processors, and changes within minutes.
What was measured while it changed, or while other processes ran, is measured again
if there is time, and marked with * if that did not help.

One way is half a round trip; a sleeper is woken when it has slept for some 100 us.
Nothing else should run on the machine.`,
		Example: `  mmring bench
  mmring bench -o json > here.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.bench(c.Context(), tenSeconds, output.word == "json")
		},
	}
	output = outputFlag(c)
	return c
}

// benchFarArgument is the command by which bench starts this program again.
const benchFarArgument = "bench-far"

func (a *app) benchFarCommand() *cobra.Command {
	return &cobra.Command{
		Use: benchFarArgument, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !measure.IsFar() {
				return usagef("bench-far is the other side of bench, which starts it")
			}
			measure.Far([]measure.Contender{measure.RawHop{}, measure.BareFutex{}, ringpair.Contender{}})
			return nil
		},
	}
}

// benchBudget is for how long bench measures.
type benchBudget struct {
	latency time.Duration
	rate    time.Duration
	wakes   int
	again   time.Duration // so long after the start, nothing is measured again
}

// tenSeconds is what it takes with the start of all processes.
var tenSeconds = benchBudget{600 * time.Millisecond, 500 * time.Millisecond, 2000, 9 * time.Second}

// What bench measures.
var (
	benchSizes = []int{32, 64, 224, 4096}
	benchRates = []measure.Shape{{Size: 64, Batch: 1}, {Size: 64, Batch: 64}, {Size: 64, Batch: 256}, {Size: 4096, Batch: 1}, {Size: 65536, Batch: 1}}
)

func (a *app) bench(ctx context.Context, budget benchBudget, asJSON bool) error {
	p, err := benchPlace(ctx)
	if err != nil {
		return benchError(ctx, err)
	}
	if p.Alone() {
		a.say("there is one processor, %d: the raw hop cannot be measured, and one way takes as long as it takes", p.Near)
		a.say("the two processes to take turns; two processors that run at once show what a ring can do")
	} else {
		a.say("measuring on processors %d and %d, for ten seconds", p.Near, p.Far)
	}
	r, err := benchRun(ctx, p, budget)
	if err != nil {
		return benchError(ctx, err)
	}
	if note := r.note(); note != "" {
		a.say("%s", note)
	}
	if asJSON {
		return writeJSON(a.stdout, r.json())
	}
	return writeText(a.stdout, r.text())
}

// benchError prefers the signal that ended the command to what it led to.
func benchError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// benchPlace finds two processors and a directory where two rings can be: in memory if possible.
func benchPlace(ctx context.Context) (measure.Place, error) {
	var first error
	for _, dir := range []string{sharedMemory, os.TempDir()} {
		p, err := measure.FindPlace(dir, -1, -1)
		if err != nil {
			return p, hinted{err, "bench pins processes to processors, which only Linux lets it do"}
		}
		p.Again = []string{benchFarArgument}
		s, err := measure.Start(ctx, ringpair.Contender{}, benchRates[0], p)
		if err == nil {
			s.Stop()
			return p, nil
		}
		if first == nil {
			first = err
		}
	}
	return measure.Place{}, hinted{first, "bench needs 33MiB in /dev/shm or in $TMPDIR"}
}

// benchRun measures everything once, and then again what was not steady, while there is time.
func benchRun(ctx context.Context, p measure.Place, budget benchBudget) (r *benchResult, err error) {
	leave, err := p.Take()
	if err != nil {
		return nil, err
	}
	defer leave()
	meter, err := measure.NewHopMeter(ctx, p)
	if err != nil {
		return nil, err
	}
	defer meter.Stop()
	begin := time.Now()
	r = newBenchResult(p)
	if r.hopBefore, err = meter.Hop(); err != nil {
		return nil, err
	}
	for first := true; first || len(r.unsteady()) > 0 && time.Since(begin) < budget.again; first = false {
		for _, m := range r.all(budget) {
			if !first && (m.mood.Steady() || time.Since(begin) > budget.again) {
				continue
			}
			if err := m.run(ctx, meter, p); err != nil {
				return nil, err
			}
		}
	}
	r.hopAfter, err = meter.Hop()
	return r, err
}

// measurement is one thing that bench measures: what, by whom, and where the result goes.
type measurement struct {
	title string
	who   measure.Contender
	shape measure.Shape
	mood  *measure.Mood
	find  func(*measure.Session) error
}

// run measures it between two raw hops.
func (m measurement) run(ctx context.Context, meter *measure.HopMeter, p measure.Place) (err error) {
	*m.mood, err = meter.Around(func() error {
		s, err := measure.Start(ctx, m.who, m.shape, p)
		if err != nil {
			return err
		}
		defer s.Stop()
		return m.find(s)
	}, func(int) bool { return false })
	return err
}

// all are the measurements that make r.
func (r *benchResult) all(budget benchBudget) (all []measurement) {
	for i := range r.oneWay {
		e := &r.oneWay[i]
		all = append(all, measurement{sizeOf(e.size) + " one way", ringpair.Contender{}, measure.Shape{Size: e.size, Batch: 1}, &e.Mood,
			func(s *measure.Session) (err error) { e.Delays, err = s.Latency(budget.latency); return err }})
	}
	for i := range r.rates {
		e := &r.rates[i]
		all = append(all, measurement{e.title(), ringpair.Contender{}, e.Shape, &e.Mood,
			func(s *measure.Session) (err error) { e.Flow, err = s.Rate(budget.rate); return err }})
	}
	wake := func(who measure.Contender, w *benchWake) {
		all = append(all, measurement{"wake-up, " + who.Name(), who, benchRates[0], &w.Mood,
			func(s *measure.Session) (err error) { w.Delays, err = s.Wake(budget.wakes); return err }})
	}
	wake(ringpair.Contender{}, &r.wake)
	wake(measure.BareFutex{}, &r.futex)
	return all
}
