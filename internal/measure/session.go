package measure

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Session is one contender laid out between this process and a far one. Records are numbered through all of its runs.
type Session struct {
	Ends
	shape  Shape
	ctx    context.Context // done when the far process is gone
	cancel context.CancelFunc
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string // of the far process
	gone   chan struct{}
	dir    string
	next   uint64 // number of the next record
}

// Start lays c out in a directory of its own and starts the far process. The session ends when ctx does: what waits then
// returns an error. Whoever started it must Stop it.
func Start(ctx context.Context, c Contender, shape Shape, p Place) (s *Session, err error) {
	dir, err := os.MkdirTemp(p.Dir, "mmring-bench-")
	if err != nil {
		return nil, err
	}
	s = &Session{shape: shape, dir: dir, lines: make(chan string), gone: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	near, far, err := c.Lay(dir)
	if err != nil {
		return nil, err
	}
	defer closeAll(far)
	own := Side{Payload: Payload{shape.Size, shape.Spoil.Near}, Batch: shape.Batch, Dir: dir, Files: near}
	if s.Ends, err = c.Join(s.ctx, own); err != nil {
		return nil, err
	}
	j := job{Contender: c.Name(), Shape: shape, Dir: dir, Files: len(far), CPU: p.Far}
	if err := s.fork(j, far, p); err != nil {
		return nil, err
	}
	return s, s.expect("ready")
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // the far side has its own
	}
}

// fork starts this program again as the far side, in a process group of its own, which a terminal's signals do not reach.
// While it does, it is not pinned: the far side shall count the processors of the machine, not those of this process.
func (s *Session) fork(j job, files []*os.File, p Place) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	cmd := exec.Command(self, p.Again...)
	cmd.Env = append(os.Environ(), farVariable+"="+string(text))
	cmd.ExtraFiles, cmd.Stderr = files, os.Stderr
	ownGroup(cmd)
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := pin(p.All...); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd = cmd
	go s.listen(out)
	go s.guard()
	return pin(p.Near)
}

// listen passes on what the far side says, until it is gone.
func (s *Session) listen(out io.Reader) {
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

// guard kills the far side when the session is told to end: who waits at a descriptor then finds its end.
func (s *Session) guard() {
	select {
	case <-s.ctx.Done():
		_ = s.stdin.Close() // it has the time to say what was wrong
	case <-s.gone:
	}
}

// expect returns nil if the far side's next line is word.
func (s *Session) expect(word string) error {
	line, ok := <-s.lines
	switch {
	case !ok:
		return ErrGone
	case line != word:
		return fmt.Errorf("the far side said: %s", line)
	}
	return nil
}

// order gives the far side an order for the next n records and returns the number of the first.
func (s *Session) order(what string, n uint64) (first uint64, err error) {
	first = s.next
	s.next += n
	_, err = fmt.Fprintln(s.stdin, what, first, n)
	return first, err
}

// finish waits until the far side has done what it was told. err is what went wrong on this side, if anything did.
func (s *Session) finish(err error) error {
	if err == nil {
		return s.expect("done")
	}
	if s.ctx.Err() != nil {
		return errors.Join(err, s.expect("done"))
	}
	return err
}

// Kill kills the far process and returns when it is gone: whatever is measured then fails.
func (s *Session) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended by itself
	<-s.gone
}

// Stop ends the far process and removes everything.
func (s *Session) Stop() {
	if s.cmd != nil {
		_ = s.stdin.Close()
		_ = s.cmd.Process.Kill() // it may be at work; what it says was heard
		for range s.lines {
		}
		<-s.gone
		_ = s.cmd.Wait() // killed: always an error
	}
	s.cancel()
	if s.Close != nil {
		s.Close()
	}
	_ = os.RemoveAll(s.dir)
}
