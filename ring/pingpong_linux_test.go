package ring_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// echoRole sends back what comes through one ring through another.
func echoRole(args []string) {
	r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{})
	proctest.Die(err)
	w, err := ring.OpenWriter(background, args[1], ring.WriterOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	for rec := range r.Records(background) {
		_, err := w.Publish(background, rec.Payload)
		proctest.Die(err)
	}
	proctest.Die(r.Err())
	proctest.Die(w.Close())
	proctest.Say("over")
}

// wakes makes a soak of TestNoWakeUpIsMissed (make soak-wakes, on one processor, where every wait is a sleep).
var wakes = flag.Uint64("wakes", 0, "go on until the writers have woken a sleeping reader so many times")

// enough reports whether so many rounds, and wakes, have been made.
func enough(t *testing.T, rounds int, paths ...string) bool {
	if rounds < 100_000/slower {
		return false
	}
	if *wakes == 0 || rounds%10_000 != 0 {
		return *wakes == 0
	}
	sum := uint64(0)
	for _, path := range paths {
		sum += inspect(t, path).Stats.Wakes
	}
	return sum >= *wakes
}

// TestNoWakeUpIsMissed: every wait of both sides is without a limit, and no time-out ever has to help.
func TestNoWakeUpIsMissed(t *testing.T) {
	there, back := newRing(t, ring.Config{}), newRing(t, ring.Config{})
	w := openWriter(t, there)
	r := openReader(t, back, ring.ReaderOptions{})
	p := proctest.Start(t, "echo", there, back)
	p.Expect("ready")
	for i := 0; !enough(t, i, there, back); i++ {
		seq, err := w.Publish(background, fmt.Appendf(nil, "%d", i+1))
		require.NoError(t, err)
		rec, err := r.Next(background)
		require.NoError(t, err)
		if rec.Seq != seq || string(rec.Payload) != fmt.Sprint(seq) {
			require.Failf(t, "wrong echo", "record %d: %q, expected %d", rec.Seq, rec.Payload, seq)
		}
	}
	require.NoError(t, w.End())
	p.Expect("over")
	var sum ring.Stats
	for _, path := range []string{there, back} {
		stats := inspect(t, path).Stats
		require.Zero(t, stats.Helped)
		sum.Wakes += stats.Wakes
	}
	t.Logf("%d wakes", sum.Wakes)
}

// TestNoWakeUpOfAWriterIsMissed: there is room for one record at a time, so that either side waits for the other.
func TestNoWakeUpOfAWriterIsMissed(t *testing.T) {
	const rounds = 20_000 / slower
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	readers := []*ring.Reader{openReader(t, path, ring.ReaderOptions{}), durable(t, path)}
	done := make(chan error)
	for _, r := range readers {
		go func() {
			want := uint64(1)
			for rec := range r.Records(background) {
				if rec.Seq != want {
					done <- fmt.Errorf("record %d, expected %d", rec.Seq, want)
					return
				}
				want++
			}
			done <- r.Err()
		}()
	}
	for range rounds {
		c, err := w.Claim(background, w.MaxPayload())
		require.NoError(t, err)
		_, err = c.Commit(w.MaxPayload())
		require.NoError(t, err)
	}
	require.NoError(t, w.End())
	for range readers {
		require.NoError(t, <-done)
	}
	stats := inspect(t, path).Stats
	require.Zero(t, stats.Helped)
	require.NotZero(t, stats.Blocked)
	t.Logf("%d wakes, blocked %d times", stats.Wakes, stats.Blocked)
}
