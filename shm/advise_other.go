//go:build !linux

package shm

import "errors"

func advisePages([]byte, Advice) error { return errors.ErrUnsupported }
