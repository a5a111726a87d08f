package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// Eviction at random, with every record accounted for: read, whole, in order, or told as lost.

// TestOnTheHeapEvictedReadersAreToldExactlyWhatTheyLost: readers that pause are evicted, leave, and come back, on memory
// that the race detector sees.
func TestOnTheHeapEvictedReadersAreToldExactlyWhatTheyLost(t *testing.T) {
	for _, shared := range []bool{false, true} {
		t.Run(fmt.Sprintf("shared is %v", shared), func(t *testing.T) {
			records := uint64(40_000 / slower)
			hasty(t)
			path := onHeap(t, ring.Config{EvictAfter: time.Hour, Shared: shared})
			w := openWriter(t, path)
			const readers = 3
			done := make(chan error, readers)
			for i := range readers {
				require.NoError(t, ring.AddReader(background, path, fmt.Sprintf("r%d", i), ring.Next))
				go func() { done <- comeAndGo(path, fmt.Sprintf("r%d", i), records, uint64(i)) }()
			}
			size := func(seq uint64) int { return int(seq * seq % 401) }
			for seq := uint64(1); seq <= records; {
				_, err := w.TryPublish(pattern(seq, size(seq)))
				if err == nil {
					seq++
				} else {
					require.ErrorIs(t, err, ring.ErrFull)
				}
				if err != nil || seq%50 == 0 {
					runtime.Gosched()
				}
			}
			require.NoError(t, w.End())
			for range readers {
				require.NoError(t, <-done)
			}
			require.NotZero(t, inspect(t, path).Stats.Evictions)
			sound(t, path)
		})
	}
}

// comeAndGo reads under a name until the ring ends, with pauses, and comes again whenever it was evicted.
func comeAndGo(path, name string, records, seed uint64) error {
	random := rand.New(rand.NewPCG(seed, 7))
	want := uint64(1)
	for {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: name, Durable: true})
		if errors.Is(err, ring.ErrEvicted) { // already
			continue
		}
		if err != nil {
			return err
		}
		for err == nil {
			var rec ring.Record
			if rec, err = r.Next(background); err != nil {
				break
			}
			if rec.Seq != want+rec.Lost || !bytes.Equal(rec.Payload, pattern(rec.Seq, int(rec.Seq*rec.Seq%401))) {
				return fmt.Errorf("%s: record %d, lost %d, expected %d", name, rec.Seq, rec.Lost, want)
			}
			want = rec.Seq + 1
			for n := random.IntN(1000); n > 990; n-- {
				runtime.Gosched()
			}
			if random.IntN(3000) == 0 { // long enough to be evicted
				for range 5000 {
					runtime.Gosched()
				}
			}
		}
		if e := r.Close(); e != nil {
			return e
		}
		switch {
		case errors.Is(err, io.EOF):
			if want != records+1 {
				return fmt.Errorf("%s: the end came before record %d", name, want)
			}
			return nil
		case !errors.Is(err, ring.ErrEvicted):
			return err
		}
	}
}

// reportRole reads under a name and says each record before it consumes it, until the ring ends. Whenever it was evicted it
// comes again.
func reportRole(args []string) {
	for {
		r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{Name: "keep", Durable: true})
		if err == nil {
			for rec := range r.Records(background) {
				if !bytes.Equal(rec.Payload, pattern(rec.Seq, len(rec.Payload))) {
					proctest.Die(fmt.Errorf("record %d is not whole", rec.Seq))
				}
				proctest.Say("record %d %d", rec.Seq, rec.Lost)
			}
			if err = r.Err(); err == nil {
				proctest.Die(r.Close())
				proctest.Say("over")
				return
			}
			proctest.Die(r.Close())
		}
		if !errors.Is(err, ring.ErrEvicted) {
			proctest.Die(err)
		}
	}
}

// A reader's process is stopped, evicted, and goes on, or is killed, or is killed at any other moment, again and again: no
// record is passed over in silence.
func TestAReaderThatIsStoppedAndKilledAtRandomMissesNothingInSilence(t *testing.T) {
	rounds := 40 / slower
	path := newRing(t, ring.Config{EvictAfter: 4 * time.Millisecond})
	w := openWriter(t, path)
	stop, published := make(chan struct{}), make(chan uint64, 1)
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Next))
	go func() {
		for seq := uint64(1); ; seq++ {
			select {
			case <-stop:
				published <- seq - 1
				return
			default:
			}
			if _, err := w.Publish(background, pattern(seq, 700)); err != nil {
				published <- 0 // the test is over
				return
			}
		}
	}()
	random := rand.New(rand.NewPCG(5, 6))
	told, lost := uint64(0), uint64(0)
	hear := func(line string) {
		var seq, gap uint64
		_, err := fmt.Sscanf(line, "record %d %d", &seq, &gap)
		require.NoError(t, err, line)
		require.LessOrEqual(t, seq-gap, told+1, "after %d", told)
		told = max(told, seq)
		lost += gap
	}
	for round := range rounds {
		p := proctest.Start(t, "report", path)
		for range random.IntN(50) {
			hear(p.Line())
		}
		if round%2 == 0 {
			p.Stop()
			before := inspect(t, path).Stats.Evictions
			proctest.Until(t, "it is evicted", func() bool {
				info := inspect(t, path)
				return info.Stats.Evictions > before || info.Readers[0].State == "evicted"
			})
		}
		if round%4 == 0 {
			p.Cont()
			for range random.IntN(500) {
				hear(p.Line())
			}
		}
		p.Kill()
		for _, line := range p.Rest() {
			hear(line)
		}
	}
	close(stop)
	last := <-published
	require.NoError(t, w.End())
	p := proctest.Start(t, "report", path)
	for _, line := range p.Rest() {
		if line != "over" {
			hear(line)
		}
	}
	require.NoError(t, p.Wait())
	require.Equal(t, last, told)
	stats := inspect(t, path).Stats
	t.Logf("%d records, %d lost, %d evictions", last, lost, stats.Evictions)
	require.NotZero(t, stats.Evictions)
	require.NotZero(t, lost)
	sound(t, path)
}
