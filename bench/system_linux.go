package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// pipePair returns the two ends of a blocking pipe.
func pipePair() (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, os.NewSyscallError("pipe2", err)
	}
	return os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe"), nil
}

// socketPair returns two connected, blocking Unix sockets.
func socketPair(stream bool) (a, b *os.File, err error) {
	kind := unix.SOCK_SEQPACKET
	if stream {
		kind = unix.SOCK_STREAM
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}

func setBlocking(f *os.File) error {
	return os.NewSyscallError("fcntl", unix.SetNonblock(int(f.Fd()), false))
}

func fdRead(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if err != unix.EINTR {
			return ended(n, err)
		}
	}
}

func fdWrite(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Write(fd, b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
