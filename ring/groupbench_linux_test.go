package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// consumeRole takes all that comes, in batches, and touches it: as a member of a group, or as a reader, which its second
// argument says.
func consumeRole(args []string) {
	var sum byte
	if args[1] == "reader" {
		r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{})
		proctest.Die(err)
		proctest.Say("ready")
		for batch := range r.Batches(background, 256) {
			for _, rec := range batch {
				sum += rec.Payload[0]
			}
		}
		proctest.Die(r.Err())
	}
	m, err := ring.JoinGroup(background, args[0], "workers", ring.GroupOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	for batch := range m.Batches(background, 256) {
		for _, w := range batch {
			sum += w.Payload[0]
		}
	}
	proctest.Die(m.Err())
	proctest.Say("done %d", sum)
}

// consumed reports whether all that was published is done.
func consumed(b *testing.B, path string) bool {
	info := inspect(b, path)
	for _, r := range info.Readers {
		if r.LagBytes > 0 {
			return false
		}
	}
	for _, g := range info.Groups {
		for _, m := range g.Members {
			if m.ClaimEnd > 0 {
				return false
			}
		}
		if g.LagBytes > 0 {
			return false
		}
	}
	return true
}

// BenchmarkGroup is one op for each record of 64 bytes that a process publishes one by one and others take in batches: a
// reader, which the group is to be compared with, one member of a group, and two, each a process.
func BenchmarkGroup(b *testing.B) {
	for _, c := range []struct {
		name, kind string
		consumers  int
	}{{"reader", "reader", 1}, {"one member", "member", 1}, {"two members", "member", 2}} {
		b.Run(c.name, func(b *testing.B) {
			path := newRing(b, ring.Config{Capacity: benchCapacity})
			for range c.consumers {
				proctest.Start(b, "consume", path, c.kind).Expect("ready")
			}
			w := proctest.Start(b, "flood", path)
			w.Expect("ready")
			tell := func(n int) {
				w.Send(fmt.Sprint(n))
				w.Expect("done")
				proctest.Until(b, "all is done", func() bool { return consumed(b, path) })
			}
			tell(benchCapacity / 64) // so that no page is new
			b.ResetTimer()
			tell(b.N)
			b.StopTimer()
			require.NotZero(b, inspect(b, path).NextSeq)
		})
	}
}

// BenchmarkMember is about taking what is there already, as BenchmarkRead is for readers.
func BenchmarkMember(b *testing.B) {
	for _, by := range []struct {
		name string
		take func(m *ring.Member, n int) error
	}{
		{"Next", func(m *ring.Member, n int) error {
			for range n {
				w, err := m.Next(background)
				if err != nil {
					return err
				}
				if n == 1 {
					return w.Done()
				}
			}
			return nil
		}},
		{"Records", func(m *ring.Member, n int) error {
			for w := range m.Records(background) {
				if n--; n == 0 {
					return w.Done()
				}
			}
			return m.Err()
		}},
		{"Batches", func(m *ring.Member, n int) error {
			for batch := range m.Batches(background, 64) {
				if n -= len(batch); n <= 0 {
					for _, w := range batch {
						if err := w.Done(); err != nil {
							return err
						}
					}
					break
				}
			}
			return m.Err()
		}},
	} {
		b.Run(by.name+"/64", func(b *testing.B) {
			const most = benchCapacity / 2 / 80
			path := newRing(b, ring.Config{Capacity: benchCapacity})
			w, m := openWriter(b, path), join(b, path, ring.GroupOptions{})
			payload := make([]byte, 64)
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; {
				n := min(left, most)
				left -= n
				b.StopTimer()
				for range n {
					if _, err := w.Publish(background, payload); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				if err := by.take(m, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
