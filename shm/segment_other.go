//go:build unix && !linux

package shm

import (
	"os"
	"path/filepath"
)

// SegmentDir returns the directory of named segments.
func SegmentDir() string { return filepath.Clean(os.TempDir()) }

// newSegment makes a file under another name, lets fill fill it and then gives it its own.
func newSegment(path string, fill func(fd int) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".shm-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := withDescriptor(f, fill); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return &os.PathError{Op: "link", Path: path, Err: err.(*os.LinkError).Err}
	}
	return nil
}
