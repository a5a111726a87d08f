package ring_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// drainRole reads as many records as it is told to.
func drainRole(args []string) {
	r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	for {
		var n int
		_, err := fmt.Sscan(proctest.Hear(), &n)
		proctest.Die(err)
		for range r.Records(background) {
			if n--; n == 0 {
				proctest.Die(r.Ack())
				break
			}
		}
		proctest.Die(r.Err())
		proctest.Say("done")
	}
}

// BenchmarkFence is one op for each record of 64 bytes that goes one by one from a process to another: with the fences of
// W4 and R2 on the side that is about to sleep, and, where a filter refuses membarrier, with each store.
func BenchmarkFence(b *testing.B) {
	for _, where := range []string{"sleeper", "store"} {
		b.Run(where, func(b *testing.B) {
			if where == "store" {
				b.Setenv(refusal, fmt.Sprint(uintptr(unix.EPERM)))
			}
			path := newRing(b, ring.Config{Capacity: 1 << 20})
			procs := []*proctest.Proc{proctest.Start(b, "drain", path), proctest.Start(b, "flood", path)}
			for _, p := range procs {
				p.Expect("ready")
			}
			tell := func(n int) {
				for _, p := range procs {
					p.Send(fmt.Sprint(n))
				}
				for _, p := range procs {
					p.Expect("done")
				}
			}
			tell(100_000) // so that no page is new
			b.ResetTimer()
			tell(b.N)
		})
	}
}
