package shm

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SegmentDir returns the directory of named segments.
func SegmentDir() string { return "/dev/shm" }

// openSegment keeps a link or FIFO that somebody put there from being followed or waited for.
const openSegment = unix.O_NOFOLLOW | unix.O_NONBLOCK

// newSegment makes a file without a name, lets fill fill it and then gives it its name.
func newSegment(path string, fill func(f *os.File) error) error {
	f, err := os.OpenFile(filepath.Dir(path), os.O_RDWR|unix.O_TMPFILE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	return withDescriptor(f, func(fd uintptr) error {
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
}
