package shm

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// extend makes a file of size bytes at least end bytes long. Unless it may stay sparse, all from start to end gets disk
// blocks. When that fails, the file is as long as it was.
func extend(f *os.File, start, end, size int64, sparse bool) error {
	if sparse {
		if end <= size {
			return nil
		}
		return noRoom(f, end-size, plain(f.Truncate(end)))
	}
	err := allocate(f, start, end)
	if errors.Is(err, errors.ErrUnsupported) { // the file system cannot: zeros do
		err = fill(f, max(start, size), end)
	}
	if err == nil {
		return nil
	}
	if now, e := fileSize(f); e == nil && now > size {
		_ = f.Truncate(size)
	}
	return noRoom(f, end-max(start, size), err)
}

// noRoom adds to an error of a full disk what was needed and what there is.
func noRoom(f *os.File, needed int64, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %d bytes needed, %d free", err, needed, freeSpace(f))
	}
	return err
}

// fill writes zeros behind the end of the file.
func fill(f *os.File, start, end int64) error {
	zeros := make([]byte, 64<<10)
	for start < end {
		n, err := f.WriteAt(zeros[:min(end-start, int64(len(zeros)))], start)
		if err != nil {
			return plain(err)
		}
		start += int64(n)
	}
	return nil
}
