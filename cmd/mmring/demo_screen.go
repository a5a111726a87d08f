package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// screen shows how a demo goes on, on stderr: what happens, a line each, and, in between, how far it is. On a terminal that
// is a few lines at the bottom that are drawn again and again, elsewhere a line now and then.
type screen struct {
	a       *app
	columns int // of the terminal; 0: it is none
	height  int // lines drawn that are to be replaced
	drawn   time.Time
}

// Times between two drawings.
const (
	frameTime = 100 * time.Millisecond
	lineTime  = 500 * time.Millisecond
)

func (a *app) screen() *screen { return &screen{a: a, columns: terminalColumns(os.Stderr)} }

// say tells what happened.
func (s *screen) say(format string, args ...any) {
	s.clear()
	s.a.say(format, args...)
}

// due reports whether it is time to draw again.
func (s *screen) due() bool {
	every := lineTime
	if s.columns > 0 {
		every = frameTime
	}
	return !s.a.quiet && time.Since(s.drawn) >= every
}

// draw shows the state: the line, and on a terminal also the block below it.
func (s *screen) draw(line, block string) {
	s.drawn = time.Now()
	if s.columns == 0 {
		s.a.say("%s", line)
		return
	}
	var b strings.Builder
	if s.height > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.height)
	}
	s.height = 0
	for text := range strings.Lines(line + "\n" + block) {
		b.WriteString(clipped(strings.TrimSuffix(text, "\n"), s.columns-1) + "\x1b[K\n")
		s.height++
	}
	b.WriteString("\x1b[J")
	fmt.Fprint(s.a.stderr, b.String())
}

// clear takes away what was drawn.
func (s *screen) clear() {
	if s.height > 0 {
		fmt.Fprintf(s.a.stderr, "\x1b[%dA\x1b[J", s.height)
		s.height = 0
	}
}

// clipped is the start of text that fits into so many columns.
func clipped(text string, columns int) string {
	if r := []rune(text); len(r) > columns {
		return string(r[:columns])
	}
	return text
}
