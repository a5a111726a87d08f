package shm

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// memoryFile returns an empty file that is memory.
func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

var sealFlags = map[Seal]int{
	SealShrink:      unix.F_SEAL_SHRINK,
	SealGrow:        unix.F_SEAL_GROW,
	SealFutureWrite: unix.F_SEAL_FUTURE_WRITE,
	SealSeals:       unix.F_SEAL_SEAL,
}

func seal(f *os.File, s Seal) error {
	flags := 0
	for one, flag := range sealFlags {
		if s&one != 0 {
			flags |= flag
		}
	}
	return withDescriptor(f, func(fd uintptr) error {
		_, err := unix.FcntlInt(fd, unix.F_ADD_SEALS, flags)
		return notSealable(err)
	})
}

func seals(f *os.File) (s Seal, err error) {
	err = withDescriptor(f, func(fd uintptr) error {
		flags, err := unix.FcntlInt(fd, unix.F_GET_SEALS, 0)
		for one, flag := range sealFlags {
			if err == nil && flags&flag != 0 {
				s |= one
			}
		}
		return notSealable(err)
	})
	return s, err
}

// notSealable names what the kernel answers for files that cannot have seals.
func notSealable(err error) error {
	if err == unix.EINVAL {
		return fmt.Errorf("%w: only memory files have seals", errors.ErrUnsupported)
	}
	return err
}
