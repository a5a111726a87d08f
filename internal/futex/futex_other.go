//go:build !linux

package futex

import (
	"errors"
	"sync/atomic"
	"time"
)

// Wait answers errors.ErrUnsupported.
func Wait(*atomic.Uint32, uint32, time.Duration) error { return errors.ErrUnsupported }

// WaitCancel answers errors.ErrUnsupported.
func WaitCancel(*atomic.Uint32, uint32, *atomic.Uint32, time.Duration) error {
	return errors.ErrUnsupported
}

// Set is words to sleep on together.
type Set struct{}

// Clear does nothing.
func (*Set) Clear() {}

// Add does nothing.
func (*Set) Add(*atomic.Uint32, uint32) {}

// Whole reports false.
func (*Set) Whole() bool { return false }

// Wait answers errors.ErrUnsupported.
func (*Set) Wait(*atomic.Uint32, time.Duration) (int, error) { return -1, errors.ErrUnsupported }

// Wake answers errors.ErrUnsupported.
func Wake(*atomic.Uint32) (int, error) { return 0, errors.ErrUnsupported }

// WakeOne answers errors.ErrUnsupported.
func WakeOne(*atomic.Uint32) (int, error) { return 0, errors.ErrUnsupported }

// Cancel does nothing: nobody can be waiting.
func Cancel(*atomic.Uint32) {}

// Register reports false.
func Register() bool { return false }

// Barrier reports false.
func Barrier() bool { return false }
