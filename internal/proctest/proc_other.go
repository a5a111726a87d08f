//go:build !linux

package proctest

import (
	"syscall"
	"testing"
)

// refused never skips: there are no namespaces to refuse.
func refused(testing.TB, *syscall.SysProcAttr, error) {}
