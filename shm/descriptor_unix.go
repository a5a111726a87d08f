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

// withDescriptor calls fn with the file's descriptor, which stays open meanwhile and in the mode it is in.
func withDescriptor(f *os.File, fn func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return plain(err)
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = fn(fd) }); err != nil {
		return plain(err)
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

// duplicate returns a second descriptor of the open file, which programs started later do not inherit.
func duplicate(f *os.File) (*os.File, error) {
	var own *os.File
	err := withDescriptor(f, func(fd uintptr) error {
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			own = os.NewFile(uintptr(n), f.Name())
		}
		return err
	})
	return own, err
}

// MapFD is MapFile for a descriptor by its number, such as 3 for the first of exec.Cmd.ExtraFiles. The descriptor stays
// open. Its errors are those of MapFile, and syscall.EBADF.
func MapFD(fd int, a Access, o Options) (*Map, error) {
	name := fmt.Sprintf("descriptor %d", fd)
	err := o.onlyFile()
	if err == nil {
		var own int
		if own, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			f := os.NewFile(uintptr(own), name)
			defer f.Close()
			var m *Map
			if m, err = mapFile(f, name, a, o); err == nil {
				return m, nil
			}
		}
	}
	return nil, notMapped(name, a, o, err)
}

func fileSize(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, plain(err)
	}
	if isBlock(info) {
		return deviceSize(f)
	}
	return info.Size(), nil
}

func isBlock(info fs.FileInfo) bool {
	return info.Mode()&fs.ModeDevice != 0 && info.Mode()&fs.ModeCharDevice == 0
}

func deviceSize(f *os.File) (size int64, err error) {
	err = withDescriptor(f, func(fd uintptr) error {
		size, err = pages.DeviceSize(fd)
		return err
	})
	return size, err
}

// mappableSize returns how long the file is, and refuses what cannot be mapped.
func mappableSize(f *os.File, o Options) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, plain(err)
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return info.Size(), nil
	case isBlock(info):
		return deviceSize(f)
	case mode&fs.ModeCharDevice != 0 && o.Length > 0 && !o.Grow:
		return o.Offset + int64(o.Length), nil // it has no size: the kernel decides
	case mode&fs.ModeCharDevice != 0:
		return 0, fmt.Errorf("%w: a character device has no size: a Length is needed, and it cannot grow", syscall.ENODEV)
	default:
		return 0, fmt.Errorf("%w: %s cannot be mapped, a regular file can", syscall.ENODEV, kindOf(mode))
	}
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "this kind of file"
}

// explain says which mode a descriptor lacks when the kernel refused it.
func explain(f *os.File, a Access, err error) error {
	if !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EBADF) {
		return err
	}
	mode := -1
	if e := withDescriptor(f, func(fd uintptr) error {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		mode = flags & unix.O_ACCMODE
		return err
	}); e != nil {
		return err
	}
	switch {
	case mode == unix.O_WRONLY && a == ReadWrite:
		return fmt.Errorf("%w: the file is open for writing only, and must be for reading and writing", syscall.EACCES)
	case mode == unix.O_WRONLY:
		return fmt.Errorf("%w: the file is open for writing only, and must be for reading", syscall.EACCES)
	case mode == unix.O_RDONLY && a == ReadWrite:
		return fmt.Errorf("%w: the file is open for reading only, and must be for reading and writing", syscall.EACCES)
	}
	return err
}
