package shm

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// A segment is memory with a name that all processes of the host see: a file in SegmentDir, which stays until Remove or,
// on Linux, until the machine restarts.

// Create makes a segment of n zeroed bytes and maps it for reading and writing. The memory is there at once, unless the
// options say Sparse; permissions are 0600. Of several creators of one name exactly one succeeds, and nobody sees a
// segment that is not complete.
//
// Errors: fs.ErrExist; ErrRange if n is not positive; fs.ErrInvalid for a name that is empty, "." or "..", or has a slash or
// zero byte, and for options that a new segment cannot have (Offset, Length); ENOSPC; or what the kernel answers.
func Create(name string, n int, o Options) (*Map, error) {
	path, err := segmentPath(name)
	switch {
	case err != nil:
	case n <= 0:
		err = ErrRange
	case o.Offset != 0 || o.Length != 0 || o.Private || o.Name != "":
		err = fmt.Errorf("%w: a new segment has no Offset, Length, Private or Name", fs.ErrInvalid)
	}
	o.Length, o.Grow = n, true
	if err != nil {
		return nil, notMapped(path, ReadWrite, o, err)
	}
	var m *Map
	err = newSegment(path, func(fd int) error {
		m, err = mapDescriptor(fd, path, ReadWrite, o)
		return err
	})
	if err != nil {
		_ = m.Close() // one that could not get its name
		return nil, notMapped(path, ReadWrite, o, plain(err))
	}
	return m, nil
}

// OpenNamed maps a segment that exists. Errors: fs.ErrNotExist, those of MapFile, and those of Create for names.
func OpenNamed(name string, a Access, o Options) (*Map, error) {
	path, err := segmentPath(name)
	if err != nil {
		return nil, notMapped(path, a, o, err)
	}
	return openPath(path, a, o, syscall.O_NOFOLLOW) // nobody's link leads us elsewhere
}

// Remove takes a segment's name away. Those who have mapped it keep its memory. Errors: fs.ErrNotExist,
// fs.ErrPermission, and those of Create for names.
func Remove(name string) error {
	path, err := segmentPath(name)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: path, Err: err}
	}
	return os.Remove(path)
}

func segmentPath(name string) (string, error) {
	path := SegmentDir() + "/" + name
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return path, fmt.Errorf("%w: segment name %q", fs.ErrInvalid, name)
	}
	return path, nil
}
