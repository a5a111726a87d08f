//go:build race

package ring

import "sync/atomic"

// The race detector knows nothing of process-wide barriers: for it both are atomic.

func storeInside(word *uint32, v uint32) { atomic.StoreUint32(word, v) }

func loadInside(word *uint32) uint32 { return atomic.LoadUint32(word) }
