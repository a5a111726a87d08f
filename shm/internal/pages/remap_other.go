//go:build unix && !linux

package pages

import (
	"errors"
	"math"
)

const (
	noReserve = 0
	foreign   = 0
)

// Remap is for Linux only.
func Remap([]byte, int) ([]byte, error) { return nil, errors.ErrUnsupported }

// Name is for Linux only.
func Name([]byte, []byte) error { return errors.ErrUnsupported }

// DeviceSize does not know: any range is tried.
func DeviceSize(uintptr) (int64, error) { return math.MaxInt64, nil }
