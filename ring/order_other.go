//go:build !amd64

package ring

import "sync/atomic"

// order makes every load before it happen before every atomic load after it. An atomic store (STLR on arm64) waits for the
// loads before it, and an atomic load (LDAR) waits for it: without the store, the loads of a copy could sink below the
// look that judges them.
func order(f *atomic.Uint32) { f.Store(1) }
