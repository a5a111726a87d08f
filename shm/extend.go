package shm

import (
	"errors"
	"fmt"
	"syscall"
)

// extend makes a file of size bytes at least end bytes long. Unless it may stay sparse, all from start to end gets disk
// blocks. When that fails, the file is as long as it was.
func extend(fd int, start, end, size int64, sparse bool) error {
	if sparse {
		if end <= size {
			return nil
		}
		return noRoom(fd, end-size, truncate(fd, end))
	}
	needed := end - start
	if s, err := statOf(fd); err == nil { // what lies in the file has its blocks, unless it has holes
		needed -= max(0, min(size-start, s.allocated))
	}
	err := allocate(fd, start, end)
	if errors.Is(err, errors.ErrUnsupported) { // the file system cannot: zeros do
		err = fill(fd, max(start, size), end)
	}
	if err == nil {
		return nil
	}
	if now, e := fileSize(fd); e == nil && now > size {
		_ = truncate(fd, size)
	}
	return noRoom(fd, needed, err)
}

// noRoom adds to an error of a full disk what was needed and what there is.
func noRoom(fd int, needed int64, err error) error {
	if err != syscall.ENOSPC {
		return err
	}
	if free := freeSpace(fd); free >= 0 {
		return fmt.Errorf("%w: %d bytes needed, %d free", err, needed, free)
	}
	return fmt.Errorf("%w: %d bytes needed", err, needed)
}

// fill writes zeros behind the end of the file.
func fill(fd int, start, end int64) error {
	zeros := make([]byte, 64<<10)
	for start < end {
		n, err := writeAt(fd, zeros[:min(end-start, int64(len(zeros)))], start)
		if err != nil {
			return err
		}
		start += int64(n)
	}
	return nil
}
