package shm

import (
	"errors"

	"golang.org/x/sys/unix"
)

var advices = map[Advice]int{
	DontFork: unix.MADV_DONTFORK, DontDump: unix.MADV_DONTDUMP, PopulateRead: unix.MADV_POPULATE_READ,
	PopulateWrite: unix.MADV_POPULATE_WRITE, HugePage: unix.MADV_HUGEPAGE,
}

func advisePages(b []byte, a Advice) error {
	n, ok := advices[a]
	if !ok {
		return errors.ErrUnsupported
	}
	err := unix.Madvise(b, n)
	if err == unix.EINVAL { // our range is always right: this kernel does not know the advice
		return errors.ErrUnsupported
	}
	return err
}
