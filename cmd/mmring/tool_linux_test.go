package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// patience is how long a process may take before its test fails. No test that works waits that long.
const patience = time.Minute

// result is what a process that has ended left.
type result struct {
	out  string // stdout
	said string // stderr, without notices
	code int
}

// A notice comes only after a second, which is also what a busy machine may make of no time at all.
var notices = regexp.MustCompile(`(?m)^mmring: waiting for .*\n`)

// mmring runs the tool with args and without input.
func mmring(t *testing.T, args ...string) result { return start(t, args...).end() }

// done is mmring for a command that has to succeed and has nothing to say; it returns its output.
func done(t *testing.T, args ...string) string {
	t.Helper()
	r := mmring(t, args...)
	require.Zero(t, r.code, "%v: %s", args, r.said)
	require.Empty(t, r.said, "%v", args)
	return r.out
}

// fed is done with input.
func fed(t *testing.T, input string, args ...string) string {
	t.Helper()
	p := start(t, args...)
	p.feed(input)
	r := p.end()
	require.Zero(t, r.code, "%v: %s", args, r.said)
	require.Empty(t, r.said, "%v", args)
	return r.out
}

// shell runs a script in a directory for rings, $D, with the ring $R in it still to be made.
func shell(t *testing.T, script string, env ...string) result {
	t.Helper()
	p := &proc{t: t, cmd: exec.Command("bash", "-euo", "pipefail", "-c", script)}
	p.cmd.Dir = ringtest.Dir(t)
	p.cmd.Env = append(os.Environ(), "D="+p.cmd.Dir, "R="+p.cmd.Dir+"/r")
	p.cmd.Env = append(p.cmd.Env, env...)
	p.start()
	return p.end()
}

// proc is a process of a test, at the latest until its end.
type proc struct {
	t         *testing.T
	cmd       *exec.Cmd
	input     *os.File // its stdin, if the test does not feed it
	stdin     io.WriteCloser
	out, said stream
	gone      chan struct{}
}

// toolCommand is the tool with args, not started yet.
func toolCommand(args ...string) *exec.Cmd {
	c := exec.Command("mmring", args...)
	c.Env = os.Environ()
	return c
}

// start starts the tool with args, which reads what the test feeds it.
func start(t *testing.T, args ...string) *proc {
	t.Helper()
	p := &proc{t: t, cmd: toolCommand(args...)}
	p.start()
	return p
}

// start starts it as the leader of a session, so that all that it starts can be found.
func (p *proc) start() {
	p.t.Helper()
	var err error
	if p.stdin, p.cmd.Stdin = p.input, p.input; p.input == nil {
		p.cmd.Stdin = nil
		p.stdin, err = p.cmd.StdinPipe()
		require.NoError(p.t, err)
	}
	p.out.changed, p.said.changed = make(chan struct{}, 1), make(chan struct{}, 1)
	p.cmd.Env = append(p.cmd.Env, toolVariable+"=1")
	if p.cmd.Stdout == nil {
		p.cmd.Stdout = &p.out
	}
	if p.cmd.Stderr == nil {
		p.cmd.Stderr = &p.said
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p.gone = make(chan struct{})
	require.NoError(p.t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended, its state says
		close(p.gone)
	}()
	p.t.Cleanup(func() {
		for pid := range p.members() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended meanwhile
		}
		<-p.gone
		if p.t.Failed() {
			p.t.Logf("%v\nstdout: %.2000q\nstderr: %s", p.cmd.Args, p.out.text(), p.said.text())
		}
	})
}

// members are the processes of the session that live, by their command lines.
func (p *proc) members() map[int]string {
	found := map[int]string{}
	entries, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(p.t, err)
	for _, e := range entries {
		b, _ := os.ReadFile(e) // it may have ended
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest) // state, parent, group, session
		if len(f) < 4 || f[3] != fmt.Sprint(p.cmd.Process.Pid) || f[0] == "Z" || f[0] == "X" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(e)))
		require.NoError(p.t, err)
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(e), "cmdline"))
		found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
	}
	return found
}

// feed gives the process more input; it may have ended before it took that.
func (p *proc) feed(input string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, input); !errors.Is(err, syscall.EPIPE) {
		require.NoError(p.t, err)
	}
}

func (p *proc) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// end ends the input and returns when the process has ended.
func (p *proc) end() result {
	p.t.Helper()
	p.stdin.Close()
	return p.result()
}

// result returns when the process has ended.
func (p *proc) result() result {
	p.t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		p.t.Fatalf("%v does not end", p.cmd.Args)
	}
	return result{p.out.text(), notices.ReplaceAllString(p.said.text(), ""), p.cmd.ProcessState.ExitCode()}
}

// stream collects what a process writes.
type stream struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{}
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(p)
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *stream) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// await returns when the process has written what is wanted.
func (p *proc) await(s *stream, want string) {
	p.t.Helper()
	late := time.After(patience)
	for !strings.Contains(s.text(), want) {
		select {
		case <-s.changed:
		case <-p.gone:
			if strings.Contains(s.text(), want) {
				return
			}
			p.t.Fatalf("%v ended without having written %q", p.cmd.Args, want)
		case <-late:
			p.t.Fatalf("%v does not write %q", p.cmd.Args, want)
		}
	}
}

// newRing makes a ring of the smallest size.
func newRing(t *testing.T) string {
	t.Helper()
	return ringtest.Path(t, ring.Config{Capacity: 64 << 10})
}

// attached returns when so many registered readers are attached to the ring.
func attached(t *testing.T, path string, n int) {
	t.Helper()
	until(t, path, "readers are attached", func(i ring.Info) bool {
		alive := 0
		for _, r := range i.Readers {
			if r.Alive && r.State == "active" {
				alive++
			}
		}
		return alive == n
	})
}

// until returns when the ring is as it should be.
func until(t *testing.T, path, what string, so func(ring.Info) bool) {
	t.Helper()
	proctest.Until(t, what, func() bool {
		i, err := ring.Inspect(path)
		return err == nil && so(i)
	})
}

// lines are numbers, one a line, from first to last.
func lines(first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		fmt.Fprintln(&b, i)
	}
	return b.String()
}
