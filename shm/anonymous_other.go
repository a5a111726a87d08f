//go:build unix && !linux

package shm

import (
	"errors"
	"os"
)

// memoryFile returns the descriptor of an empty file without a path.
func memoryFile(string) (fd int, err error) {
	f, err := os.CreateTemp("", "shm-")
	if err != nil {
		return none, err
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return none, err
	}
	return ownDescriptor(f)
}

func seal(int, Seal) error { return errors.ErrUnsupported }

func seals(int) (Seal, error) { return 0, errors.ErrUnsupported }
