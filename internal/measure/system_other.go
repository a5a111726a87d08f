//go:build !linux

package measure

import (
	"errors"
	"os/exec"
	"time"
)

// Processes are pinned and watched by what only Linux has: elsewhere programs build, and say so.

func ownGroup(*exec.Cmd)                    {}
func affinity() ([]int, error)              { return nil, errors.ErrUnsupported }
func pin(...int) error                      { return errors.ErrUnsupported }
func clock() int64                          { return 0 }
func cpuTime(int) (time.Duration, error)    { return 0, errors.ErrUnsupported }
func busyTime([]int) (time.Duration, error) { return 0, errors.ErrUnsupported }
func ownTime() (time.Duration, error)       { return 0, errors.ErrUnsupported }
func asleep(int) (bool, error)              { return false, errors.ErrUnsupported }

// MapShared answers errors.ErrUnsupported.
func MapShared(string, int) ([]byte, error) { return nil, errors.ErrUnsupported }

// Unmap has nothing to undo.
func Unmap([]byte) {}

// Machine does not know.
func Machine() string { return "unknown machine" }
