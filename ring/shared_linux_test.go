package ring_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"log/slog"
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

// logged is a Logger whose events come through a channel.
type logged chan string

func (l logged) Enabled(context.Context, slog.Level) bool { return true }
func (l logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l logged) WithGroup(string) slog.Handler            { return l }
func (l logged) Handle(_ context.Context, r slog.Record) error {
	select {
	case l <- r.Message:
	default:
	}
	return nil
}

func openShared(t *testing.T, path string, log slog.Handler) *ring.Writer {
	t.Helper()
	o := ring.WriterOptions{}
	if log != nil {
		o.Logger = slog.New(log)
	}
	w, err := ring.OpenWriter(background, path, o)
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func TestTheMutexOfADeadWriterIsTakenOver(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	log := make(logged, 10)
	w := openShared(t, path, log)
	r := openReader(t, path, ring.ReaderOptions{})
	for seq := uint64(1); seq <= 10; seq += 2 {
		p := startShared(t, path, "p")
		require.EqualValues(t, seq, publish(t, w, 1))
		p.Send("claim")
		p.Expect("claimed")
		_, err := w.TryPublish(nil)
		require.ErrorIs(t, err, ring.ErrBusy, "it lives")
		named(t, err, "publish", path)
		answer := make(chan error, 1)
		go func() {
			got, err := w.Publish(background, fmt.Appendf(nil, "%d", seq+1))
			if err == nil && got != seq+1 {
				err = fmt.Errorf("record %d", got)
			}
			answer <- err
		}()
		if seq%4 == 1 { // while somebody waits, and else while nobody does
			asleep(t, 1)
		}
		p.Kill()
		require.NoError(t, <-answer)
		require.Equal(t, "mutex taken over", <-log)
		next(t, r, seq)
		next(t, r, seq+1)
		dry(t, r)
	}
	sound(t, path)
}

func TestAStoppedOwnerOfTheMutexIsWaitedForAndReported(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	log := make(logged, 10)
	w := openShared(t, path, log)
	r := openReader(t, path, ring.ReaderOptions{})
	p := startShared(t, path, "stopped")
	p.Send("claim")
	p.Expect("claimed")
	p.Stop()
	ctx, cancel := withCause()
	answer := make(chan error, 1)
	go func() {
		_, err := w.Publish(ctx, []byte("2"))
		answer <- err
	}()
	require.Equal(t, "writer stalled", <-log)
	_, err := w.TryPublish(nil)
	require.ErrorIs(t, err, ring.ErrMisuse, "one goroutine at a time")
	info := inspect(t, path)
	require.True(t, info.Writer.Alive)
	require.Len(t, info.Writers, 2)
	mine, other := info.Writers[0], info.Writers[1]
	require.Equal(t, [3]bool{true, false, false}, [3]bool{mine.Alive, mine.Mutex, mine.Waited})
	require.Equal(t, [3]bool{true, true, true}, [3]bool{other.Alive, other.Mutex, other.Waited})
	require.Equal(t, p.Pid(), other.PID)
	cancel(errEnough)
	require.ErrorIs(t, <-answer, errEnough)
	dry(t, r)

	go func() {
		_, err := w.Publish(background, []byte("2"))
		answer <- err
	}()
	asleep(t, 1)
	p.Cont()
	p.Send("commit")
	require.Equal(t, "1", p.Expect("published"))
	require.NoError(t, <-answer)
	rec, err := r.Next(background)
	require.NoError(t, err)
	require.Equal(t, "stopped", string(rec.Payload))
	next(t, r, 2)
	sound(t, path)
}

func TestCloseEndsAWaitForTheMutex(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	w, other := openShared(t, path, nil), openShared(t, path, nil)
	c, err := other.Claim(background, 10)
	require.NoError(t, err)
	for _, call := range []func() error{
		func() error { _, err := w.Publish(background, nil); return err },
		func() error { return w.End() },
	} {
		answer := make(chan error, 1)
		go func() { answer <- call() }()
		asleep(t, 1)
		require.NoError(t, w.Close())
		require.Error(t, <-answer)
		w = openSharedLater(t, path, c)
		c, err = other.Claim(background, 10)
		require.NoError(t, err)
	}
	c.Abort()
	require.EqualValues(t, 1, publish(t, w, 1))
}

// openSharedLater opens another writer, which waits for the claim that is out.
func openSharedLater(t *testing.T, path string, c *ring.Claim) *ring.Writer {
	t.Helper()
	opened := make(chan *ring.Writer)
	go func() {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
		if err != nil {
			t.Error(err)
		}
		opened <- w
	}()
	asleep(t, 1)
	c.Abort()
	w := <-opened
	t.Cleanup(func() { w.Close() })
	return w
}

func TestAWriterThatWaitsForSpaceHasNotTheMutex(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	w, other := openShared(t, path, nil), openShared(t, path, nil)
	r := openReader(t, path, ring.ReaderOptions{})
	last := fill(t, w)
	answer := make(chan error, 1)
	go func() {
		_, err := w.Publish(background, make([]byte, 1000))
		answer <- err
	}()
	asleep(t, 1)
	_, err := other.TryPublish(make([]byte, 1000))
	require.ErrorIs(t, err, ring.ErrFull)
	for seq := uint64(1); seq <= last+1; seq++ {
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, rec.Seq)
	}
	require.NoError(t, <-answer)
	require.Zero(t, inspect(t, path).Stats.Corrupt, "a cursor behind what the waiting writer knew is no fault")
	sound(t, path)
}

