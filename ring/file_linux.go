package ring

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const supported = true

// openFile opens a ring's file, never following a link and never waiting for a pipe's other end.
func openFile(path string, write bool) (*os.File, error) {
	flags := unix.O_RDONLY
	if write {
		flags = unix.O_RDWR
	}
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%w: a symbolic link; name the ring itself", ErrNotRing)
	}
	return f, noFile(err)
}

// noFile names what else than a file was opened.
func noFile(err error) error {
	switch {
	case errors.Is(err, unix.EISDIR):
		return fmt.Errorf("%w: a directory", ErrNotRing)
	case errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%w: a socket or a pipe", ErrNotRing)
	}
	return err
}

// coherent lists the file systems whose mappings all processes of a machine see alike, by their magic numbers in
// linux/magic.h.
var coherent = map[int64]string{
	0x01021994: "tmpfs", 0x858458f6: "ramfs", 0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs",
	0xf2f52010: "f2fs", 0x2fc12fc1: "zfs", 0x958458f6: "hugetlbfs", 0xca451a4e: "bcachefs",
}

// refused names some of the others in errors.
var refused = map[int64]string{
	0x6969: "nfs", 0x65735546: "fuse", 0x794c7630: "overlay", 0xff534d42: "cifs", 0xfe534d42: "smb", 0x01021997: "9p",
	0x517b: "smb", 0x00c36400: "ceph", 0x9fa0: "proc", 0x62656572: "sysfs", 0x6a656a63: "vboxsf", 0x9660: "isofs",
}

// checkFS refuses file systems where mapped memory may not be coherent.
func checkFS(f *os.File) error {
	var s unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(int(f.Fd()), &s) }); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	if _, ok := coherent[int64(s.Type)]; ok {
		return nil
	}
	name := refused[int64(s.Type)]
	if name == "" {
		name = fmt.Sprintf("type %#x", s.Type)
	}
	return fmt.Errorf("%w: %s: processes may see different memory there; use tmpfs (/dev/shm) or a local disk", ErrFS, name)
}

// checkOwner refuses a ring that somebody else owns, who could truncate it under us.
func checkOwner(info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() || st.Uid == 0 {
		return nil
	}
	return fmt.Errorf("%w: owned by user %d, this process runs as %d", ErrOwner, st.Uid, os.Geteuid())
}

// linked reports whether the file still has a name somewhere.
func linked(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 0
}

// placeOf tells which file f is.
func placeOf(f *os.File) (place, error) {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return place{}, os.NewSyscallError("fstat", err)
	}
	return place{uint64(st.Dev), st.Ino}, nil // some machines have 32 bits for the device
}

// takeGlimpse looks at an open file without allocating.
func takeGlimpse(f *os.File) (glimpse, bool) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return glimpse{}, false
	}
	return glimpse{st.Size, uint64(st.Nlink), [2]int64{int64(st.Ctim.Sec), int64(st.Ctim.Nsec)}}, true
}

// fillHoles allocates what a copy may have left out, so that no store finds the disk full.
func fillHoles(f *os.File, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Blocks*512 >= size {
		return nil
	}
	if err := allocate(f, size); err != nil {
		return noSpace(f, size, err)
	}
	return nil
}

// identify returns the running kernel's boot id and the file's place.
func identify(f *os.File) (identity, error) {
	boot, err := bootID()
	if err != nil {
		return identity{}, err
	}
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(int(f.Fd()), &st) }); err != nil {
		return identity{}, os.NewSyscallError("fstat", err)
	}
	return identity{boot, uint64(st.Dev), st.Ino}, nil // some machines have 32 bits for the device
}

var bootID = sync.OnceValues(func() (id [2]uint64, err error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, fmt.Errorf("cannot tell whether the machine was rebooted: %w", err)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(b)), "-", ""))
	if err != nil || len(raw) != 16 {
		return id, fmt.Errorf("boot id %q is not one", b)
	}
	return [2]uint64{le.Uint64(raw), le.Uint64(raw[8:])}, nil
})

// appear waits until path is there, told by inotify.
func appear(ctx context.Context, path string) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init1", err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	defer f.Close()
	if _, err := unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		return fmt.Errorf("waiting for it to appear: directory %s: %w", filepath.Dir(path), err)
	}
	defer context.AfterFunc(ctx, func() { f.Close() })()
	events := make([]byte, 64<<10)
	for {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := f.Read(events); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("waiting for it to appear: %w", err)
		}
	}
}

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
