package shm

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// allocate gives the range of the file disk blocks, and the file that length.
func allocate(f *os.File, start, end int64) error {
	const piece = 64 << 20 // a signal undoes the piece it interrupts
	return withDescriptor(f, func(fd uintptr) error {
		for start < end {
			n := min(end-start, piece)
			switch err := unix.Fallocate(int(fd), 0, start, n); {
			case err == nil:
				start += n
			case err == unix.EINTR:
			case err == unix.EOPNOTSUPP, err == unix.ENOSYS:
				return errors.ErrUnsupported
			default:
				return err
			}
		}
		return nil
	})
}

// freeSpace returns how many bytes the file's disk has room for; not known is much.
func freeSpace(f *os.File) int64 {
	var s unix.Statfs_t
	err := withDescriptor(f, func(fd uintptr) error { return unix.Fstatfs(int(fd), &s) })
	if err != nil || s.Blocks == 0 { // 0 blocks: a file system without a limit
		return math.MaxInt64
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
