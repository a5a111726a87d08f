package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// floodRole publishes as many records of 64 bytes as it is told to.
func floodRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	payload := make([]byte, 64)
	proctest.Say("ready")
	for {
		var n int
		_, err := fmt.Sscan(proctest.Hear(), &n)
		proctest.Die(err)
		for range n {
			_, err := w.Publish(background, payload)
			proctest.Die(err)
		}
		proctest.Say("done")
	}
}

// BenchmarkWriters is one op for each record that all writers together have published, each a process: one that is alone
// with its ring, a shared one that is alone, two at a time.
func BenchmarkWriters(b *testing.B) {
	for _, c := range []struct {
		name    string
		shared  bool
		writers int
	}{{"exclusive", false, 1}, {"shared", true, 1}, {"two", true, 2}} {
		b.Run(c.name, func(b *testing.B) {
			path := newRing(b, ring.Config{Capacity: benchCapacity, Shared: c.shared})
			var procs []*proctest.Proc
			for range c.writers {
				p := proctest.Start(b, "flood", path)
				p.Expect("ready")
				procs = append(procs, p)
			}
			tell := func(n int) {
				for _, p := range procs {
					p.Send(fmt.Sprint(n))
				}
				for _, p := range procs {
					p.Expect("done")
				}
			}
			tell(benchCapacity / 64) // so that no page is new
			b.ResetTimer()
			tell(b.N/c.writers + 1)
			b.StopTimer()
			require.NotZero(b, inspect(b, path).NextSeq)
		})
	}
}
