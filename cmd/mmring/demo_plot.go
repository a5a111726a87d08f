package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mmring/mmring/ring"
)

// demoStep is how far the plot is.
type demoStep int

const (
	stepPublishing demoStep = iota // all is well
	stepKeeperDead                 // the durable reader was killed; its cursor holds the writer back
	stepKeeperBack                 // it was started again
	stepWriterDead                 // the writer was killed
	stepStandbyOn                  // the standby goes on
)

// demoPlot is what has been done to the processes, and what came of it.
type demoPlot struct {
	step     demoStep
	dead     time.Time // when the writer was killed
	story    []string  // told again in the report
	orphaned string    // a picture of the ring while the durable reader was dead
}

// tell says what happens, and keeps it for the report.
func (d *demo) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.plot.story = append(d.plot.story, fmt.Sprintf("%6.2f s  %s", time.Since(d.begin).Seconds(), text))
	d.screen.say("%s", text)
}

// act kills and restarts.
func (d *demo) act(ctx context.Context, now look) error {
	published := now.NextSeq - 1
	atGate := published >= d.gate()
	p := &d.plot
	switch {
	case p.step == stepPublishing && published >= d.lines/3:
		if err := d.kill(keeperName); err != nil {
			return err
		}
		d.tell("SIGKILL for the durable reader, record %s is published", countText(published))
		p.step = stepKeeperDead
	case p.step == stepKeeperDead && d.children[keeperName] == nil && (atGate || heldBack(now.Info)):
		p.orphaned = picture(now.Info)
		if heldBack(now.Info) {
			d.tell("its cursor has stopped the writer at record %s", countText(published))
		}
		return d.spawn(ctx, keeperName, keeperName)
	case p.step == stepKeeperBack && (published >= d.lines/2 || atGate):
		p.dead = time.Now()
		if err := d.kill(writerName); err != nil {
			return err
		}
		d.tell("SIGKILL for the writer, record %s is published", countText(published))
		p.step = stepWriterDead
	}
	return nil
}

// heldBack reports whether the writer waits for the durable reader.
func heldBack(i ring.Info) bool {
	for _, r := range i.Readers {
		if r.Name == keeperName && r.HoldsBack {
			return true
		}
	}
	return false
}

// heard takes an event.
func (d *demo) heard(h heard) error {
	if h.err != nil {
		return h.err
	}
	e := h.event
	switch {
	case e.Event == "done":
		d.results[h.name] = e
	case e.Event == "ready" && h.name == keeperName:
		d.tell("the durable reader is back: it has kept all up to record %s", countText(e.Seq-1))
		d.plot.step = stepKeeperBack
	case e.Event == "writing" && h.name == standbyName && d.plot.step == stepWriterDead:
		d.tell("the standby goes on with record %s, %s after the kill", countText(e.Seq), nanosText(float64(time.Since(d.plot.dead))))
		d.plot.step = stepStandbyOn
	}
	return nil
}

// storyText is what was told, with the picture.
func (p *demoPlot) storyText() string {
	return strings.Join(p.story, "\n") + "\n\nthe ring while the durable reader was dead:\n" + p.orphaned
}
