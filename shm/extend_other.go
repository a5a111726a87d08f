//go:build unix && !linux

package shm

import (
	"errors"
	"math"
	"os"
)

// allocate has no call that all these systems share.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

// freeSpace does not know; not known is much.
func freeSpace(*os.File) int64 { return math.MaxInt64 }
