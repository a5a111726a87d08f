// Package spin tells the processor that a loop only waits.
package spin

import "runtime"

// Useful reports whether another processor could bring what a spinning one waits for.
var Useful = runtime.NumCPU() > 1
