package main

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// noticeAfter is how long a command waits before it says what for.
const noticeAfter = time.Second

// notice tells a person what a command waits for: once, after a second. It is for waits that come again and again: begin
// and end cost no memory.
type notice struct {
	a     *app
	timer *time.Timer
	told  atomic.Bool
}

// notice returns the notice of one kind of wait, which text describes at the time it is told; with nothing it is not told.
func (a *app) notice(text func() string) *notice {
	n := &notice{a: a}
	n.timer = time.AfterFunc(noticeAfter, func() {
		if n.told.Load() {
			return
		}
		if what := text(); what != "" {
			n.told.Store(true)
			a.say("waiting for %s", what)
		}
	})
	n.timer.Stop()
	return n
}

// begin says that the caller may wait now.
func (n *notice) begin() {
	if !n.a.quiet && !n.told.Load() {
		n.timer.Reset(noticeAfter)
	}
}

// end says that it does no longer.
func (n *notice) end() { n.timer.Stop() }

// waiting begins a wait that comes only once. It is over when done is called.
func (a *app) waiting(text func() string) (done func()) {
	n := a.notice(text)
	n.begin()
	return n.end
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
