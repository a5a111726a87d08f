package shm

import (
	"fmt"
	"io/fs"
)

// Seal is what can never again be done to a memory file, by anybody. Seals are or-ed.
type Seal int

const (
	// SealShrink keeps the memory as long as it is at least: who maps it needs to fear no fault.
	SealShrink Seal = 1 << iota
	// SealGrow keeps the memory from growing.
	SealGrow
	// SealFutureWrite lets only the maps that exist write.
	SealFutureWrite
	// SealSeals keeps the seals as they are.
	SealSeals

	allSeals = SealShrink | SealGrow | SealFutureWrite | SealSeals
)

// Seal adds seals to Anonymous memory. A call that a seal forbids then fails with fs.ErrPermission.
//
// Errors: ErrClosed; fs.ErrPermission when the seals are sealed, or for a file with a path; fs.ErrInvalid for an unknown
// seal; errors.ErrUnsupported for private memory, for other files, for maps that keep no descriptor, and on systems without
// seals.
func (m *Map) Seal(s Seal) error {
	if !m.enter() {
		return m.fail("seal", ErrClosed)
	}
	defer m.mu.RUnlock()
	var err error
	switch {
	case s&^allSeals != 0:
		err = fmt.Errorf("%w: seals %#x", fs.ErrInvalid, int(s))
	case m.own == none:
		err = errNoDescriptor
	default:
		err = seal(m.own, s)
	}
	if err != nil {
		return m.fail("seal", err)
	}
	return nil
}

// Seals returns the seals of the memory, which other processes may have added. Its errors are those of Seal.
func (m *Map) Seals() (Seal, error) {
	if !m.enter() {
		return 0, m.fail("seals", ErrClosed)
	}
	defer m.mu.RUnlock()
	if m.own == none {
		return 0, m.fail("seals", errNoDescriptor)
	}
	s, err := seals(m.own)
	if err != nil {
		return 0, m.fail("seals", err)
	}
	return s, nil
}
