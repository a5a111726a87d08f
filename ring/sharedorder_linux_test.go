package ring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// sharedRole is a shared writer: "publish FROM TO HOW" publishes records "ID N", one by one (one), in batches (batch), by
// claims (claim) or without waiting for other writers (try); "claim" and "commit", "close", "end".
func sharedRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	var c *ring.Claim
	for {
		var what, how string
		var from, to int
		_, _ = fmt.Sscanf(proctest.Hear(), "%s %d %d %s", &what, &from, &to, &how) // most have no more than the first
		switch what {
		case "publish":
			for n := from; n <= to; n += 1000 {
				proctest.Die(publishAs(w, args[1], n, min(n+999, to), how))
				proctest.Say("at %d", min(n+999, to))
			}
			proctest.Say("done")
		case "claim":
			c, err = w.Claim(background, 100)
			proctest.Die(err)
			copy(c.Bytes(), bytes.Repeat([]byte{0xff}, 100))
			proctest.Say("claimed")
		case "commit":
			seq, err := c.Commit(copy(c.Bytes(), args[1]))
			proctest.Die(err)
			proctest.Say("published %d", seq)
		case "end":
			proctest.Die(w.End())
			proctest.Say("ended")
		case "close":
			proctest.Die(w.Close())
			proctest.Say("closed")
		default:
			proctest.Die(fmt.Errorf("what is %q?", what))
		}
	}
}

