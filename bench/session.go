package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// place is where a measurement runs.
type place struct {
	dir       string // for files that both sides map
	near, far int    // processors
	all       []int  // those this process was started with
}

// quiet keeps the garbage collector out of measurements. Naming the number of processors keeps the runtime from changing it
// when the process is pinned.
func quiet() {
	debug.SetGCPercent(-1)
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
}

// session is one contender laid out between this process and a far one. Records are numbered through all of its runs.
type session struct {
	ends
	m      measure
	ctx    context.Context // done when the far process is gone
	cancel context.CancelFunc
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // of the far process
	gone   chan struct{}
	dir    string
	next   uint64 // number of the next record
}

// spoiled says which record each side's sender makes wrong on purpose: none, unless a test asks for it.
type spoiled struct{ near, far uint64 }

var unspoiled = spoiled{none, none}

// start lays c out for m and starts the far process.
func start(c contender, m measure, p place, spoil spoiled) (s *session, err error) {
	dir, err := os.MkdirTemp(p.dir, "mmring-bench-")
	if err != nil {
		return nil, err
	}
	s = &session{m: m, dir: dir, lines: make(chan string), gone: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	near, far, err := c.lay(dir)
	if err != nil {
		return nil, err
	}
	defer closer(far...)()
	own := m.side()
	own.dir, own.files, own.spoil = dir, near, spoil.near
	if s.ends, err = c.join(s.ctx, own); err != nil {
		return nil, err
	}
	j := job{Contender: c.name(), Size: own.size, Batch: own.batch, Spoil: spoil.far, Dir: dir, Files: len(far), CPU: p.far}
	if err := s.fork(j, far, p); err != nil {
		return nil, err
	}
	return s, s.expect("ready")
}

// fork starts this program again as the far side. While it does, it is not pinned: the far side shall count the processors
// of the machine, not those of this process.
func (s *session) fork(j job, files []*os.File, p place) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), farVariable+"="+string(text))
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := pin(p.all...); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	go s.listen(out)
	return pin(p.near)
}

// listen passes on what the far side says, until it is gone.
func (s *session) listen(out io.Reader) {
	defer close(s.gone)
	defer s.cancel()
	defer close(s.lines)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "error") {
			s.cancel() // who waits for records must not wait for ever
		}
		s.lines <- lines.Text()
	}
}

// expect returns nil if the far side's next line is word.
func (s *session) expect(word string) error {
	line, ok := <-s.lines
	switch {
	case !ok:
		return errFarGone
	case line != word:
		return fmt.Errorf("the far side said: %s", line)
	}
	return nil
}

// order gives the far side an order for the next n records and returns the number of the first.
func (s *session) order(what string, n uint64) (first uint64, err error) {
	first = s.next
	s.next += n
	_, err = fmt.Fprintln(s.stdin, what, first, n)
	return first, err
}

// finish waits until the far side has done what it was told. err is what went wrong on this side, if anything did.
func (s *session) finish(err error) error {
	if err == nil {
		return s.expect("done")
	}
	if s.ctx.Err() != nil {
		return errors.Join(err, s.expect("done"))
	}
	return err
}

// stop ends the far process and removes everything.
func (s *session) stop() {
	if s.cmd != nil {
		_ = s.stdin.Close()
		_ = s.cmd.Process.Kill() // it may be at work; what it says was heard
		for range s.lines {
		}
		<-s.gone
		_ = s.cmd.Wait() // killed: always an error
	}
	s.cancel()
	if s.close != nil {
		s.close()
	}
	_ = os.RemoveAll(s.dir)
}
