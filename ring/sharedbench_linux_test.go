package ring_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// floodRole publishes as many records of 64 bytes as it is told to, tagged with the process's id.
func floodRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	payload, tag := make([]byte, 64), uint16(os.Getpid())
	proctest.Say("ready")
	for {
		var n int
		_, err := fmt.Sscan(proctest.Hear(), &n)
		proctest.Die(err)
		for range n {
			_, err := w.PublishTagged(background, tag, payload)
			proctest.Die(err)
		}
		proctest.Say("done")
	}
}

// writers starts so many processes that publish into the ring, and returns what tells them all to publish n records each and
// waits until they have.
func writers(b *testing.B, path string, n int) (tell func(n int)) {
	var procs []*proctest.Proc
	for range n {
		p := proctest.Start(b, "flood", path)
		p.Expect("ready")
		procs = append(procs, p)
	}
	return func(n int) {
		for _, p := range procs {
			p.Send(fmt.Sprint(n))
		}
		for _, p := range procs {
			p.Expect("done")
		}
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
			tell := writers(b, path, c.writers)
			tell(benchCapacity / 64) // so that no page is new
			b.ResetTimer()
			tell(b.N/c.writers + 1)
			b.StopTimer()
			require.NotZero(b, inspect(b, path).NextSeq)
		})
	}
}

// BenchmarkFairness is one op for 200,000 records of each of several writers, which begin and end at about the same time. Where
// all of them ran: what the one with the fewest records has of its fair share, and how many records of others came in a row
// between two of one's own, at the most.
func BenchmarkFairness(b *testing.B) {
	const records = 200_000
	for _, n := range []int{2, 4} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			path := newRing(b, ring.Config{Capacity: 64 << 20, Shared: true})
			tell := writers(b, path, n)
			least, longest := 1.0, 0
			for b.Loop() {
				tell(records)
				share, row := fairness(b, path, n*records)
				least, longest = min(least, share), max(longest, row)
			}
			b.ReportMetric(least, "least/fair")
			b.ReportMetric(float64(longest), "records-passed-over")
		})
	}
}

// fairness looks at the tags of the last so many records, from the first one of the writer that began last to the last one of
// the writer that ended first.
func fairness(b *testing.B, path string, records int) (least float64, longest int) {
	o := observe(b, path, ring.ObserverOptions{From: ring.Last(uint64(records))})
	tags := make([]uint16, records)
	first, last := map[uint16]int{}, map[uint16]int{}
	for i := range tags {
		rec, err := o.Next(background)
		require.NoError(b, err)
		if _, ok := first[rec.Tag]; !ok {
			first[rec.Tag] = i
		}
		tags[i], last[rec.Tag] = rec.Tag, i
	}
	require.NoError(b, o.Close())
	begin, end := 0, records
	for tag := range first {
		begin, end = max(begin, first[tag]), min(end, last[tag]+1)
	}
	counts, before := map[uint16]int{}, map[uint16]int{}
	for i := begin; i < end; i++ {
		tag := tags[i]
		if counts[tag] > 0 {
			longest = max(longest, i-before[tag]-1)
		}
		counts[tag]++
		before[tag] = i
	}
	fewest := end - begin
	for tag := range first {
		fewest = min(fewest, counts[tag])
	}
	return float64(fewest*len(first)) / float64(end-begin), longest
}
