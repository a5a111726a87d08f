package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
)

// stormRole waits for the role of a file while signals end its system calls.
func stormRole(args []string) {
	storm(args[0], func() error {
		_, err := lock.WaitRole(context.Background(), args[0], lock.Exclusive)
		return err
	})
}

// stormFree waits for the end of a life while signals end its system calls.
func stormFree(args []string) {
	f, err := os.Open(args[0])
	proctest.Die(err)
	storm(args[0], func() error { return lock.WaitFree(context.Background(), f, far) })
}

// storm runs wait under a rain of signals to all threads. That they do end system calls is seen from a wait for a lock
// (of the byte at 0) without any care.
func storm(path string, wait func() error) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR1)
	proctest.Die(proctest.Interruptible(syscall.SIGUSR1))
	careless, done := make(chan error, 1), make(chan error, 1)
	go func() { careless <- carelessWait(path) }()
	go func() { done <- wait() }()
	calm := make(chan struct{})
	go func() {
		proctest.Hear()
		close(calm)
	}()
	for n := 0; ; n++ {
		rain()
		select {
		case err := <-careless:
			if !errors.Is(err, unix.EINTR) {
				proctest.Die(errors.Join(errors.New("the control was not interrupted"), err))
			}
			proctest.Say("interrupted")
		case err := <-done:
			proctest.Die(err)
			proctest.Say("got")
			return
		case <-calm:
			calm = nil
			proctest.Say("storm of %d", n)
		default:
		}
	}
}

// carelessWait sleeps in the kernel for the byte at 0, which the test holds, and returns with the first signal.
func carelessWait(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLKW, &unix.Flock_t{Type: unix.F_WRLCK, Len: 1})
}

// rain sends SIGUSR1 to every thread of this process.
func rain() {
	threads, err := os.ReadDir("/proc/self/task")
	proctest.Die(err)
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		proctest.Die(err)
		if err := unix.Tgkill(unix.Getpid(), id, unix.SIGUSR1); err != unix.ESRCH {
			proctest.Die(err)
		}
	}
}

// contender tries to get the role whenever it is told to, and says how that went.
func contender(args []string) {
	for proctest.Say("ready"); ; {
		proctest.Hear()
		r, err := lock.TryRole(args[0], lock.Exclusive)
		switch {
		case err == nil:
			proctest.Say("won")
		case errors.Is(err, lock.ErrBusy):
			proctest.Say("lost")
		default:
			proctest.Die(err)
		}
		proctest.Hear()
		if r != nil {
			proctest.Die(r.Close())
		}
		proctest.Say("ready")
	}
}

// tryRole tells what TryRole answers to a user without rights.
func tryRole(args []string) {
	proctest.Die(proctest.BecomeNobody())
	_, err := lock.TryRole(args[0], lock.Exclusive)
	proctest.Say("permission %v: %v", errors.Is(err, fs.ErrPermission), err)
}

// noLocks runs on a kernel that has no room for locks.
func noLocks(args []string) {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	proctest.Die(err)
	proctest.Die(proctest.RefuseCall(unix.ENOLCK, unix.SYS_FLOCK))
	proctest.Die(proctest.RefuseCall(unix.ENOLCK, unix.SYS_FCNTL, unix.F_OFD_SETLK, unix.F_OFD_GETLK))
	_, err = lock.TryRole(args[0], lock.Exclusive)
	answer(err, unix.ENOLCK)
	_, err = lock.WaitRole(context.Background(), args[0], lock.Shared)
	answer(err, unix.ENOLCK)
	_, err = lock.TryHold(f, far)
	answer(err, unix.ENOLCK)
	_, err = lock.Held(f, far)
	answer(err, unix.ENOLCK)
	answer(lock.WaitFree(context.Background(), f, far), unix.ENOLCK)
}

// noOFD runs on a kernel, or in a sandbox, that does not know OFD locks.
func noOFD(args []string) {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	proctest.Die(err)
	proctest.Die(proctest.RefuseCall(unix.EINVAL, unix.SYS_FCNTL, unix.F_OFD_SETLK, unix.F_OFD_GETLK))
	_, err = lock.TryHold(f, far)
	answer(err, errors.ErrUnsupported)
	_, err = lock.Held(f, far)
	answer(err, errors.ErrUnsupported)
}

// noProc runs where /proc is empty. The byte at far is held by somebody else.
func noProc(args []string) {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	proctest.Die(err)
	proctest.Die(proctest.Private())
	proctest.Die(unix.Mount("none", "/proc", "tmpfs", 0, ""))
	_, err = lock.TryRoleFile(f, lock.Exclusive)
	answer(err, errors.ErrUnsupported)
	answer(lock.WaitFree(context.Background(), f, far), errors.ErrUnsupported)
	_, err = lock.TryHold(f, far)
	answer(err, lock.ErrBusy)
	_, err = lock.TryRole(args[0], lock.Exclusive)
	answer(err, nil)
}

// posix holds the byte at far by a POSIX lock, as Python's lockf and Java's FileLock do.
func posix(args []string) {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	proctest.Die(err)
	proctest.Die(unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: far, Len: 1}))
	proctest.Say("locked")
	proctest.Hear()
	_, err = os.ReadFile(args[0])
	proctest.Die(err)
	proctest.Say("done")
	proctest.Hear()
}

// answer says whether err is what it should be, and all of its text.
func answer(err, want error) {
	proctest.Say("answer %v %v", errors.Is(err, want) && !errors.Is(err, fs.ErrNotExist), err)
}

// descriptor is the path under which the kernel finds f.
func descriptor(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// tidy abandons waits again and again and says what is left of each: it has to be as much as after the first.
func tidy(args []string) {
	for range 10 {
		tidyRound(args[0])
		left, err := os.ReadDir("/proc/self/fd")
		proctest.Die(err)
		proctest.Say("left %d descriptors, %d goroutines", len(left), runtime.NumGoroutine())
	}
}

func tidyRound(path string) {
	before := runtime.NumGoroutine()
	info, err := os.Stat(path)
	proctest.Die(err)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	proctest.Die(err)
	asking, err := os.Open(path)
	proctest.Die(err)
	role, err := lock.TryRole(path, lock.Exclusive)
	proctest.Die(err)
	life, err := lock.TryHold(f, far)
	proctest.Die(err)

	// 1. two waits go to sleep  2. their contexts end  3. what they waited for becomes free: their threads get it, give it
	// back and are gone  4. it can be had
	ctx, end := context.WithCancelCause(context.Background())
	failed := make(chan error, 2)
	go func() { // 1
		_, err := lock.WaitRole(ctx, path, lock.Exclusive)
		failed <- err
	}()
	go func() { failed <- lock.WaitFree(ctx, asking, far) }()
	for n := 0; n != 2; runtime.Gosched() {
		n, err = sleepers(info)
		proctest.Die(err)
	}
	end(errEnough) // 2
	for range 2 {
		if err := <-failed; !errors.Is(err, errEnough) {
			proctest.Die(fmt.Errorf("the wait ended with %w", err))
		}
	}
	proctest.Die(errors.Join(role.Close(), life.Close())) // 3
	for runtime.NumGoroutine() != before {
		runtime.Gosched()
	}
	role, err = lock.TryRole(path, lock.Exclusive) // 4
	proctest.Die(err)
	life, err = lock.TryHold(f, far)
	proctest.Die(err)
	proctest.Die(errors.Join(role.Close(), life.Close(), f.Close(), asking.Close()))
}
