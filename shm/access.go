package shm

import (
	"fmt"
	"io/fs"
)

// Access says what may be done with mapped memory.
type Access int

const (
	// ReadOnly memory can be read. A method that would change it answers ErrReadOnly; storing into its Bytes is a fault.
	ReadOnly Access = iota
	// ReadWrite memory is the file: what is stored there, all others see.
	ReadWrite
	// CopyOnWrite memory can be changed; changes stay in this process and never reach the file. It is no snapshot: pages
	// that were not changed may still show later changes of the file.
	CopyOnWrite
)

// String is the name in words.
func (a Access) String() string {
	switch a {
	case ReadOnly:
		return "read-only"
	case ReadWrite:
		return "read-write"
	case CopyOnWrite:
		return "copy-on-write"
	}
	return fmt.Sprintf("access %d", int(a))
}

func (a Access) check() error {
	if a < ReadOnly || a > CopyOnWrite {
		return fmt.Errorf("%w: no such access", fs.ErrInvalid)
	}
	return nil
}
