// Program bench measures mmring side by side with what one would take instead: pipes, Unix and TCP sockets, a bare futex,
// and with three limits, the raw hop of a cache line, a bare ring and memcpy. Every contender runs between two real
// processes, each pinned to one processor, with every byte of every payload written and checked.
//
//	go run ./bench                       everything; a table for people, in Markdown, on stdout
//	go run ./bench -quick                the same in a tenth of the time, less exact
//	go run ./bench -only 'latency/32/'   what matches contest/contender
//	go run ./bench -lines FILE           also a line of JSON for each sample
//	go run ./bench -instructions         count instructions instead, which needs no quiet machine
//	go run ./bench -functions CALL       those of one call of that table, by function
//
// Contenders take turns (A B C A B C ...). The raw hop is measured right before and after each measurement; where the two
// disagree by more than a quarter, it is run again, and marked if that does not help. Only samples of one mood of the
// machine are put into one table. How times are taken: see internal/measure.
//
// Nothing else should run on the machine.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/mmring/mmring/bench/instructions"
	"github.com/mmring/mmring/internal/measure"
)

var le = binary.LittleEndian

func main() {
	switch {
	case measure.IsFar():
		measure.Far(carriers())
	case instructions.IsChild():
		instructions.Child()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is the program: arguments in, tables out, progress beside them.
func bench(ctx context.Context, args []string, out, talk io.Writer) (err error) {
	p, err := parse(args, talk)
	if err != nil {
		return err
	}
	if p.count || p.call != "" {
		return p.countInstructions(out)
	}
	lines := io.Discard
	if p.lines != "" {
		f, err := os.Create(p.lines)
		if err != nil {
			return err
		}
		defer f.Close()
		lines = f
	}
	begin, about := time.Now(), measure.Machine()
	var all []sample
	err = p.run(ctx, func(s sample) error {
		all = append(all, s)
		return writeJSON(lines, s)
	})
	if err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	fmt.Fprintf(talk, "%.0f s\n", time.Since(begin).Seconds())
	return report{out, p, about, all}.write()
}

// countInstructions writes a table of all calls, or of the functions within one.
func (p *plan) countInstructions(out io.Writer) error {
	if p.call != "" {
		functions, err := instructions.Functions(p.Dir, p.call)
		if err != nil {
			return err
		}
		return instructions.WriteFunctions(out, functions)
	}
	counts, err := instructions.Counts(p.Dir)
	if err != nil {
		return err
	}
	return instructions.Write(out, counts)
}

func parse(args []string, talk io.Writer) (*plan, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(talk)
	rounds := flags.Int("rounds", 0, "how often everything is measured (default 5, with -quick 2)")
	only := flags.String("only", "", "measure only what matches this `regexp`, as latency/32/mmring")
	quick := flags.Bool("quick", false, "in less than 40 seconds, less exact: tails of latencies hold the first use of every page")
	count := flags.Bool("instructions", false, "count instructions, and do nothing else")
	call := flags.String("functions", "", "count the instructions of one `call`, by function")
	lines := flags.String("lines", "", "write a line of JSON for each sample into this `file`")
	dir := flags.String("dir", "/dev/shm", "where shared files are made")
	near := flags.Int("near", -1, "`processor` of this side (default: the first)")
	far := flags.Int("far", -1, "`processor` of the other side (default: the second)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected arguments: %q", flags.Args())
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return nil, err
	}
	p := &plan{budget: budget{300 * time.Millisecond, 800 * time.Millisecond, 500}, rounds: 5, tries: 3, only: match, talk: talk, count: *count, call: *call, lines: *lines}
	if *quick {
		p.budget, p.rounds = budget{60 * time.Millisecond, 300 * time.Millisecond, 100}, 2
	}
	if *rounds > 0 {
		p.rounds = *rounds
	}
	p.Place, err = measure.FindPlace(*dir, *near, *far)
	if err == nil && p.Alone() && !p.count && p.call == "" {
		err = fmt.Errorf("two processors are needed, both sides would share number %d of %v", p.Near, p.All)
	}
	return p, err
}
