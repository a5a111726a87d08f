//go:build !(amd64 || arm64) || purego

package spin

import "sync/atomic"

var idle atomic.Uint32

// Pause passes the time of n loads; there is no hint to give.
func Pause(n int) {
	for ; n > 0; n-- {
		idle.Load()
	}
}
