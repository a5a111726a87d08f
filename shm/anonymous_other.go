//go:build unix && !linux

package shm

import (
	"errors"
	"os"
)

// memoryFile returns an empty file without a path.
func memoryFile(string) (*os.File, error) {
	f, err := os.CreateTemp("", "shm-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func seal(*os.File, Seal) error { return errors.ErrUnsupported }

func seals(*os.File) (Seal, error) { return 0, errors.ErrUnsupported }
