package ring

import "sync/atomic"

// order makes every load before it happen before every load after it. amd64 keeps loads in order by itself, and the
// compiler does not move them over the atomic load that follows.
func order(*atomic.Uint32) {}
