package shm

import "golang.org/x/sys/unix"

// startWriting makes the kernel begin to write the range, which MS_ASYNC does not do here.
func startWriting(fd int, off, n int64) bool {
	return uninterrupted(func() error { return unix.SyncFileRange(fd, off, n, unix.SYNC_FILE_RANGE_WRITE) }) == nil
}
