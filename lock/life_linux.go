package lock

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// passing bounds how long lockByte steps aside for those who only pass through (passByte). Usually it is microseconds.
const passing = 250 * time.Millisecond

// lockByte takes the write lock of one byte. Waiters hold a read lock for a moment when the byte becomes free, several at a
// time: to be refused because of them would be wrong, so lockByte lets them pass. One that is stopped at that very moment
// has to count as a holder in the end.
func lockByte(f *os.File, off int64) error {
	for start := time.Now(); ; runtime.Gosched() {
		err := fcntl(f, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Start: off, Len: 1})
		switch err {
		case unix.EAGAIN, unix.EACCES:
		case unix.EBADF:
			return fmt.Errorf("%w: the file is not open for writing", err)
		default:
			return err
		}
		held, err := byteHeld(f, off)
		if err != nil {
			return err
		}
		if held || time.Since(start) > passing {
			return ErrBusy
		}
	}
}

func unlockByte(f *os.File, off int64) error {
	return fcntl(f, unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_UNLCK, Start: off, Len: 1})
}

// byteHeld asks whether a read lock would have to wait: only for holders, not for those who wait as well.
func byteHeld(f *os.File, off int64) (bool, error) {
	ask := unix.Flock_t{Type: unix.F_RDLCK, Start: off, Len: 1}
	if err := fcntl(f, unix.F_OFD_GETLK, &ask); err != nil {
		return false, err
	}
	return ask.Type != unix.F_UNLCK, nil
}

// passByte waits on a description of its own until a read lock of the byte is granted, and gives it back. again: a signal
// came instead.
func passByte(f *os.File, off int64) (again bool, err error) {
	var own *os.File
	err = viaDescriptor(f, func(path string) (err error) {
		own, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return false, reopenErr(bare(err))
	}
	defer own.Close() // which gives the lock back
	err = control(own, func(fd uintptr) error {
		return unix.FcntlFlock(fd, unix.F_OFD_SETLKW, &unix.Flock_t{Type: unix.F_RDLCK, Start: off, Len: 1})
	})
	if err == unix.EINTR {
		return true, nil
	}
	return false, err
}

// fcntl asks again when a signal came in between.
func fcntl(f *os.File, command int, lock *unix.Flock_t) error {
	return control(f, func(fd uintptr) error {
		for {
			err := unix.FcntlFlock(fd, command, lock)
			switch err {
			case unix.EINTR:
				continue
			case unix.EINVAL:
				return fmt.Errorf("%w: this kernel has no OFD locks (%w)", errors.ErrUnsupported, err)
			}
			return err
		}
	})
}
