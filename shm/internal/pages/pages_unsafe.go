//go:build unix

package pages

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Map maps n bytes at an address that the kernel chooses.
func Map(s Source, n int) ([]byte, error) {
	p, err := unix.MmapPtr(s.FD, s.Offset, nil, uintptr(n), s.prot(), s.flags())
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), n), nil
}

// MapOver replaces what is mapped at those pages.
func MapOver(at []byte, s Source) error {
	_, err := unix.MmapPtr(s.FD, s.Offset, unsafe.Pointer(unsafe.SliceData(at)), uintptr(len(at)), s.prot(),
		s.flags()|unix.MAP_FIXED)
	return err
}

// Reserve takes n bytes of address space that cannot be accessed.
func Reserve(n int) ([]byte, error) {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(n), unix.PROT_NONE, reserved)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), n), nil
}

// ReserveOver makes pages what Reserve returns.
func ReserveOver(at []byte) error {
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(unsafe.SliceData(at)), uintptr(len(at)), unix.PROT_NONE,
		reserved|unix.MAP_FIXED)
	return err
}

const reserved = unix.MAP_PRIVATE | unix.MAP_ANON | noReserve

// Unmap gives the pages back.
func Unmap(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b)))
}

func (s Source) prot() int {
	prot := unix.PROT_READ
	if s.Write {
		prot |= unix.PROT_WRITE
	}
	if s.Exec {
		prot |= unix.PROT_EXEC
	}
	return prot
}

func (s Source) flags() int {
	flags := s.Flags
	if s.Private {
		flags |= unix.MAP_PRIVATE
	} else {
		flags |= unix.MAP_SHARED
	}
	if s.FD < 0 {
		flags |= unix.MAP_ANON
	}
	if s.NoReserve {
		flags |= noReserve
	}
	return flags
}

// Foreign returns those of the flags that a caller may not give: they decide what Source's other fields decide, or where.
func Foreign(flags int) int {
	return flags & (unix.MAP_SHARED | unix.MAP_PRIVATE | unix.MAP_FIXED | unix.MAP_ANON | foreign)
}

// Protect changes what may be done with the pages.
func Protect(b []byte, s Source) error { return unix.Mprotect(b, s.prot()) }

// Sync writes changed pages to the file.
func Sync(b []byte, async, invalidate bool) error {
	flags := unix.MS_SYNC
	if async {
		flags = unix.MS_ASYNC
	}
	if invalidate {
		flags |= unix.MS_INVALIDATE
	}
	for {
		if err := unix.Msync(b, flags); err != syscall.EINTR {
			return err
		}
	}
}

// Advise gives the kernel a MADV_* advice.
func Advise(b []byte, advice int) error {
	for {
		if err := unix.Madvise(b, advice); err != syscall.EINTR {
			return err
		}
	}
}

// Lock keeps the pages in memory until Unlock.
func Lock(b []byte) error { return unix.Mlock(b) }

// Unlock ends Lock.
func Unlock(b []byte) error { return unix.Munlock(b) }
