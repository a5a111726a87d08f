package proctest

import (
	"runtime"
	"testing"
	"time"
)

// Until returns when done reports true, for what cannot be waited for otherwise (that a thread sleeps in the kernel, say).
// It asks all the time and lets others run in between.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); runtime.Gosched() {
		if time.Since(start) > patience {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
