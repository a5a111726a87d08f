//go:build linux

package futex

import (
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations and flags of linux/futex.h. The shared form (no PRIVATE flag) is needed between processes.
const (
	opWait = 0
	opWake = 1

	flagPrivate = 128

	waitvSize32  = 2 // FUTEX2_SIZE_U32
	waitvPrivate = 128

	everybody = 1<<31 - 1
)

// waiter is struct futex_waitv.
type waiter struct {
	value uint64
	addr  uint64
	flags uint32
	_     uint32
}

// Wait sleeps while word holds value, at most for limit (which must be positive). A nil answer means: look again (woken,
// changed already, or a signal came). ErrTimeout: nobody woke us in time. syscall.EFAULT: the memory is gone.
func Wait(word *atomic.Uint32, value uint32, limit time.Duration) error {
	ts := unix.NsecToTimespec(int64(limit))
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), opWait, uintptr(value),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	return outcome(errno)
}

// WaitCancel is Wait that also ends when cancel, a word of this process, is no longer 0 and Cancel was called. Where the
// kernel cannot wait for two words (before 5.16, under seccomp filters and emulators) it sleeps in slices of at most
// cancelSlice, so that a cancellation is noticed that late.
func WaitCancel(word *atomic.Uint32, value uint32, cancel *atomic.Uint32, limit time.Duration) error {
	if !noWaitv.Load() {
		ws := [2]waiter{shared(word, value), private(cancel)}
		_, err := waitv(ws[:], limit)
		if err != unix.ENOSYS && err != unix.EPERM {
			return err
		}
		noWaitv.Store(true)
	}
	return waitSliced(word, value, cancel, limit)
}

// waitSliced looks at the cancel word between two slices.
func waitSliced(word *atomic.Uint32, value uint32, cancel *atomic.Uint32, limit time.Duration) error {
	for limit > 0 && cancel.Load() == 0 {
		slice := min(limit, cancelSlice)
		if err := Wait(word, value, slice); err != ErrTimeout {
			return err
		}
		limit -= slice
	}
	if limit <= 0 {
		return ErrTimeout
	}
	return nil
}

// shared is a word of the kernel's list that all processes may wake.
func shared(word *atomic.Uint32, value uint32) waiter {
	return waiter{value: uint64(value), addr: uint64(uintptr(unsafe.Pointer(word))), flags: waitvSize32}
}

// private is a cancel word, which only this process wakes.
func private(cancel *atomic.Uint32) waiter {
	return waiter{addr: uint64(uintptr(unsafe.Pointer(cancel))), flags: waitvSize32 | waitvPrivate}
}

// waitv sleeps on all of ws and returns the index of one that was woken; 0 if it is not known.
func waitv(ws []waiter, limit time.Duration) (int, error) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0, err
	}
	until := unix.NsecToTimespec(now.Nano() + int64(limit))
	n, _, errno := unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(&ws[0])), uintptr(len(ws)), 0,
		uintptr(unsafe.Pointer(&until)), unix.CLOCK_MONOTONIC, 0)
	if errno != 0 {
		n = 0
	}
	return int(n), outcome(errno)
}

// Wake wakes everybody who sleeps on word, in all processes, and returns how many there were.
func Wake(word *atomic.Uint32) (int, error) {
	return wake(word, opWake, everybody)
}

// WakeOne wakes one of those who sleep on word, and returns how many it found: 0 or 1.
func WakeOne(word *atomic.Uint32) (int, error) {
	return wake(word, opWake, 1)
}

// Cancel ends the WaitCancel calls of this process on the cancel word; the caller has stored 1 there.
func Cancel(cancel *atomic.Uint32) {
	_, _ = wake(cancel, opWake|flagPrivate, everybody) // can only fail for an address that is not ours
}

func wake(word *atomic.Uint32, op, most uintptr) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), op, most, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func outcome(errno syscall.Errno) error {
	switch errno {
	case 0, unix.EAGAIN, unix.EINTR:
		return nil
	case unix.ETIMEDOUT:
		return ErrTimeout
	}
	return errno
}
