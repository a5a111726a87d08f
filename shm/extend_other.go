//go:build unix && !linux

package shm

import "errors"

// allocate has no call that all these systems share.
func allocate(int, int64, int64) error { return errors.ErrUnsupported }

// freeSpace is not known.
func freeSpace(int) int64 { return -1 }
