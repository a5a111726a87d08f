package proctest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a child may be silent before its test fails. No test that works waits that long.
const patience = time.Minute

// Config says how a child differs from its parent. The zero value: in nothing but the role.
type Config struct {
	Env   []string             // more variables, "name=value"
	Files []*os.File           // become descriptors 3, 4, ... of the child
	Attr  *syscall.SysProcAttr // namespaces, credentials
}

// Proc is a child process.
type Proc struct {
	t     testing.TB
	role  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string   // closed when stdout ends
	gone  chan struct{} // closed when the process is reaped
	err   error         // of the process; valid once gone
	over  chan struct{} // closed at the end of the test
}

// Start starts the test binary again as that role of Main.
func Start(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	return Config{}.Start(t, role, args...)
}

// Start is the function Start for a child as c describes it. Where the machine refuses new namespaces, the test is skipped
// with a line that says so.
func (c Config) Start(t testing.TB, role string, args ...string) *Proc {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &Proc{t: t, role: role, lines: make(chan string), gone: make(chan struct{}), over: make(chan struct{})}
	p.cmd = exec.Command(self, args...)
	p.cmd.Env = append(os.Environ(), roleVariable+"="+role,
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // else each child of a race build ends a second late
	p.cmd.Env = append(p.cmd.Env, c.Env...)
	p.cmd.ExtraFiles = c.Files
	p.cmd.SysProcAttr = c.Attr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr := pipe(t, &p.cmd.Stdout), pipe(t, &p.cmd.Stderr)
	err = p.cmd.Start()
	p.cmd.Stdout.(io.Closer).Close()
	p.cmd.Stderr.(io.Closer).Close()
	if err != nil {
		stdout.Close()
		stderr.Close()
		refused(t, c.Attr, err)
		t.Fatalf("start %s: %v", role, err)
	}
	var readers sync.WaitGroup
	readers.Add(2)
	go func() { defer readers.Done(); p.hear(stdout) }()
	go func() { defer readers.Done(); p.log(stderr) }()
	go func() { p.err = p.cmd.Wait(); close(p.gone) }()
	t.Cleanup(func() { p.end(&readers, stdout, stderr) })
	return p
}

// pipe connects *out, a stream of the child, and returns the test's end. Unlike StdoutPipe it does not close when the child
// ends: what was said is still to be read.
func pipe(t testing.TB, out *io.Writer) *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	*out = w
	return r
}

// end leaves nothing of the child behind.
func (p *Proc) end(readers *sync.WaitGroup, streams ...*os.File) {
	p.signal(syscall.SIGKILL)
	<-p.gone
	close(p.over)
	for _, s := range streams {
		// What the child said is there already. A grandchild that keeps the pipe open has nothing to add.
		_ = s.SetReadDeadline(time.Now().Add(time.Second))
	}
	readers.Wait()
	for _, s := range streams {
		s.Close()
	}
}

// hear passes on what the child says.
func (p *Proc) hear(stdout io.Reader) {
	defer close(p.lines)
	for in := bufio.NewScanner(stdout); in.Scan(); {
		select {
		case p.lines <- in.Text():
		case <-p.over:
			p.t.Logf("%s said, and nobody listened: %s", p, in.Text())
		}
	}
}

// log copies the child's stderr into the log of the test.
func (p *Proc) log(stderr io.Reader) {
	for in := bufio.NewScanner(stderr); in.Scan(); {
		p.t.Logf("%s: %s", p, in.Text())
	}
}

// Pid is the child's process id as the test sees it.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// String names the child in messages.
func (p *Proc) String() string { return fmt.Sprintf("%s[%d]", p.role, p.Pid()) }

// Line returns the child's next line.
func (p *Proc) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s ended when a line was expected: %v", p, p.Wait())
		}
		return line
	case <-time.After(patience):
		p.t.Fatalf("%s says nothing", p)
	}
	return ""
}

// Expect requires that the child's next line is word, or word followed by a space and more, which it returns.
func (p *Proc) Expect(word string) string {
	p.t.Helper()
	line := p.Line()
	first, rest, _ := strings.Cut(line, " ")
	if line == word {
		return ""
	}
	if first != word {
		p.t.Fatalf("%s said %q, expected %q", p, line, word)
	}
	return rest
}

// Rest waits for the end of the child and returns all lines that it has said and nobody has read.
func (p *Proc) Rest() (lines []string) {
	p.t.Helper()
	end := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				return lines
			}
			lines = append(lines, line)
		case <-end:
			p.t.Fatalf("%s does not end", p)
		}
	}
}

// Send gives the child a line to Hear.
func (p *Proc) Send(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		p.t.Fatalf("send to %s: %v", p, err)
	}
}

// Kill sends SIGKILL and returns at once: the child may live for a moment still. To kill the dead does nothing.
func (p *Proc) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
}

// Signal sends any signal. To signal the dead does nothing.
func (p *Proc) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.signal(s); err != nil {
		p.t.Fatalf("send %v to %s: %v", s, p, err)
	}
}

func (p *Proc) signal(s syscall.Signal) error {
	err := p.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Wait returns once the child has ended and is reaped: nil for exit code 0, else an *exec.ExitError. Lines not yet read
// stay readable. It may be called again.
func (p *Proc) Wait() error {
	p.t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p)
	}
	return p.err
}
