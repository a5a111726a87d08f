package proctest

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tracedVariable says that the child is traced.
const tracedVariable = "MMRING_PROCTEST_TRACED"

// markSignal is what a traced child sends itself at a Mark. It never gets there.
const markSignal = unix.SIGUSR1

// The role of a traced child stays on its first thread, the one that is traced.
func init() {
	if os.Getenv(tracedVariable) != "" {
		runtime.LockOSThread()
	}
}

// Mark tells Steps that what it steps through begins, or ends. Only children call it; in others than those of Steps it
// does nothing.
func Mark() {
	if os.Getenv(tracedVariable) == "" {
		return
	}
	runtime.Gosched() // who runs for long, as under single steps, would be interrupted in the middle
	pid := uintptr(unix.Getpid())
	_, _, _ = unix.RawSyscall(unix.SYS_TGKILL, pid, pid, uintptr(markSignal)) // to oneself it is always allowed
}

// Steps starts the test binary again in a role and calls each after every instruction that the role executes between its
// first and its second Mark, and lets it run to its end. When each returns false, the child is killed there. What the role
// starts (goroutines, processes) runs as ever. The child's stdout is not heard.
func Steps(t testing.TB, each func() bool, role string, args ...string) (instructions int) {
	t.Helper()
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, tracedVariable+"=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = &said
	if _, err := cmd.StdinPipe(); err != nil { // the child lives as long as it stays open: to its end
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("trace %s: %v", role, err)
	}
	s := stepper{t: t, pid: cmd.Process.Pid, each: each}
	killed := false
	defer func() {
		if t.Failed() {
			_ = cmd.Process.Kill() // it may have ended by itself
		}
		defer time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }).Stop()
		if err := cmd.Wait(); err != nil && !killed {
			t.Errorf("%s: %v: %s", role, err, said.String())
		}
	}()
	s.untilMark()
	killed = !s.step()
	if killed {
		_ = cmd.Process.Kill()
	} else if err := unix.PtraceDetach(s.pid); err != nil {
		t.Fatalf("ptrace: %v", err)
	}
	return s.n
}

// stepper is the tracer of a stopped child.
type stepper struct {
	t    testing.TB
	pid  int
	each func() bool
	n    int
}

// untilMark lets the child run to its first Mark.
func (s *stepper) untilMark() {
	s.t.Helper()
	s.stopped() // at its first instruction
	for pass := 0; ; {
		if err := unix.PtraceCont(s.pid, pass); err != nil {
			s.t.Fatalf("ptrace: %v", err)
		}
		got := s.stopped()
		if got == markSignal {
			return
		}
		pass = int(got) // not ours
	}
}

// step steps to the second Mark; false if each has had enough.
func (s *stepper) step() bool {
	s.t.Helper()
	for {
		if err := unix.PtraceSingleStep(s.pid); err != nil {
			s.t.Fatalf("ptrace: %v", err)
		}
		switch s.stopped() {
		case markSignal:
			return true
		case unix.SIGTRAP:
			s.n++
			if !s.each() {
				return false
			}
		} // other signals are lost
	}
}

// stopped waits until the child is stopped and returns the signal that did it.
func (s *stepper) stopped() unix.Signal {
	s.t.Helper()
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(s.pid, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			s.t.Fatalf("wait4: %v", err)
		case status.Stopped():
			return status.StopSignal()
		default:
			s.t.Fatalf("the child has ended: exit code %d, signal %d", status.ExitStatus(), status.Signal())
		}
	}
}
