package shm

import "golang.org/x/sys/unix"

// prepare writes back what the system holds of the file, so that the map starts from it. It is best effort.
func prepare(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_FULLFSYNC, 0) }
