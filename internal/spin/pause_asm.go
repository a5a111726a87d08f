//go:build (amd64 || arm64) && !purego

package spin

// Pause executes n hints (PAUSE on amd64, ISB on arm64) that leave the memory bus and a sibling thread alone for some
// 10 to 40 ns each. n must be positive.
//
//go:noescape
func Pause(n int)
