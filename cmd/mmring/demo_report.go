package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// errDisagree says that not all got what was published.
var errDisagree = errors.New("not all agree")

// report compares what everybody has got with the input, and writes it down.
func (d *demo) report() error {
	took := d.last.at.Sub(d.begin)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", d.inputText(), d.plot.storyText())
	fmt.Fprintf(&b, "published, and read by all, in %s: %srecords/s, %sB/s\n\n", took.Round(time.Millisecond),
		rateText(float64(d.lines)/took.Seconds()), rateText(float64(d.bytes)/took.Seconds()))
	faults := d.table(&b)
	d.delays(&b)
	b.WriteString("\nthe ring at the end:\n")
	b.WriteString(picture(d.last.Info))
	if published := d.last.NextSeq - 1; published != d.lines || !d.last.Ended {
		faults = append(faults, fmt.Sprintf("the ring has %d records (ended: %t), the input %d lines", published, d.last.Ended, d.lines))
	}
	for _, f := range faults {
		fmt.Fprintf(&b, "DIFFERENT: %s\n", f)
	}
	if len(faults) == 0 {
		b.WriteString("\nall agree\n")
	}
	if err := writeText(d.a.stdout, b.String()); err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s", errDisagree, strings.Join(faults, "; "))
	}
	return nil
}

// table writes a line for everybody, and returns what does not agree.
func (d *demo) table(b *strings.Builder) (faults []string) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tRECORDS\tLOST\tREPEATED\tSHA-256\t")
	row := func(name, records, lost, repeats, sum, note string) {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.16s\t%s\n", name, records, lost, repeats, sum, note)
	}
	row("input", countText(d.lines), "", "", d.sha256, "")
	check := func(ok bool, format string, args ...any) string {
		if ok {
			return "agrees"
		}
		faults = append(faults, fmt.Sprintf(format, args...))
		return "DIFFERENT"
	}
	for _, name := range []string{steadyName, keeperName} {
		e := d.results[name]
		ok := e.Count == d.lines && e.SHA256 == d.sha256 && e.Lost == 0
		note := check(ok, "%s has %d records, lost %d, sha256 %s", name, e.Count, e.Lost, e.SHA256)
		if name == keeperName {
			note += ", killed once; repeats told by their numbers and dropped"
		}
		row(name, countText(e.Count), countText(e.Lost), countText(e.Repeats), e.SHA256, note)
	}
	p := d.results[pipelineName]
	row(pipelineName, "", "", "", p.SHA256, check(p.SHA256 == d.sha256, "the pipeline's sha256 is %s", p.SHA256))
	o := d.results[observerName]
	note := check(o.Count+o.Lost == d.lines && (o.Lost > 0 || o.SHA256 == d.sha256),
		"the observer received %d and lost %d, sha256 %s", o.Count, o.Lost, o.SHA256)
	row(observerName, countText(o.Count), countText(o.Lost), countText(o.Repeats), o.SHA256, note+" (received + lost = published)")
	_ = t.Flush() // into memory
	return faults
}

// delays writes the times from publication to receipt.
func (d *demo) delays(b *strings.Builder) {
	b.WriteByte('\n')
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FROM PUBLICATION TO RECEIPT\tp50\tp99\tp99.9\tMAX\tSAMPLES")
	row := func(name string, l delays) {
		if l.Samples > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", name, nanosText(float64(l.P50)), nanosText(float64(l.P99)),
				nanosText(float64(l.P999)), nanosText(float64(l.Max)), countText(uint64(l.Samples)))
		}
	}
	for _, name := range []string{steadyName, keeperName, observerName} {
		row(name+", a record every "+pacedEvery.String(), d.results[name].Paced)
	}
	for _, name := range []string{steadyName, keeperName, observerName} {
		row(name+", flat out: the ring is full", d.results[name].Loaded)
	}
	_ = t.Flush() // into memory
}
