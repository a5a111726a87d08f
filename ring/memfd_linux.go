package ring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// memfdPrefix is how a memory file's name begins, here and in /proc.
const memfdPrefix = "memfd:"

// memoryFile makes the file of a ring that has no path. It can be neither shortened nor lengthened, by nobody.
func memoryFile(name string, c Config, size int64, firstPages []byte) (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), memfdPrefix+name)
	if err := fillMemory(f, c, size, firstPages); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func fillMemory(f *os.File, c Config, size int64, firstPages []byte) error {
	if err := allocate(f, size); err != nil {
		return noSpace(f, size, err)
	}
	if _, err := f.WriteAt(firstPages, 0); err != nil {
		return err
	}
	if err := permit(f, c); err != nil {
		return err
	}
	_, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	return os.NewSyscallError("sealing", err)
}

// reopenFile opens the file of f once more: locks belong to the description, and that of f may be shared with other
// processes. It has the name by which people know the file.
func reopenFile(f *os.File, write bool) (own *os.File, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, os.ErrInvalid
	}
	if conn.Control(func(fd uintptr) { own, err = reopen(fd, write) }) != nil {
		return nil, os.ErrClosed // the only way in which package os refuses
	}
	if err != nil {
		return nil, err
	}
	theirs, err := f.Stat()
	if err == nil {
		var ours fs.FileInfo
		if ours, err = own.Stat(); err == nil && !os.SameFile(theirs, ours) {
			err = fmt.Errorf("%w: /proc opens another file", errors.ErrUnsupported)
		}
	}
	if err != nil {
		own.Close()
		return nil, err
	}
	return own, nil
}

func reopen(fd uintptr, write bool) (*os.File, error) {
	has, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	if mode := has & unix.O_ACCMODE; write && mode != unix.O_RDWR || mode == unix.O_WRONLY {
		return nil, fmt.Errorf("%w: the descriptor is open for %s only", fs.ErrPermission, map[int]string{unix.O_RDONLY: "reading", unix.O_WRONLY: "writing"}[mode])
	}
	link := fmt.Sprintf("/proc/self/fd/%d", fd)
	name, err := os.Readlink(link)
	if err != nil {
		return nil, fmt.Errorf("%w: opening the file a second time needs /proc, which is not mounted here", errors.ErrUnsupported)
	}
	var n int
	err = retry(func() (err error) {
		n, err = unix.Open(link, flags|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, noFile(err)
	}
	if memory, ok := strings.CutPrefix(name, "/"+memfdPrefix); ok {
		name = memfdPrefix + strings.TrimSuffix(memory, " (deleted)")
	}
	return os.NewFile(uintptr(n), name), nil
}
