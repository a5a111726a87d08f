//go:build linux

package pages

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	noReserve = unix.MAP_NORESERVE
	foreign   = mapType | unix.MAP_FIXED_NOREPLACE | unix.MAP_GROWSDOWN | unix.MAP_HUGETLB
	mapType   = 0xf
)

// Remap makes the range n bytes long, perhaps at another address. Where the kernel cannot, the range is as it was.
func Remap(b []byte, n int) ([]byte, error) {
	p, err := unix.MremapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)), nil, uintptr(n), unix.MREMAP_MAYMOVE)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), n), nil
}

// Name gives anonymous pages the name that the system shows for them; name ends with a zero byte.
func Name(b, name []byte) error {
	_, _, errno := unix.Syscall6(unix.SYS_PRCTL, unix.PR_SET_VMA, unix.PR_SET_VMA_ANON_NAME,
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), uintptr(unsafe.Pointer(unsafe.SliceData(name))), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// DeviceSize returns the size of a block device in bytes.
func DeviceSize(fd uintptr) (int64, error) {
	var n uint64
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.BLKGETSIZE64, uintptr(unsafe.Pointer(&n))); errno != 0 {
		return 0, errno
	}
	return int64(n), nil
}
