package ring_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// channel is a model of two processors and the cache line of published, in nanoseconds. The writer makes its records one
// after another and stores published after every batch of them. While the line is the reader's, stores wait in a buffer
// for the way back (hop), and a full buffer stops the writer. A look at a line that the writer has changed takes a hop and
// makes it the reader's; a look at a line that has not changed takes one nanosecond.
type channel struct {
	hop, work, pause float64 // a transfer; a record, on either side; a PAUSE
	batch            int
	arrives          func(i int) float64 // when the writer is given record i, at the earliest

	now      float64 // the writer's clock
	made     int     // records written
	stored   int     // of them published, in the writer's order
	visible  int     // of them to be seen
	mine     bool    // the line is the writer's
	back     float64 // when it will be
	buffered int
}

// storeBuffer is how many records' stores wait before the writer stops.
const storeBuffer = 6

// until lets the writer work until the time t, or until it has made all records.
func (c *channel) until(t float64, all int) {
	for c.made < all {
		done := max(c.now, c.arrives(c.made)) + c.work
		if done > t {
			break
		}
		c.now = done
		c.made++
		if c.made%c.batch == 0 || c.made == all {
			c.store()
		}
	}
	if !c.mine && c.buffered > 0 && c.back <= t {
		c.mine, c.buffered, c.visible = true, 0, c.stored
	}
}

func (c *channel) store() {
	c.stored = c.made
	if !c.mine && c.buffered == 0 {
		c.back = c.now + c.hop
	}
	if !c.mine && c.now < c.back {
		if c.buffered += c.batch; c.buffered <= storeBuffer {
			return
		}
		c.now = c.back
	}
	c.mine, c.buffered, c.visible = true, 0, c.stored
}

// look looks at the time t and returns what it sees and when it has seen it.
func (c *channel) look(t float64, seen, all int) (int, float64) {
	c.until(t, all)
	if c.visible == seen {
		return seen, t + 1
	}
	c.until(t+c.hop/2, all)
	c.mine = false
	return c.visible, t + c.hop
}

// next is when something can be seen that cannot be seen now. The looks before it find nothing.
func (c *channel) next(all int) float64 {
	if !c.mine && c.buffered > 0 {
		return c.back
	}
	t, i := c.now, c.made
	for stop := false; !stop; i++ {
		t = max(t, c.arrives(i)) + c.work
		stop = (i+1)%c.batch == 0 || i+1 == all
	}
	if !c.mine {
		t += c.hop
	}
	return t
}

// read reads all records as policy says how long to wait before a look, and returns how long it took. Record i+1 is
// given to the writer reply nanoseconds after record i was read, if reply is not 0. history gets what each look brought.
func (c *channel) read(all int, reply float64, policy func(brought int, empty bool) int) (end float64, looks []int) {
	t, seen, brought, empty := 0.0, 0, 0, false
	given := 0.0
	if reply > 0 {
		c.arrives = func(i int) float64 {
			if i > seen {
				return 1e18
			}
			return given
		}
	}
	for seen < all {
		t += float64(policy(brought, empty)) * c.pause
		var p int
		p, t = c.look(t, seen, all)
		for empty = p == seen; p == seen; {
			p, t = c.look(max(t, c.next(all)), seen, all)
		}
		brought, seen = p-seen, p
		t += float64(brought) * c.work
		given = t + reply
		looks = append(looks, brought)
	}
	return t, looks
}

// always is the policy of waiting so many PAUSEs before each look.
func always(n int) func(int, bool) int { return func(int, bool) int { return n } }

func lookout() func(int, bool) int {
	l := ring.NewLookout()
	return func(brought int, empty bool) int { return l.Next(brought, empty) }
}

// history is what a writer does.
type history struct {
	name    string
	batch   int
	reply   float64             // ping-pong
	arrives func(i int) float64 // paced
}

func paced(ns float64) func(int) float64 { return func(i int) float64 { return float64(i) * ns } }

func histories(t *testing.T) (all []history) {
	all = append(all, history{name: "ping-pong", batch: 1, reply: 100}, history{name: "slow ping-pong", batch: 1, reply: 5000})
	for _, ns := range []float64{1, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000} {
		all = append(all, history{name: fmt.Sprintf("a record every %g ns", ns), batch: 1, arrives: paced(ns)})
	}
	for n := 2; n <= 4096; n *= 2 {
		all = append(all, history{name: fmt.Sprintf("batches of %d", n), batch: n, arrives: paced(0)})
		all = append(all, history{name: fmt.Sprintf("a batch of %d every 5 us", n), batch: n, arrives: func(i int) float64 { return float64(i/n) * 5000 }})
	}
	all = append(all, history{name: "bursts of 1000, 50 us between them", batch: 1, arrives: func(i int) float64 { return float64(i/1000) * 50000 }})
	return append(all, recorded(t)...)
}