// publishAs publishes the records "id from" to "id to".
func publishAs(w *ring.Writer, id string, from, to int, how string) error {
	text := func(n int) []byte { return fmt.Appendf(nil, "%s %d", id, n) }
	if how == "batch" {
		var batch [][]byte
		for n := from; n <= to; n++ {
			batch = append(batch, text(n))
		}
		_, err := w.PublishBatch(background, batch)
		return err
	}
	for n := from; n <= to; n++ {
		var err error
		switch how {
		case "one":
			_, err = w.Publish(background, text(n))
		case "try":
			if _, err = w.TryPublish(text(n)); errors.Is(err, ring.ErrBusy) || errors.Is(err, ring.ErrFull) {
				_, err = w.Publish(background, text(n))
			}
		case "claim":
			var c *ring.Claim
			if c, err = w.Claim(background, 40); err == nil {
				_, err = c.Commit(copy(c.Bytes(), text(n)))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func startShared(t *testing.T, path, id string) *proctest.Proc {
	t.Helper()
	p := proctest.Start(t, "shared", path, id)
	p.Expect("ready")
	return p
}

// order is what one reader has seen of the writers' records.
type order struct {
	records uint64
	last    map[string]int // by writer
	hash    uint64
}

// follow reads until the end of the ring and checks numbers and the order of each writer's records. With gaps, an observer's
// losses are allowed.
func follow(c consumer, gaps bool) (order, error) {
	o := order{last: map[string]int{}}
	h := fnv.New64a()
	for rec := range c.Records(background) {
		if o.records++; rec.Seq != o.records && !gaps {
			return o, fmt.Errorf("record %d came as number %d", rec.Seq, o.records)
		}
		var id string
		var n int
		if _, err := fmt.Sscanf(string(rec.Payload), "%s %d", &id, &n); err != nil {
			return o, fmt.Errorf("record %d is %q", rec.Seq, rec.Payload)
		}
		if n <= o.last[id] || n != o.last[id]+1 && !gaps {
			return o, fmt.Errorf("record %d is %d of %s, after %d", rec.Seq, n, id, o.last[id])
		}
		o.last[id] = n
		h.Write(rec.Payload)
	}
	o.hash = h.Sum64()
	return o, c.Err()
}

type consumer interface {
	Records(context.Context) iter.Seq[ring.Record]
	Err() error
}

// seen is what follow returns, from another goroutine.
type seen struct {
	order
	err error
}

func followers(t *testing.T, path string, n int) <-chan seen {
	t.Helper()
	all := make(chan seen, n)
	for range n {
		r := openReader(t, path, ring.ReaderOptions{})
		go func() {
			o, err := follow(r, false)
			all <- seen{o, err}
		}()
	}
	return all
}

// endRing ends the ring for everybody.
func endRing(t *testing.T, path string) {
	t.Helper()
	w := openWriter(t, path)
	require.NoError(t, w.End())
	require.NoError(t, w.Close())
}

func TestEightProcessesPublishIntoOneOrder(t *testing.T) {
	const each = 10000
	path := newRing(t, ring.Config{Shared: true, Checksums: true})
	all := followers(t, path, 2)
	v := observe(t, path, ring.ObserverOptions{})
	lossy := make(chan seen, 1)
	go func() {
		o, err := follow(v, true)
		lossy <- seen{o, err}
	}()
	var writers []*proctest.Proc
	for i, how := range []string{"one", "one", "batch", "claim", "try", "one", "batch", "try"} {
		p := startShared(t, path, fmt.Sprint("w", i))
		p.Send(fmt.Sprintf("publish 1 %d %s", each, how))
		writers = append(writers, p)
	}
	for _, p := range writers {
		for p.Line() != "done" {
		}
		p.Send("close")
		p.Expect("closed")
	}
	require.True(t, inspect(t, path).Clean, "the last one has closed the ring")
	endRing(t, path)
	one, two := <-all, <-all
	require.NoError(t, one.err)
	require.NoError(t, two.err)
	require.Equal(t, one.order, two.order)
	require.EqualValues(t, len(writers)*each, one.records)
	for id, n := range one.last {
		require.Equal(t, each, n, id)
	}
	require.NoError(t, (<-lossy).err)
	info := inspect(t, path)
	require.Empty(t, info.Writers)
	require.Zero(t, info.Stats.Recoveries)
	sound(t, path)
}

// TestSharedWritersAreKilledUnderLoad kills one after another with SIGKILL, wherever it is. What each had said to be
// published before is there, in its order, and nothing twice.
func TestSharedWritersAreKilledUnderLoad(t *testing.T) {
	const kills, alive = 60, 4
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	hows := []string{"one", "batch", "claim", "try"}
	path := newRing(t, ring.Config{Shared: true, Checksums: true, Slots: 8})
	all := followers(t, path, 2)
	said := map[string]int{}
	begin := func(i int) (*proctest.Proc, string) {
		id := fmt.Sprint("w", i)
		p := startShared(t, path, id)
		p.Send("publish 1 100000000 " + hows[i%len(hows)])
		return p, id
	}
	var procs [alive]*proctest.Proc
	var ids [alive]string
	for i := range alive {
		procs[i], ids[i] = begin(i)
	}
	for k := range kills {
		i := rnd.IntN(alive)
		for range rnd.IntN(3) {
			fmt.Sscan(procs[i].Expect("at"), new(int))
		}
		var n int
		fmt.Sscan(procs[i].Expect("at"), &n)
		said[ids[i]] = n
		procs[i].Kill()
		_ = procs[i].Wait() // says that it was killed
		procs[i], ids[i] = begin(alive + k)
	}
	for i := range alive {
		var n int
		fmt.Sscan(procs[i].Expect("at"), &n)
		said[ids[i]] = n
		procs[i].Kill()
		_ = procs[i].Wait() // says that it was killed
	}
	endRing(t, path)
	one, two := <-all, <-all
	require.NoError(t, one.err)
	require.NoError(t, two.err)
	require.Equal(t, one.order, two.order)
	for id, n := range said {
		require.GreaterOrEqual(t, one.last[id], n, id)
	}
	require.Equal(t, one.records+1, inspect(t, path).NextSeq)
	sound(t, path)
	t.Logf("%d records of %d writers", one.records, len(one.last))
}

// TestNoSharedWriterStarves lets four processes publish as fast as they can until each has had so many turns.
func TestNoSharedWriterStarves(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	var procs []*proctest.Proc
	for i := range 4 {
		p := startShared(t, path, fmt.Sprint("w", i))
		p.Send("publish 1 100000000 one")
		procs = append(procs, p)
	}
	var total uint64
	for _, p := range procs {
		for range 20 {
			p.Expect("at")
		}
		total = inspect(t, path).NextSeq
	}
	t.Logf("each of 4 has published 20000 of %d records", total)
}

func TestEachGoroutineHasAWriterOfItsOwn(t *testing.T) {
	defer ring.Heap()() // where the race detector sees every access
	const writers, each = 4, 3000
	path := newRing(t, ring.Config{Shared: true})
	all := followers(t, path, 2)
	var busy sync.WaitGroup
	for i, how := range []string{"one", "batch", "claim", "try"} {
		w := openShared(t, path, nil)
		busy.Add(1)
		go func() {
			defer busy.Done()
			if err := publishAs(w, fmt.Sprint("w", i), 1, each, how); err != nil {
				t.Error(err)
			}
		}()
	}
	busy.Wait()
	endRing(t, path)
	one, two := <-all, <-all
	require.NoError(t, one.err)
	require.NoError(t, two.err)
	require.Equal(t, one.order, two.order)
	require.EqualValues(t, writers*each, one.records)
}
