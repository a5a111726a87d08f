package proctest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
)

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]func(args []string){
		"count":         count,
		"echo":          echo,
		"fail":          func([]string) { proctest.Die(errors.New("no good")) },
		"refuse":        refuse,
		"interruptible": interruptible,
		"identify":      func([]string) { proctest.Say("pid %d uid %d", os.Getpid(), os.Getuid()) },
	})
}

func echo(args []string) {
	proctest.Say("args %q", args)
	for {
		proctest.Say("heard %s", proctest.Hear())
	}
}

// refuse makes getpriority fail when its second argument is 0, 7 or 9.
func refuse([]string) {
	proctest.Die(proctest.RefuseCall(unix.ENOLCK, unix.SYS_GETPRIORITY, 7, 0, 9))
	_, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	proctest.Say("refused %v", err)
	_, err = unix.Getpriority(unix.PRIO_PROCESS, 1)
	proctest.Say("allowed %v", err)
}

// interruptible reads from a pipe that stays empty until a signal ends the call.
func interruptible([]string) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	proctest.Die(proctest.Interruptible(syscall.SIGUSR1))
	var pipe [2]int
	proctest.Die(unix.Pipe(pipe[:]))
	result := make(chan error)
	thread := make(chan int)
	go func() {
		thread <- unix.Gettid()
		_, err := unix.Read(pipe[0], make([]byte, 1))
		result <- err
	}()
	for id := <-thread; ; {
		proctest.Die(unix.Tgkill(unix.Getpid(), id, unix.SIGUSR1))
		select {
		case err := <-result:
			proctest.Say("read %v", err)
			return
		default:
		}
	}
}

func TestTheChildHearsAndSaysLines(t *testing.T) {
	p := proctest.Start(t, "echo", "a", "b c")
	require.Equal(t, `["a" "b c"]`, p.Expect("args"))
	p.Send("one")
	p.Send("two words")
	require.Equal(t, "one", p.Expect("heard"))
	require.Equal(t, "heard two words", p.Line())
}

func TestAKilledChildEndsByThatSignal(t *testing.T) {
	p := proctest.Start(t, "echo")
	p.Expect("args")
	p.Kill()
	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(), &exit)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
	p.Kill() // the dead do not mind
}

func TestAStoppedChildIsStoppedAndGoesOn(t *testing.T) {
	p := proctest.Start(t, "echo")
	p.Expect("args")
	for range 3 {
		p.Stop()
		require.Equal(t, "T", state(t, p))
		p.Send("while stopped")
		p.Cont()
		require.Equal(t, "while stopped", p.Expect("heard"))
	}
}

// state is the third field of /proc/PID/stat.
func state(t *testing.T, p *proctest.Proc) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
	require.NoError(t, err)
	var pid int
	var name, state string
	_, err = fmt.Sscanf(string(stat), "%d %s %s", &pid, &name, &state)
	require.NoError(t, err)
	return state
}

func TestAChildThatDiesExitsWithItsCode(t *testing.T) {
	p := proctest.Start(t, "fail")
	var exit *exec.ExitError
	require.ErrorAs(t, p.Wait(), &exit)
	require.Equal(t, 1, exit.ExitCode())
}

func TestAChildOfItsOwnPidNamespaceIsNumberOne(t *testing.T) {
	p := proctest.Config{Attr: proctest.PidNamespace()}.Start(t, "identify")
	var pid, uid int
	_, err := fmt.Sscanf(p.Expect("pid"), "%d uid %d", &pid, &uid)
	require.NoError(t, err)
	require.Equal(t, 1, pid)
	require.NoError(t, p.Wait())
}

func TestCallsAreRefusedByTheirSecondArgument(t *testing.T) {
	p := proctest.Start(t, "refuse")
	require.Equal(t, unix.ENOLCK.Error(), p.Expect("refused"))
	require.NotEqual(t, unix.ENOLCK.Error(), p.Expect("allowed"))
}

func TestAnInterruptibleSignalEndsACall(t *testing.T) {
	p := proctest.Start(t, "interruptible")
	require.Equal(t, unix.EINTR.Error(), p.Expect("read"))
}

// count counts to its argument, between two marks.
func count(args []string) {
	n, err := strconv.Atoi(args[0])
	proctest.Die(err)
	proctest.Mark()
	for sum := 0; n > 0; n-- {
		sum += n
	}
	proctest.Mark()
	proctest.Die(os.WriteFile(args[1], nil, 0o600))
}

func TestStepsAreTheInstructionsBetweenTwoMarks(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	calls := 0
	each := func() bool { calls++; return true }
	few := proctest.Steps(t, each, "count", "10", done)
	require.FileExists(t, done, "it has run to its end")
	require.Equal(t, few, calls)
	many := proctest.Steps(t, each, "count", "1010", done)
	for range 3 { // the runtime may do something of its own between the marks: the least of several is the child's
		few = min(few, proctest.Steps(t, each, "count", "10", done))
		many = min(many, proctest.Steps(t, each, "count", "1010", done))
	}
	require.GreaterOrEqual(t, many-few, 1000)
	require.Less(t, many-few, 10_000)
}

func TestAChildIsKilledBetweenTwoSteps(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	left := 100
	n := proctest.Steps(t, func() bool { left--; return left > 0 }, "count", "1000", done)
	require.Equal(t, 100, n)
	require.NoFileExists(t, done)
}