// recorded returns the histories of testdata/looks: each line a time in nanoseconds and how many records were published
// then, as a process saw them that looked all the time at a ring in use.
func recorded(t *testing.T) (all []history) {
	names, err := filepath.Glob("testdata/looks/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		f, err := os.Open(name)
		require.NoError(t, err)
		var at []float64
		for s := bufio.NewScanner(f); s.Scan(); {
			var ns float64
			var n int
			_, err := fmt.Sscan(s.Text(), &ns, &n)
			require.NoError(t, err, s.Text())
			for len(at) < n {
				at = append(at, ns)
			}
		}
		f.Close()
		round := at[len(at)-1] + 1000 // again and again
		all = append(all, history{
			name: "recorded " + strings.TrimSuffix(filepath.Base(name), ".txt"), batch: 1,
			arrives: func(i int) float64 { return float64(i/len(at))*round + at[i%len(at)] },
		})
	}
	return all
}

func TestLookingIsNeverMuchWorseThanTheBetterOfTwoFixedWays(t *testing.T) {
	const records = 30000
	for _, machine := range []struct{ hop, work, pause float64 }{{55, 10, 10}, {55, 10, 20}, {55, 5, 40}, {240, 10, 10}, {190, 10, 20}} {
		for _, h := range histories(t) {
			t.Run(fmt.Sprintf("hop %g, pause %g: %s", machine.hop, machine.pause, h.name), func(t *testing.T) {
				run := func(policy func(int, bool) int) float64 {
					c := channel{hop: machine.hop, work: machine.work, pause: machine.pause, batch: h.batch, arrives: h.arrives, mine: true}
					end, _ := c.read(records, h.reply, policy)
					return end
				}
				eager, patient, ours := run(always(0)), run(always(64)), run(lookout())
				require.LessOrEqual(t, ours, 1.05*min(eager, patient), "looking at once takes %.0f, waiting 64 PAUSEs %.0f", eager, patient)
			})
		}
	}
}

func TestAPingPongSeldomWaits(t *testing.T) {
	l, waits, looks := ring.NewLookout(), 0, 1<<20
	for range looks {
		if l.Next(1, true) > 0 {
			waits++
		}
	}
	require.Less(t, waits, looks/1000, "beyond its p99.9")
}

func TestLookingAdaptsWithinSoManyLooks(t *testing.T) {
	const (
		once     = 1
		stream   = 64 // what a look brings in a stream when it waits; when not, 1
		mostHere = 4096 + 64
	)
	l := ring.NewLookout()
	looks := func(brings func(waited int) (int, bool), until func(pauses int) bool) (n int) {
		brought, empty := 1, true
		for {
			pauses := l.Next(brought, empty)
			if until(pauses) {
				return n
			}
			n++
			require.LessOrEqual(t, n, 3*mostHere, "it does not adapt")
			brought, empty = brings(pauses)
		}
	}
	flows := func(pauses int) (int, bool) {
		if pauses > 0 {
			return stream, false
		}
		return once, false
	}
	pings := func(int) (int, bool) { return 1, true }
	patient := 0
	settled := func(want bool) func(int) bool {
		patient = 0
		return func(pauses int) bool {
			if (pauses > 0) == want {
				patient++
			} else {
				patient = 0
			}
			return patient == 3
		}
	}
	require.LessOrEqual(t, looks(flows, settled(true)), 64+3, "from the start to a stream")
	require.LessOrEqual(t, looks(pings, settled(false)), 1+3, "from a stream to a ping-pong")
	require.LessOrEqual(t, looks(flows, settled(true)), 64+3, "and back at once")
	looks(pings, settled(false))
	for range 20000 {
		l.Next(1, true)
	}
	require.LessOrEqual(t, looks(flows, settled(true)), mostHere, "after a long ping-pong, to a stream")
	require.LessOrEqual(t, looks(func(pauses int) (int, bool) { return 512, false }, settled(false)), 8, "to batches, which need no wait")
}

func TestALookoutAsksForTheMirrorOnlyInAPingPong(t *testing.T) {
	l := ring.NewLookout()
	for range 100 {
		l.Next(1, true)
	}
	require.Equal(t, 100, l.Alone())
	l.Next(2, true)
	require.Zero(t, l.Alone())
}
