package shm

import (
	"errors"

	"golang.org/x/sys/unix"
)

// allocate gives the range of the file disk blocks, and the file that length.
func allocate(fd int, start, end int64) error {
	const least = 1 << 20
	for piece := int64(64 << 20); start < end; {
		n := min(end-start, piece)
		switch err := unix.Fallocate(fd, 0, start, n); {
		case err == nil:
			start += n
		case err == unix.EINTR: // all of the piece is undone: a profiler's signals could do that for ever
			piece = max(piece/2, least)
		case err == unix.EOPNOTSUPP, err == unix.ENOSYS:
			return errors.ErrUnsupported
		default:
			return err
		}
	}
	return nil
}

// freeSpace returns how many bytes the file's disk has room for, or -1 if that is not known.
func freeSpace(fd int) int64 {
	var s unix.Statfs_t
	err := uninterrupted(func() error { return unix.Fstatfs(fd, &s) })
	if err != nil || s.Blocks == 0 { // 0 blocks: a file system without a limit
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
