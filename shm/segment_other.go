//go:build unix && !linux

package shm

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// SegmentDir returns the directory of named segments.
func SegmentDir() string { return os.TempDir() }

// openSegment keeps a link or FIFO that somebody put there from being followed or waited for.
const openSegment = unix.O_NOFOLLOW | unix.O_NONBLOCK

// newSegment makes a file under another name, lets fill fill it and then gives it its own.
func newSegment(path string, fill func(f *os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".shm-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return &os.PathError{Op: "link", Path: path, Err: err.(*os.LinkError).Err}
	}
	return nil
}
