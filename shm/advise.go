package shm

import (
	"io/fs"
	"os"
)

// Advice is a hint to the kernel about the whole range. None of these changes what the bytes are.
type Advice int

const (
	// DontFork keeps the range out of child processes made by fork.
	DontFork Advice = iota
	// DontDump keeps the range out of core dumps.
	DontDump
	// PopulateRead brings all pages in, as if they had been read: an error where reading one would be a fault.
	PopulateRead
	// PopulateWrite brings all pages in, as if they had been written: an error where writing one would be a fault.
	PopulateWrite
	// HugePage asks for huge pages, where the file system has them.
	HugePage
)

// Advise gives the kernel a hint. What the system does not know answers errors.ErrUnsupported.
func (m *Map) Advise(a Advice) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	err := error(os.ErrClosed)
	if m.base != nil {
		err = advisePages(m.base, a)
	}
	if err != nil {
		return &fs.PathError{Op: "advise", Path: m.name, Err: err}
	}
	return nil
}
