package ring

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mmring/mmring/shm"
)

// Memory says how a handle keeps the ring's memory, in its own process; others are not concerned. It changes speed and nothing
// else, and is done before opening returns.
type Memory struct {
	// Populate brings all pages in, those of a writer for writing, so that no call meets a page for the first time: some
	// 0.3 to 1.5 microseconds a page. Kernels before 5.14 do not know that, and then nothing is done.
	Populate bool
	// Lock keeps all pages from being swapped out or written back to a disk's cache (mlock). It is an error, ENOMEM, EAGAIN or
	// EPERM, where the process may not lock so much (RLIMIT_MEMLOCK).
	Lock bool
	// HugePages asks for huge pages. Where the file system gives none, as /dev/shm does by default, they are ordinary ones.
	HugePages bool
}

// apply does it for a map. The errors are the kernel's.
func (m Memory) apply(to *shm.Map, write bool) error {
	advise := func(on bool, a shm.Advice) error {
		if !on {
			return nil
		}
		if err := to.Advise(a); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		return nil
	}
	if err := advise(m.HugePages, shm.HugePage); err != nil { // before there are pages
		return err
	}
	if err := advise(m.Populate && write, shm.PopulateWrite); err != nil {
		return err
	}
	if err := advise(m.Populate && !write, shm.PopulateRead); err != nil {
		return err
	}
	if !m.Lock {
		return nil
	}
	err := to.Lock()
	if pe, ok := err.(*fs.PathError); ok {
		err = pe.Err // the caller adds its own path
	}
	if err != nil {
		return fmt.Errorf("locking its memory: %w", err)
	}
	return nil
}