func TestTheEndHoldsForAllSharedWriters(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	w := openShared(t, path, nil)
	r := openReader(t, path, ring.ReaderOptions{})
	p := startShared(t, path, "p")
	publish(t, w, 1)
	p.Send("end")
	p.Expect("ended")
	for how, call := range writingCalls {
		require.ErrorIs(t, call(background, w), ring.ErrEnded, how)
	}
	require.NoError(t, w.End(), "again")
	next(t, r, 1)
	_, err := r.Next(background)
	require.ErrorIs(t, err, io.EOF)
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrEnded)
	again, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true})
	require.NoError(t, err)
	defer again.Close()
	require.EqualValues(t, 2, publish(t, again, 1))
	require.EqualValues(t, 3, publish(t, w, 1), "for all again")
	next(t, r, 2)
	next(t, r, 3)
}

// TestWhatADeadOwnerLeaves makes the file look as after a death at each instruction between taking the mutex and giving it
// back.
func TestWhatADeadOwnerLeaves(t *testing.T) {
	cases := map[string]func(t *testing.T, path string, published, next uint64){
		"X1: nothing written": func(*testing.T, string, uint64, uint64) {},
		"X4: the number of the record after its own": func(t *testing.T, path string, _, next uint64) {
			poke(t, path, ring.OffMutexSeq, next+1)
		},
		"X4: number and position of the record after its own": func(t *testing.T, path string, published, next uint64) {
			poke(t, path, ring.OffMutexSeq, next+1)
			poke(t, path, ring.OffMutexPos, published+32)
		},
		"M1: a mirror of a record that will never be, and ours ends there": func(t *testing.T, path string, published, next uint64) {
			poke(t, path, ring.OffStamp, published+32)
			poke(t, path, ring.OffStamp+8, uint64(ring.KindData)<<32|32)
			poke(t, path, ring.OffStamp+16, next)
			poke(t, path, ring.OffStamp+24, 0x6f6e6f6e)
		},
		"N3: an index entry of a record that will never be": func(t *testing.T, path string, published, next uint64) {
			poke(t, path, ring.IndexStart+16*20, published+16)
			poke(t, path, ring.IndexStart+16*20+8, next)
		},
		"the word names a slot that cannot be": func(t *testing.T, path string, _, _ uint64) {
			poke32(t, path, ring.OffMutex, 0xffff)
		},
		"the word names a reader's slot": func(t *testing.T, path string, _, _ uint64) {
			info := inspect(t, path)
			poke32(t, path, ring.OffMutex, uint32(info.Readers[0].Slot+1)|1<<16)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, ring.Config{Shared: true})
			w, err := ring.OpenWriter(background, path, ring.WriterOptions{Mirror: ring.MirrorAlways})
			require.NoError(t, err)
			defer w.Close()
			r := openReader(t, path, ring.ReaderOptions{})
			for seq := range uint64(50) {
				publish(t, w, 1)
				next(t, r, seq+1)
			}
			p := startShared(t, path, "p")
			p.Send("claim")
			p.Expect("claimed")
			p.Kill()
			_ = p.Wait() // says that it was killed
			change(t, path, peek(t, path, ring.OffPublished), 51)
			_, err = w.Publish(background, []byte("51"))
			require.NoError(t, err)
			next(t, r, 51)
			require.EqualValues(t, 52, publish(t, w, 1))
			next(t, r, 52)
			sound(t, path)
		})
	}
}

