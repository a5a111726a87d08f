package shm

import (
	"os"

	"golang.org/x/sys/unix"
)

// startWriting makes the kernel begin to write the range, which MS_ASYNC does not do here.
func startWriting(f *os.File, off, n int64) bool {
	return withDescriptor(f, func(fd uintptr) error {
		return unix.SyncFileRange(int(fd), off, n, unix.SYNC_FILE_RANGE_WRITE)
	}) == nil
}
