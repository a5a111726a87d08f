package ring

import (
	"os"

	"golang.org/x/sys/unix"
)

// watchProcess calls over when the process with that number has ended, unless what it returns is closed before. It returns
// nil where that cannot be had. A goroutine waits, and no thread.
func watchProcess(pid uint64, over func()) *os.File {
	if pid > 1<<31-1 {
		return nil
	}
	fd, err := unix.PidfdOpen(int(pid), unix.O_NONBLOCK)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	conn, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil
	}
	go func() {
		if conn.Read(hasEnded) == nil {
			over()
		}
	}()
	return f
}

// hasEnded reports whether the process of a pidfd has ended.
func hasEnded(pidfd uintptr) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
	return n > 0 && err == nil
}