// TestWhoGetsTheSlotThatTheMutexNamesTakesItOverFirst has a new writer take the very slot of the dead owner, with a
// generation whose lowest bits come out the same: the mutex word then names a living writer.
func TestWhoGetsTheSlotThatTheMutexNamesTakesItOverFirst(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	w := openShared(t, path, nil)
	publish(t, w, 3)
	p := startShared(t, path, "p")
	p.Send("claim")
	p.Expect("claimed")
	slot := int64(inspect(t, path).Writers[1].Slot)
	p.Kill()
	_ = p.Wait() // says that it was killed
	off := ring.SlotsStart + slot*ring.SlotSize
	word := peek(t, path, off)
	poke(t, path, off, word&0xffff_ffff|(word>>32+1<<15-1)<<32) // its next owner has the dead one's generation + 2^15
	again := openShared(t, path, nil)
	require.EqualValues(t, slot, inspect(t, path).Writers[1].Slot)
	require.Zero(t, peek(t, path, ring.OffMutex)&0xffff, "nobody has it now")
	require.EqualValues(t, 4, publish(t, again, 1))
	require.EqualValues(t, 5, publish(t, w, 1))
	sound(t, path)
}

func TestSharedWritersComeAndGo(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	var all sync.WaitGroup
	for range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 50 {
				w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := w.Publish(background, nil); err != nil {
					t.Error(err)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	info := inspect(t, path)
	require.EqualValues(t, 401, info.NextSeq)
	require.True(t, info.Clean)
	require.Empty(t, info.Writers)
	require.False(t, info.Writer.Alive)
	sound(t, path)
}

func TestManyProcessesOpenADirtyRing(t *testing.T) {
	path := newRing(t, ring.Config{Shared: true})
	dead := startShared(t, path, "dead")
	dead.Send("publish 1 1000 one")
	for dead.Line() != "done" {
	}
	dead.Send("claim")
	dead.Expect("claimed")
	dead.Kill()
	_ = dead.Wait() // says that it was killed
	var procs []*proctest.Proc
	for i := range 6 {
		procs = append(procs, proctest.Start(t, "shared", path, fmt.Sprint(i)))
	}
	for _, p := range procs {
		p.Expect("ready")
		p.Send("claim")
		p.Expect("claimed")
		p.Send("commit")
		p.Expect("published")
	}
	info := inspect(t, path)
	require.EqualValues(t, 1007, info.NextSeq)
	require.EqualValues(t, 1, info.Stats.Recoveries, "one has recovered it, the others joined")
	require.False(t, info.Clean)
	sound(t, path)
}

func TestSharedAndExclusiveRingsAreNotMixedUp(t *testing.T) {
	exclusive := newRing(t, ring.Config{})
	_, err := ring.OpenWriter(background, exclusive, ring.WriterOptions{Create: &ring.Config{Shared: true}})
	require.ErrorIs(t, err, ring.ErrConfig)
	named(t, err, "open writer", exclusive)

	path := newRing(t, ring.Config{Shared: true, Slots: 2})
	one, two := openShared(t, path, nil), openShared(t, path, nil)
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrNoSlot)
	_, err = ring.Repair(background, path, ring.RepairOptions{})
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorIs(t, ring.Remove(path, false), ring.ErrBusy)
	require.EqualValues(t, 1, publish(t, one, 1))
	require.EqualValues(t, 2, publish(t, two, 1))
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	_, err = ring.Repair(background, path, ring.RepairOptions{})
	require.NoError(t, err)
	require.EqualValues(t, 3, publish(t, openShared(t, path, nil), 1))
}

func TestSharedWritersGoOnAtPositionsNearTheLimits(t *testing.T) {
	for _, from := range []uint64{1<<32 - small/2, 1<<63 - 64*small} {
		path := newRing(t, ring.Config{Shared: true})
		startAt(t, path, from, 1<<40)
		r := openReader(t, path, ring.ReaderOptions{})
		one, two := openShared(t, path, nil), openShared(t, path, nil)
		seq := uint64(1 << 40)
		for range 1000 {
			for _, w := range []*ring.Writer{one, two} {
				got, err := w.Publish(background, fmt.Appendf(nil, "%d", seq))
				require.NoError(t, err)
				require.Equal(t, seq, got)
				next(t, r, seq)
				seq++
			}
		}
		require.Equal(t, from+2000*32, inspect(t, path).Published)
		sound(t, path)
	}
	path := newRing(t, ring.Config{Shared: true})
	startAt(t, path, 1<<63-1024, 1)
	w := openShared(t, path, nil)
	_, err := w.Publish(background, make([]byte, 2000))
	require.ErrorIs(t, err, ring.ErrTooLarge)
	require.EqualValues(t, 1, func() uint64 { seq, _ := w.Publish(background, nil); return seq }())
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
