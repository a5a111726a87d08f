package lock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// viaDescriptor calls use with a path that opens the file of f anew, and keeps f from being closed meanwhile. (That path
// is a link which the kernel follows itself: it also leads to files without a name.)
func viaDescriptor(f *os.File, use func(path string) error) error {
	return control(f, func(fd uintptr) error {
		return use("/proc/self/fd/" + strconv.FormatUint(uint64(fd), 10))
	})
}

// reopenErr turns "no such file" about a path of viaDescriptor into what it means.
func reopenErr(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%w: opening the file a second time needs /proc, which is not mounted here", errors.ErrUnsupported)
	}
	return err
}

// duplicate returns another descriptor of the description that f has.
func duplicate(f *os.File) (own *os.File, err error) {
	err = control(f, func(fd uintptr) error {
		n, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			own = os.NewFile(uintptr(n), f.Name())
		}
		return err
	})
	return own, err
}

// control calls use with the descriptor of f, which cannot be closed meanwhile.
func control(f *os.File, use func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = use(fd) }); err != nil {
		return os.ErrClosed // the only way in which package os refuses
	}
	return result
}
