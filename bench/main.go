// Program bench measures mmring side by side with what one would take instead: pipes, Unix and TCP sockets, a bare futex,
// and with two limits, the raw hop of a cache line and memcpy. Every contender runs between two real processes, each pinned
// to one processor, with every byte of every payload written and checked.
//
//	go run ./bench                       everything; a table for people, in Markdown, on stdout
//	go run ./bench -quick                the same in a tenth of the time, less exact
//	go run ./bench -only 'latency/32/'   what matches measure/contender
//	go run ./bench -o json               a line for each sample
//
// Contenders take turns (A B C A B C ...). The raw hop is measured right before and after each measurement; where the two
// disagree by more than a quarter, it is run again, and marked if that does not help. Only samples of one mood of the
// machine (see mood.go) are put into one table.
//
// Nothing else should run on the machine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"
)

func main() {
	beFar()
	if err := bench(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(0)
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is the program: arguments in, tables out, progress beside them.
func bench(args []string, out, talk io.Writer) error {
	p, output, err := parse(args, talk)
	if err != nil {
		return err
	}
	quiet()
	begin := time.Now()
	var all []sample
	keep := func(s sample) error { all = append(all, s); return nil }
	if output == "json" {
		keep = func(s sample) error { return writeJSON(out, s) }
	}
	about := machine()
	if err := p.run(keep); err != nil {
		return err
	}
	fmt.Fprintf(talk, "%.0f s\n", time.Since(begin).Seconds())
	if output == "json" {
		return nil
	}
	return report{out, p, about, all}.write()
}

func parse(args []string, talk io.Writer) (*plan, string, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(talk)
	rounds := flags.Int("rounds", 0, "how often everything is measured (default 5, with -quick 2)")
	only := flags.String("only", "", "measure only what matches this `regexp`, as latency/32/mmring")
	quick := flags.Bool("quick", false, "in less than 40 seconds, less exact")
	output := flags.String("o", "table", "`table` or json")
	dir := flags.String("dir", "/dev/shm", "where shared files are made")
	near := flags.Int("near", -1, "`processor` of this side (default: the first)")
	far := flags.Int("far", -1, "`processor` of the other side (default: the second)")
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	if flags.NArg() > 0 || *output != "table" && *output != "json" {
		return nil, "", fmt.Errorf("unexpected argument: %q", append(flags.Args(), *output))
	}
	match, err := regexp.Compile(*only)
	if err != nil {
		return nil, "", err
	}
	p := &plan{budget: budget{300 * time.Millisecond, 800 * time.Millisecond, 500}, rounds: 5, only: match, talk: talk}
	if *quick {
		p.budget, p.rounds = budget{60 * time.Millisecond, 300 * time.Millisecond, 100}, 2
	}
	if *rounds > 0 {
		p.rounds = *rounds
	}
	p.place, err = findPlace(*dir, *near, *far)
	return p, *output, err
}

// findPlace chooses two processors among those this process may use, unless they were named.
func findPlace(dir string, near, far int) (place, error) {
	all, err := affinity()
	if err != nil {
		return place{}, err
	}
	if len(all) < 2 {
		return place{}, fmt.Errorf("two processors are needed, this process may use %d", len(all))
	}
	p := place{dir: dir, near: all[0], far: all[1], all: all}
	if near >= 0 {
		p.near = near
	}
	if far >= 0 {
		p.far = far
	}
	return p, nil
}
