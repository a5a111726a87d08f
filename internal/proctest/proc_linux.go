package proctest

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Stop sends SIGSTOP and returns when all threads of the child have stopped.
func (p *Proc) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGSTOP)
	p.change(unix.WSTOPPED)
}

// Cont sends SIGCONT to a stopped child and returns when it goes on.
func (p *Proc) Cont() {
	p.t.Helper()
	p.Signal(syscall.SIGCONT)
	p.change(unix.WCONTINUED)
}

// change waits until the child reports that event, and lets nobody reap it unseen: its death stays for Wait.
func (p *Proc) change(event int) {
	p.t.Helper()
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.Pid(), &info, event|unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || info.Code == cldExited || info.Code == cldKilled || info.Code == cldDumped {
			p.t.Fatalf("%s died instead of following the signal (%v)", p, err)
		}
		return
	}
}

// How a child ended, from asm-generic/siginfo.h.
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// PidNamespace makes the child the first process of a pid namespace of its own, in which other processes' ids mean nothing.
func PidNamespace() *syscall.SysProcAttr { return namespaces(unix.CLONE_NEWPID) }

// MountNamespace lets the child mount and unmount for itself alone (Private).
func MountNamespace() *syscall.SysProcAttr { return namespaces(unix.CLONE_NEWNS) }

// namespaces adds a user namespace where the caller is not root: there everybody may make the others.
func namespaces(flags uintptr) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: flags}
	if uid := os.Getuid(); uid != 0 {
		attr.Cloneflags |= unix.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// Private keeps what a child in a MountNamespace mounts from being seen outside.
func Private() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }

// refused skips the test when the machine does not give namespaces to this user.
func refused(t testing.TB, attr *syscall.SysProcAttr, err error) {
	t.Helper()
	if attr != nil && attr.Cloneflags != 0 && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC)) {
		t.Skipf("this machine refuses new namespaces to user %d: %v", os.Getuid(), err)
	}
}

// BecomeNobody takes all rights from a child whose test runs as root; elsewhere it does nothing.
func BecomeNobody() error {
	if os.Getuid() != 0 {
		return nil
	}
	const nobody = 65534
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(nobody), syscall.Setuid(nobody))
}

// CPU returns the processor time, user and system, that all threads of the child have used until now.
func (p *Proc) CPU() time.Duration {
	p.t.Helper()
	var now unix.Timespec
	clock := int32(^p.Pid()<<3 | 2) // as clock_getcpuclockid does: 2 is CPUCLOCK_SCHED
	if err := unix.ClockGettime(clock, &now); err != nil {
		p.t.Fatalf("the processor time of %s: %v", p, err)
	}
	return time.Duration(now.Nano())
}
