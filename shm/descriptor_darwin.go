package shm

import (
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm/internal/pages"
)

// prepare writes back what the system holds of the file, so that the map starts from it. It is best effort.
func prepare(fd int) { _, _ = unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0) }

// unitOf returns what the kernel maps of the file at a time.
func unitOf(int, int64) int { return pages.Size }
