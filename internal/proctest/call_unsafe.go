//go:build linux

package proctest

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RefuseCall makes a system call of this process fail with errno from now on, by a seccomp filter that nothing lifts: only
// children call it. number is one of unix.SYS_*. With second arguments given, only calls whose second argument (the command
// of fcntl, the operation of flock or futex) is among them fail.
func RefuseCall(errno syscall.Errno, number uint32, second ...uint32) error {
	const (
		loadWord    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jumpIfEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer      = unix.BPF_RET | unix.BPF_K

		atNumber = 0      // struct seccomp_data: nr,
		atSecond = 16 + 8 // args[1], its low half on little-endian machines
	)
	allow := unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ALLOW}
	refuse := unix.SockFilter{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(errno)}
	filter := []unix.SockFilter{
		{Code: loadWord, K: atNumber},
		{Code: jumpIfEqual, K: number, Jt: 1},
		allow,
	}
	if len(second) > 0 {
		filter = append(filter, unix.SockFilter{Code: loadWord, K: atSecond})
		for i, word := range second {
			filter = append(filter, unix.SockFilter{Code: jumpIfEqual, K: word, Jt: uint8(len(second) - i)})
		}
		filter = append(filter, allow)
	}
	filter = append(filter, refuse)
	runtime.LockOSThread() // the first call holds for this thread, the second for all
	defer runtime.UnlockOSThread()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if failed != 0 {
		return failed
	}
	return nil
}

// action is the kernel's struct sigaction.
type action struct {
	handler  uintptr
	flags    uintptr
	restorer uintptr
	mask     uint64
}

// Interruptible makes signal s end system calls of this process with EINTR, as handlers of C libraries do; Go's own let
// the kernel restart them. The process must handle s (signal.Notify) before. Only children call it.
func Interruptible(s syscall.Signal) error {
	const restart = 0x10000000 // SA_RESTART
	var a action
	if err := sigaction(s, nil, &a); err != nil {
		return err
	}
	a.flags &^= restart
	return sigaction(s, &a, nil)
}

func sigaction(s syscall.Signal, set, old *action) error {
	_, _, failed := unix.Syscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(set)),
		uintptr(unsafe.Pointer(old)), unsafe.Sizeof(action{}.mask), 0, 0)
	if failed != 0 {
		return failed
	}
	return nil
}
