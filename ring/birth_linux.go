package ring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// allocationStep is how much one fallocate asks for, so that a signal never undoes more than that.
const allocationStep = 64 << 20

// birth makes the file of a ring: nameless, allocated, written, and linked to path as the last step. It fails with
// fs.ErrExist if the name is taken, and leaves nothing behind when it fails.
func birth(path string, c Config, size int64, firstPages []byte) error {
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist // before anything is allocated; link decides all the same
	}
	f, name, err := nameless(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if name != "" {
		defer os.Remove(name)
	}
	if !c.AllowFS {
		if err := checkFS(f); err != nil {
			return err
		}
	}
	noCopyOnWrite(f)
	if err := allocate(f, size); err != nil {
		_ = f.Truncate(0) // so that noSpace counts what a smaller ring could have
		return noSpace(f, size, err)
	}
	if _, err := f.WriteAt(firstPages, 0); err != nil {
		return err
	}
	if err := permit(f, c); err != nil {
		return err
	}
	if name != "" {
		err = os.Link(name, path)
	} else {
		err = unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	}
	if errors.Is(err, fs.ErrExist) {
		return fs.ErrExist
	}
	return err
}

// permit says who may open the file.
func permit(f *os.File, c Config) error {
	if c.Group != 0 {
		if err := f.Chown(-1, c.Group); err != nil { // before Chmod, since it takes bits away
			return fmt.Errorf("giving it to group %d: %w", c.Group, err)
		}
	}
	return f.Chmod(c.Mode)
}

// nameless opens a new file in path's directory that has no name yet, or, where the file system cannot, a hidden one that
// the caller removes.
func nameless(path string) (f *os.File, name string, err error) {
	dir := filepath.Dir(path)
	how := unix.O_TMPFILE
	if noTmpfile {
		how = unix.O_DIRECTORY // as older kernels read O_TMPFILE
	}
	f, err = os.OpenFile(dir, how|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return f, "", nil
	}
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.ENOENT) {
		return nil, "", err
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, "", err
	}
	name = filepath.Join(dir, ".mmring-"+rand.Text())
	f, err = os.OpenFile(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	return f, name, err
}

// allocate makes sure that every block of the file is there, so that no later store can find the disk full. What cannot
// be there is not tried: a disk that is full meanwhile, or all of the memory, would be everybody's.
func allocate(f *os.File, size int64) error {
	var s unix.Statfs_t
	if unix.Fstatfs(int(f.Fd()), &s) == nil && s.Blocks > 0 && size/int64(s.Bsize) > int64(s.Bavail) { // 0: without a limit
		return unix.ENOSPC
	}
	for off := int64(0); off < size; off += allocationStep {
		n := min(allocationStep, size-off)
		if err := retry(func() error { return unix.Fallocate(int(f.Fd()), 0, off, n) }); err != nil {
			return os.NewSyscallError("fallocate", err)
		}
	}
	return nil
}

// noSpace adds to a failed allocation of size bytes how much there is.
func noSpace(f *os.File, size int64, err error) error {
	var s unix.Statfs_t
	if !errors.Is(err, unix.ENOSPC) || unix.Fstatfs(int(f.Fd()), &s) != nil {
		return fmt.Errorf("allocating %d bytes: %w", size, err)
	}
	return fmt.Errorf("needs %d bytes, %d are free: %w", size, int64(s.Bavail)*int64(s.Bsize), unix.ENOSPC)
}

// noCopyOnWrite asks btrfs to overwrite in place; other file systems have no such flag or do not need it.
func noCopyOnWrite(f *os.File) {
	const noCow = 0x00800000 // FS_NOCOW_FL of linux/fs.h
	if flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS); err == nil {
		_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags|noCow))
	}
}
