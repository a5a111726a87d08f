package instructions

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable makes a program the child, which performs the calls that it lists.
const childVariable = "MMRING_BENCH_INSTRUCTIONS"

// errand is what the child has to do.
type errand struct {
	Dir   string // for rings
	Calls []string
}

// What the child sends itself: it never gets there.
const (
	markSignal = unix.SIGUSR1 // what is counted begins, or ends
	turnSignal = unix.SIGUSR2 // a turn has ended
)

// IsChild reports whether Counts has started this process, whose whole life then is Child.
func IsChild() bool { return os.Getenv(childVariable) != "" }

// The child's main goroutine stays on its first thread, the one that is traced.
func init() {
	if IsChild() {
		runtime.LockOSThread()
	}
}

// Child makes the calls that Counts asks for, and ends the process.
func Child() {
	if err := perform(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func perform() error {
	var e errand
	if err := json.Unmarshal([]byte(os.Getenv(childVariable)), &e); err != nil {
		return err
	}
	for _, c := range selected(e.Calls) {
		for range callTurns {
			s, err := newStage(e.Dir, c.rare, marker())
			if err != nil {
				return err
			}
			if err := errors.Join(c.turn(s), s.close()); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			raise(turnSignal)
		}
	}
	return nil
}

// marker returns a function that marks. Before what is counted it lets the runtime have its turn, which may have asked for
// one meanwhile.
func marker() func() {
	inside := false
	return func() {
		if inside = !inside; inside {
			runtime.Gosched()
		}
		raise(markSignal)
	}
}

// raise sends this thread a signal. It is a raw system call, because the runtime would take the processor away meanwhile.
func raise(s unix.Signal) {
	pid := uintptr(unix.Getpid())
	_, _, _ = unix.RawSyscall(unix.SYS_TGKILL, pid, pid, uintptr(s)) // to oneself it is always allowed
}

// Counts counts the calls with these names, or all of them, with rings in dir.
func Counts(dir string, names ...string) ([]Count, error) {
	all := selected(names)
	turns, err := trace(errand{dir, names}, len(all)*callTurns, nil)
	if err != nil {
		return nil, err
	}
	return counts(all, turns), nil
}

// Functions returns in which functions, by name, the instructions of the calls with that name lie, in instructions a record.
// What was inlined counts as the function it was written as.
func Functions(dir, name string) (map[string]float64, error) {
	all := selected([]string{name})
	if len(all) != 2 {
		return nil, fmt.Errorf("no call %q", name)
	}
	at := map[uint64]int{}
	turns, err := trace(errand{dir, []string{name}}, 2*callTurns, func(turn int, pc uint64) {
		if turn >= callTurns { // before, nothing is done
			at[pc]++
		}
	})
	if err != nil {
		return nil, err
	}
	marks := 0
	for _, turn := range turns[callTurns:] {
		marks += len(turn)
	}
	functions := map[string]float64{}
	for pc, n := range at {
		if f := runtime.FuncForPC(uintptr(pc)); f != nil { // the child is this program
			functions[f.Name()] += float64(n) / float64(marks*all[1].records)
		}
	}
	return functions, nil
}

// trace runs a child on an errand of n turns and returns what there was between the marks of each turn. at, unless it is
// nil, is told where each instruction lies.
func trace(e errand, n int, at func(turn int, pc uint64)) (turns [][]int, err error) {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	var said strings.Builder
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text), "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotHere, err)
	}
	turns, err = tracer{cmd.Process.Pid, at}.turns(n)
	if err != nil {
		_ = cmd.Process.Kill() // it may have ended by itself
	}
	if e := cmd.Wait(); err == nil {
		err = e
	}
	if err != nil {
		return nil, fmt.Errorf("counting instructions: %w: %s", err, said.String())
	}
	return turns, nil
}

// tracer is the parent of a stopped child.
type tracer struct {
	pid int
	at  func(turn int, pc uint64)
}

