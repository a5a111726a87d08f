//go:build unix

package shm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/shm/internal/pages"
)

// none is the descriptor of no file.
const none = -1

// withDescriptor calls fn with the file's descriptor, which stays open meanwhile and in the mode it is in.
func withDescriptor(f *os.File, fn func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if conn.Control(func(fd uintptr) { result = fn(int(fd)) }) != nil {
		return os.ErrClosed // nothing else can be wrong, and package os does not say it in that word here
	}
	return result
}

// plain takes operation and path off an error of package os: the caller adds its own.
func plain(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// uninterrupted repeats a call that a signal ended.
func uninterrupted(call func() error) error {
	for {
		if err := call(); err != syscall.EINTR {
			return err
		}
	}
}

// duplicate returns a second descriptor of the open file, which programs started later do not inherit.
func duplicate(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0) }

// ownDescriptor is duplicate for a file.
func ownDescriptor(f *os.File) (own int, err error) {
	err = withDescriptor(f, func(fd int) error {
		own, err = duplicate(fd)
		return err
	})
	return own, err
}

func closeDescriptor(fd int) error { return unix.Close(fd) }

func truncate(fd int, size int64) error {
	return uninterrupted(func() error { return unix.Ftruncate(fd, size) })
}

func writeAt(fd int, p []byte, off int64) (n int, err error) {
	err = uninterrupted(func() error {
		n, err = unix.Pwrite(fd, p, off)
		return err
	})
	return n, err
}

// stat is what has to be known of an open file.
type stat struct {
	kind      uint32 // S_IFREG, S_IFDIR, ...
	size      int64
	block     int64 // what the file system likes to read at a time
	allocated int64 // bytes that have their place on the disk
}

func (s stat) regular() bool { return s.kind == unix.S_IFREG }

func statOf(fd int) (s stat, err error) {
	var st unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return s, err
	}
	s = stat{kind: uint32(st.Mode) & unix.S_IFMT, size: st.Size, block: int64(st.Blksize), allocated: int64(st.Blocks) * 512}
	if s.kind == unix.S_IFBLK {
		s.size, err = pages.DeviceSize(uintptr(fd))
	}
	return s, err
}

func fileSize(fd int) (int64, error) {
	s, err := statOf(fd)
	return s.size, err
}

// mappable returns how long the file is, and the unit in which it is mapped. It refuses what cannot be mapped.
func mappable(fd int, o Options) (size int64, unit int, err error) {
	s, err := statOf(fd)
	switch {
	case err != nil:
		return 0, 0, err
	case s.regular():
		return s.size, unitOf(fd, s.block), nil
	case s.kind == unix.S_IFBLK && o.Grow && o.Length > 0 && o.Offset+int64(o.Length) > s.size:
		return 0, 0, fmt.Errorf("%w: it has %d bytes, and a device cannot grow", ErrBeyondEOF, s.size)
	case s.kind == unix.S_IFBLK:
		return s.size, pages.Size, nil
	case s.kind == unix.S_IFCHR && o.Length > 0 && !o.Grow:
		return o.Offset + int64(o.Length), pages.Size, nil // it has no size: the kernel decides
	case s.kind == unix.S_IFCHR:
		return 0, 0, fmt.Errorf("%w: a character device has no size: a Length is needed, and it cannot grow", syscall.ENODEV)
	}
	return 0, 0, fmt.Errorf("%w: %s cannot be mapped, a regular file can", syscall.ENODEV, kindName(s.kind))
}

func kindName(kind uint32) string {
	switch kind {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFIFO:
		return "a pipe"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return "this kind of file"
}

// lacks says which mode the descriptor lacks for that access, if it does.
func lacks(fd int, a Access) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	switch mode := flags & unix.O_ACCMODE; {
	case mode == unix.O_WRONLY && a == ReadWrite:
		return fmt.Errorf("%w: the file is open for writing only, and must be for reading and writing", syscall.EACCES)
	case mode == unix.O_WRONLY:
		return fmt.Errorf("%w: the file is open for writing only, and must be for reading", syscall.EACCES)
	case mode == unix.O_RDONLY && a == ReadWrite:
		return fmt.Errorf("%w: the file is open for reading only, and must be for reading and writing", syscall.EACCES)
	}
	return nil
}

// explain says which mode a descriptor lacks when the kernel refused it.
func explain(fd int, a Access, err error) error {
	if fd != none && err == syscall.EACCES {
		if why := lacks(fd, a); why != nil {
			return why
		}
	}
	return err
}
