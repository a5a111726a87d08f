//go:build unix

package shm

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapPages(f *os.File, a Access, off int64, n int) ([]byte, error) {
	prot, flags := unix.PROT_READ, unix.MAP_SHARED
	if a != ReadOnly {
		prot |= unix.PROT_WRITE
	}
	if a == CopyOnWrite {
		flags = unix.MAP_PRIVATE
	}
	return unix.Mmap(int(f.Fd()), off, n, prot, flags)
}

func unmapPages(b []byte) error { return unix.Munmap(b) }

func flushPages(b []byte) error { return unix.Msync(b, unix.MS_SYNC) }
