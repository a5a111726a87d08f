package ring_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

// logged is a Logger whose events come through a channel.
type logged chan string

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