// turns returns, for each of n turns, how many instructions there were between marks, and lets the child go.
func (t tracer) turns(n int) (all [][]int, err error) {
	if _, err := t.stopped(); err != nil { // at its first instruction
		return nil, err
	}
	var turn []int
	for pass := unix.Signal(0); ; {
		if err := unix.PtraceCont(t.pid, int(pass)); err != nil {
			return nil, os.NewSyscallError("ptrace", err)
		}
		s, err := t.stopped()
		if err != nil {
			return nil, err
		}
		pass = 0
		switch s {
		case markSignal:
			n, err := t.steps(len(all))
			if err != nil {
				return nil, err
			}
			turn = append(turn, n)
		case turnSignal:
			all = append(all, turn)
			if turn = nil; len(all) == n {
				return all, os.NewSyscallError("ptrace", unix.PtraceDetach(t.pid))
			}
		default:
			pass = s // not ours
		}
	}
}

// steps counts instructions until the next mark. What else is sent meanwhile is lost.
func (t tracer) steps(turn int) (n int, err error) {
	others, err := t.hold()
	defer others.release()
	if err != nil {
		return 0, err
	}
	for {
		if err := unix.PtraceSingleStep(t.pid); err != nil {
			return 0, os.NewSyscallError("ptrace", err)
		}
		s, err := t.stepped(&others)
		switch {
		case err != nil:
			return 0, err
		case s == markSignal:
			return n, nil
		case s == unix.SIGTRAP:
			n++
			if err := t.tell(turn); err != nil {
				return 0, err
			}
		}
	}
}

// held are threads that stand still.
type held []int

// hold stops the child's other threads: one of them, the runtime's, interrupts whoever runs for 10 ms, which are many single
// steps.
func (t tracer) hold() (others held, err error) {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", t.pid))
	if err != nil {
		return nil, err
	}
	for _, thread := range threads {
		tid, err := strconv.Atoi(thread.Name())
		if err != nil {
			return others, err
		}
		if tid == t.pid || unix.PtraceSeize(tid) != nil { // it may have ended
			continue
		}
		others = append(others, tid)
		if unix.PtraceInterrupt(tid) == nil {
			_, _ = unix.Wait4(tid, nil, unix.WALL, nil)
		}
	}
	return others, nil
}

// release lets them go on.
func (h *held) release() {
	for _, tid := range *h {
		_ = unix.PtraceDetach(tid) // it may have ended
	}
	*h = nil
}

// stepPatience is how long a step may take before the other threads go on: it may wait for one of them.
const stepPatience = 20 * time.Millisecond

// stepped is stopped for a single step.
func (t tracer) stepped(others *held) (unix.Signal, error) {
	var begin time.Time
	for looks := 0; ; looks++ {
		s, ok, err := t.look(unix.WNOHANG)
		if ok || err != nil {
			return s, err
		}
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) // on one processor the child needs this one
		switch {
		case looks == 0:
			begin = time.Now()
		case looks%64 == 0 && time.Since(begin) > stepPatience:
			others.release()
			return t.stopped()
		}
	}
}

// tell tells where the child is.
func (t tracer) tell(turn int) error {
	if t.at == nil {
		return nil
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(t.pid, &regs); err != nil {
		return os.NewSyscallError("ptrace", err)
	}
	t.at(turn, regs.PC())
	return nil
}

// stopped waits until the child is stopped and returns the signal that did it.
func (t tracer) stopped() (unix.Signal, error) {
	for {
		if s, ok, err := t.look(0); ok || err != nil {
			return s, err
		}
	}
}

// look asks whether the child is stopped.
func (t tracer) look(how int) (s unix.Signal, ok bool, err error) {
	var status unix.WaitStatus
	pid, err := unix.Wait4(t.pid, &status, how|unix.WALL, nil)
	switch {
	case err == unix.EINTR, err == nil && pid == 0:
		return 0, false, nil
	case err != nil:
		return 0, false, os.NewSyscallError("wait4", err)
	case status.Stopped():
		return status.StopSignal(), true, nil
	}
	return 0, false, fmt.Errorf("the child has ended: exit code %d, signal %d", status.ExitStatus(), status.Signal())
}
