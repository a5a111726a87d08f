package shm

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SegmentDir returns the directory of named segments.
func SegmentDir() string { return "/dev/shm" }

// newSegment makes a file without a name, lets fill fill it and then gives it its name.
func newSegment(path string, fill func(fd int) error) error {
	f, err := os.OpenFile(filepath.Dir(path), os.O_RDWR|unix.O_TMPFILE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return withDescriptor(f, func(fd int) error {
		if err := fill(fd); err != nil {
			return err
		}
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
}
