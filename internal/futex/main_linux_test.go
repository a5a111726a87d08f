package futex_test

import (
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/internal/view"
)

// long is a sleep that only a wake-up can end in a test that works.
const long = 10 * time.Minute

// short is one that nobody is to wake.
const short = time.Millisecond

func TestMain(m *testing.M) {
	proctest.Main(m, map[string]func(args []string){
		"sleeper":      sleeper,
		"refused":      refused,
		"refused set":  refusedSet,
		"interrupted":  interrupted,
		"no-barrier":   noBarrier,
		"two-mappings": twoMappings,
	})
}

// share maps a page of the file at path anew.
func share(path string, protection int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return unix.Mmap(int(f.Fd()), 0, os.Getpagesize(), protection, unix.MAP_SHARED)
}

// sleeper sleeps on the word at 64 of the file (path, "read-only" or "read-write") while it holds 7.
func sleeper(args []string) {
	protection := unix.PROT_READ
	if args[1] == "read-write" {
		protection |= unix.PROT_WRITE
	}
	mem, err := share(args[0], protection)
	proctest.Die(err)
	proctest.Say("ready")
	proctest.Die(futex.Wait(view.Uint32(mem, 64), 7, long))
	proctest.Say("woken")
}

// refused waits where futex_waitv fails with the errno of its argument: until it is cancelled, for too long, and until it
// is woken.
func refused(args []string) {
	errno := map[string]syscall.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM}[args[0]]
	proctest.Die(proctest.RefuseCall(errno, unix.SYS_FUTEX_WAITV))
	var word, cancel atomic.Uint32
	result := make(chan error)
	wait := func(limit time.Duration) {
		go func() { result <- futex.WaitCancel(&word, 0, &cancel, limit) }()
	}
	wait(long)
	cancel.Store(1)
	futex.Cancel(&cancel)
	proctest.Say("cancelled %v", <-result)

	wait(long) // the cancel word says it all
	proctest.Say("cancelled before %v", <-result)

	cancel.Store(0)
	wait(3 * short)
	proctest.Say("timed out %v", <-result == futex.ErrTimeout)
	wait(5 * futex.CancelSlice / 2) // several slices
	proctest.Say("timed out in slices %v", <-result == futex.ErrTimeout)

	wait(long)
	for over := false; !over; {
		_, err := futex.Wake(&word)
		proctest.Die(err)
		select {
		case err := <-result:
			proctest.Say("woken %v", err)
			over = true
		default:
			runtime.Gosched()
		}
	}
	proctest.Say("changed %v", futex.WaitCancel(&word, 1, &cancel, long))
}

// refusedSet waits for one of two words where futex_waitv fails with the errno of its argument.
func refusedSet(args []string) {
	errno := map[string]syscall.Errno{"ENOSYS": unix.ENOSYS, "EPERM": unix.EPERM}[args[0]]
	proctest.Die(proctest.RefuseCall(errno, unix.SYS_FUTEX_WAITV))
	var words [2]atomic.Uint32
	var cancel atomic.Uint32
	var s futex.Set
	for i := range words {
		s.Add(&words[i], 0)
	}
	proctest.Say("whole %v", s.Whole()) // the kernel has not been asked yet
	_, err := s.Wait(&cancel, long)
	proctest.Say("a slice %v, whole %v", err == futex.ErrTimeout, s.Whole())
	cancel.Store(1)
	_, err = s.Wait(&cancel, long)
	proctest.Say("cancelled %v", err)
	s.Clear()
	s.Add(&words[0], 0)
	proctest.Say("one word: whole %v", s.Whole())
}

// interrupted waits while signals end its system calls.
func interrupted([]string) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	proctest.Die(proctest.Interruptible(syscall.SIGUSR1))
	var word, cancel atomic.Uint32
	for _, wait := range []func() error{
		func() error { return futex.Wait(&word, 0, long) },
		func() error { return futex.WaitCancel(&word, 0, &cancel, long) },
	} {
		thread, result := make(chan int), make(chan error)
		go func() {
			thread <- unix.Gettid()
			result <- wait()
		}()
		for id := <-thread; ; {
			proctest.Die(unix.Tgkill(unix.Getpid(), id, unix.SIGUSR1))
			select {
			case err := <-result:
				proctest.Say("returned %v", err)
			default:
				continue
			}
			break
		}
	}
}

// noBarrier has no membarrier.
func noBarrier([]string) {
	proctest.Die(proctest.RefuseCall(unix.EPERM, unix.SYS_MEMBARRIER))
	proctest.Say("registered %v, fenced %v", futex.Register(), futex.Barrier())
}

// twoMappings sleeps on a word through one mapping and is woken through another, in one process.
func twoMappings(args []string) {
	one, err := share(args[0], unix.PROT_READ)
	proctest.Die(err)
	two, err := share(args[0], unix.PROT_READ|unix.PROT_WRITE)
	proctest.Die(err)
	result := make(chan error)
	go func() { result <- futex.Wait(view.Uint32(one, 64), 7, long) }()
	for woken := 0; woken == 0; {
		woken, err = futex.Wake(view.Uint32(two, 64))
		proctest.Die(err)
	}
	proctest.Say("woken %v", <-result)
}

// newWord makes a file whose word at 64 holds 7 and maps it.
func newWord(t *testing.T) (path string, word *atomic.Uint32) {
	path = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, make([]byte, os.Getpagesize()), 0o600))
	mem, err := share(path, unix.PROT_READ|unix.PROT_WRITE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(mem)) })
	word = view.Uint32(mem, 64)
	word.Store(7)
	return path, word
}
