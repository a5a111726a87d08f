package main

import (
	"io"
	"sync"
	"time"
)

// noticeAfter is how long a command waits before it says what for.
const noticeAfter = time.Second

// notices tells what a command waits for: each thing once, after a second.
type notices struct {
	a    *app
	mu   sync.Mutex
	told map[string]bool
}

func (a *app) notices() *notices { return &notices{a: a, told: map[string]bool{}} }

// waiting announces that the caller may wait now. Unless done is called within a second, text is said, if the same kind
// was not said before.
func (n *notices) waiting(kind string, text func() string) (done func()) {
	if n.a.quiet {
		return func() {}
	}
	t := time.AfterFunc(noticeAfter, func() {
		n.mu.Lock()
		first := !n.told[kind]
		n.told[kind] = true
		n.mu.Unlock()
		if first {
			n.a.say("waiting for %s", text())
		}
	})
	return func() { t.Stop() }
}

// syncWriter lets several goroutines write to stderr, whole lines at a time.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *syncWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Write(b)
}
