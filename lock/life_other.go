//go:build !linux

package lock

import (
	"errors"
	"os"
)

func lockByte(*os.File, int64) error { return errors.ErrUnsupported }

func unlockByte(*os.File, int64) error { return errors.ErrUnsupported }

func byteHeld(*os.File, int64) (bool, error) { return false, errors.ErrUnsupported }

func passByte(*os.File, int64) (again bool, err error) { return false, errors.ErrUnsupported }
