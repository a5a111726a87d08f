//go:build unix && !linux

package pages

import (
	"errors"
	"math"
)

const (
	noReserve    = 0
	kind         = 0
	populateRead = -1
)

// Remap is for Linux only.
func Remap([]byte, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func nameRange(uintptr, uintptr, uintptr) error { return errors.ErrUnsupported }

// DeviceSize does not know: any range is tried.
func DeviceSize(uintptr) (int64, error) { return math.MaxInt64, nil }
