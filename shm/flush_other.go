//go:build unix && !linux

package shm

import "os"

// startWriting leaves it to MS_ASYNC.
func startWriting(*os.File, int64, int64) bool { return false }
