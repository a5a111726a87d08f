package shm

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// memoryFile returns the descriptor of an empty file that is memory.
func memoryFile(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		return unix.MemfdCreate(name, flags)
	}
	return fd, err
}

var sealFlags = map[Seal]int{
	SealShrink:      unix.F_SEAL_SHRINK,
	SealGrow:        unix.F_SEAL_GROW,
	SealFutureWrite: unix.F_SEAL_FUTURE_WRITE,
	SealSeals:       unix.F_SEAL_SEAL,
}

func seal(fd int, s Seal) error {
	flags := 0
	for one, flag := range sealFlags {
		if s&one != 0 {
			flags |= flag
		}
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, flags)
	return notSealable(err)
}

func seals(fd int) (s Seal, err error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return 0, notSealable(err)
	}
	for one, flag := range sealFlags {
		if flags&flag != 0 {
			s |= one
		}
	}
	return s, nil
}

// notSealable names what the kernel answers for files that cannot have seals.
func notSealable(err error) error {
	if err == unix.EINVAL {
		return fmt.Errorf("%w: only memory files have seals", errors.ErrUnsupported)
	}
	return err
}
