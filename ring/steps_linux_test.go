package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/shm"
)

// oddSize is a payload's size that makes records which do not fill a region evenly: padding comes now and then.
const oddSize = 1001

// deed is something that a process may be killed in. begin is done before, in that process; what it returns is killed at
// every store.
type deed struct {
	make   func(t *testing.T, path string) // by another process, before
	begin  func(path string) (do func() error)
	writes bool // into the data region
}

var deeds = map[string]deed{
	"publish where nobody else is": {lapped(0), writing(func(w *ring.Writer) error { return publishNext(w, 3) }), true},
	"publish into another stride":  {lapped(63), writing(func(w *ring.Writer) error { return publishNext(w, 3) }), true},
	"publish with a mirror": {lapped(3), func(path string) func() error {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{Mirror: ring.MirrorAlways})
		proctest.Die(err)
		return func() error { return publishNext(w, 2, 100) }
	}, true},
	"publish a batch": {lapped(61), writing(func(w *ring.Writer) error {
		next := nextOf(w)
		_, err := w.PublishBatch(background, [][]byte{pattern(next, oddSize), pattern(next+1, oddSize), pattern(next+2, oddSize)})
		return err
	}), true},
	"commit a claim shorter than it was": {lapped(62), writing(func(w *ring.Writer) error {
		next := nextOf(w)
		c, err := w.Claim(background, 5000)
		if err == nil {
			copy(c.Bytes(), pattern(next, oddSize))
			_, err = c.Commit(oddSize)
		}
		return err
	}), true},
	"commit claims, one dropped, one cut": {lapped(61), writing(func(w *ring.Writer) error {
		next := nextOf(w)
		c, err := w.ClaimBatch(background, 2000, 3000, oddSize, 2000)
		if err == nil {
			copy(c.Bytes(0), pattern(next, 1500))
			c.Drop(1)
			copy(c.Bytes(2), pattern(next+1, oddSize))
			copy(c.Bytes(3), pattern(next+2, 2000))
			if err = c.Cut(0, 1500); err == nil {
				_, _, err = c.Commit()
			}
		}
		return err
	}), true},
	"publish from a reader": {lapped(62), writing(func(w *ring.Writer) error {
		_, err := w.PublishFrom(background, bytes.NewReader(pattern(nextOf(w), oddSize)), oddSize)
		return err
	}), true},
	"end":          {lapped(5), writing((*ring.Writer).End), false},
	"close writer": {lapped(5), writing((*ring.Writer).Close), false},
	"free the slot of a dead reader": {
		func(t *testing.T, path string) {
			lapped(10)(t, path)
			r := openReader(t, path, ring.ReaderOptions{From: ring.Oldest})
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			restored(t, path, b)
		},
		writing(func(w *ring.Writer) error { return publishNext(w, 2) }),
		true,
	},
	"register":         {lapped(9), reading(ring.ReaderOptions{}), false},
	"register named":   {lapped(9), reading(ring.ReaderOptions{Name: "risk", From: ring.Last(3)}), false},
	"register durable": {lapped(9), reading(ring.ReaderOptions{Name: "keep", Durable: true, From: ring.Last(3)}), false},
	"come again":       {kept(9), reading(ring.ReaderOptions{Name: "keep", Durable: true}), false},
	"come again at the newest record": {
		kept(9), reading(ring.ReaderOptions{Name: "keep", Durable: true, From: ring.Newest}), false,
	},
	"read and close, ephemeral": {lapped(9), leaving(ring.ReaderOptions{}), false},
	"read and close, durable":   {kept(9), leaving(ring.ReaderOptions{Name: "keep", Durable: true}), false},
	"lease and release": {kept(9), func(path string) func() error {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true})
		proctest.Die(err)
		return func() error {
			var out [5]ring.Lease
			for i := range out {
				if out[i], err = r.Lease(background); err != nil {
					return err
				}
			}
			err := errors.Join(out[1].Release(), out[0].Release(), out[3].Release())
			if kept := r.Close(); !errors.Is(kept, ring.ErrLeased) {
				return fmt.Errorf("closed: %w", kept)
			}
			return errors.Join(err, out[2].Release(), out[4].Release())
		}
	}, false},
	"wait for any of two": {kept(9), func(path string) func() error {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true, Spin: ring.SpinNone})
		proctest.Die(err)
		v, err := ring.Observe(background, path, ring.ObserverOptions{From: ring.Newest, Spin: ring.SpinNone})
		proctest.Die(err)
		for left := uint64(1); left > 0; {
			_, err = r.Next(background)
			proctest.Die(err)
			left, err = r.Remaining()
			proctest.Die(err)
		}
		any := ring.NewWaiter(v, r)
		proctest.Die(noSleep())
		return func() error {
			if _, err := any.Wait(background); !errors.Is(err, unix.EIO) { // it comes to where it would sleep
				return fmt.Errorf("waited: %w", err)
			}
			return nil
		}
	}, false},
	"seek backwards": {kept(9), func(path string) func() error {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true})
		proctest.Die(err)
		for range 3 {
			_, err := r.Next(background)
			proctest.Die(err)
		}
		proctest.Die(r.Ack())
		return func() error { return r.SeekTo(background, ring.Last(20)) }
	}, false},
	"add a reader": {lapped(9), func(path string) func() error {
		return func() error { return ring.AddReader(background, path, "keep", ring.Newest) }
	}, false},
	"remove a reader": {kept(9), func(path string) func() error {
		return func() error { return ring.RemoveReader(background, path, "keep", false) }
	}, false},
}

// sharedDeeds are those of one of several writers.
var sharedDeeds = map[string]deed{
	"open as one of several":    {lapped(62), func(path string) func() error { return func() error { return openAny(path) } }, false},
	"publish as one of several": {lapped(62), writing(func(w *ring.Writer) error { return publishNext(w, 2) }), true},
	"publish after another has died with the mutex": {lapped(62), func(path string) func() error {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
		proctest.Die(err)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		proctest.Die(err)
		_, err = f.WriteAt([]byte{4, 0, 1, 0}, ring.OffMutex) // slot 3, generation 1, which nobody has
		proctest.Die(err)
		return func() error { return publishNext(w, 1) }
	}, true},
	"commit claims as one of several": {lapped(61), writing(func(w *ring.Writer) error {
		next := nextOf(w)
		c, err := w.ClaimBatch(background, 50, oddSize, oddSize)
		if err == nil {
			c.Drop(0)
			copy(c.Bytes(1), pattern(next, oddSize))
			copy(c.Bytes(2), pattern(next+1, oddSize))
			_, _, err = c.Commit()
		}
		return err
	}), true},
	"end as one of several":   {lapped(5), writing((*ring.Writer).End), false},
	"close as one of several": {lapped(5), writing((*ring.Writer).Close), false},
}

// evictDeeds are those of rings whose readers may be evicted.
var evictDeeds = map[string]deed{
	"evict":                          {held, evicts, true},
	"come back after an eviction":    {evicted, reading(ring.ReaderOptions{Name: "keep", Durable: true}), false},
	"come back to where nothing was": {evicted, reading(ring.ReaderOptions{Name: "keep", Durable: true, From: ring.Newest}), false},
	"come back, read and close":      {evicted, leaving(ring.ReaderOptions{Name: "keep", Durable: true}), false},
	"be evicted again": {func(t *testing.T, path string) {
		evicted(t, path)
		require.NoError(t, openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true}).Close())
		topUp(t, path)
	}, evicts, true},
	"close after an eviction": {held, func(path string) func() error {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true})
		proctest.Die(err)
		_, err = r.Next(background)
		proctest.Die(err)
		proctest.Die(evicts(path)())
		_, err = r.Next(background)
		proctest.Die(err)
		return r.Close
	}, false},
}

// held makes a full ring, whose oldest record a durable cursor needs.
func held(t *testing.T, path string) {
	lapped(9)(t, path)
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Oldest))
	topUp(t, path)
}

// topUp publishes until there is no space.
func topUp(t *testing.T, path string) {
	w := openWriter(t, path)
	for err := error(nil); err == nil; {
		_, err = w.TryPublish(pattern(nextOf(w), oddSize))
	}
	require.NoError(t, w.Close())
}

// evicted is held after the writer has gone on.
func evicted(t *testing.T, path string) {
	held(t, path)
	w := openWriter(t, path)
	defer ring.Haste(time.Hour)()
	for err := error(ring.ErrFull); err != nil; {
		_, err = w.TryPublish(pattern(nextOf(w), oddSize))
	}
	require.NoError(t, w.Close())
}

// evicts opens a writer for which much time passes and most of it has passed; what it returns publishes a record as soon as who
// is in the way is evicted.
func evicts(path string) func() error {
	ring.Haste(time.Hour)
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	proctest.Die(err)
	record := pattern(nextOf(w), oddSize)
	for range ring.LeastLooks {
		if _, err := w.TryPublish(record); !errors.Is(err, ring.ErrFull) {
			proctest.Die(fmt.Errorf("too soon: %w", err))
		}
	}
	return func() error {
		for {
			if _, err := w.TryPublish(record); !errors.Is(err, ring.ErrFull) {
				return err
			}
		}
	}
}

func openAny(path string) error {
	_, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	return err
}

// lapped makes a ring that has been overwritten, and ends so many records into a lap.
func lapped(more uint64) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		w := openWriter(t, path)
		patterns(t, w, 1, 126+more, oddSize)
		require.NoError(t, w.Close())
	}
}

// kept is lapped with a durable reader that has not consumed the last seven.
func kept(more uint64) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		lapped(more)(t, path)
		require.NoError(t, ring.AddReader(background, path, "keep", ring.Last(7)))
	}
}

func writing(do func(w *ring.Writer) error) func(path string) func() error {
	return func(path string) func() error {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
		proctest.Die(err)
		return func() error { return do(w) }
	}
}

func reading(o ring.ReaderOptions) func(path string) func() error {
	return func(path string) func() error {
		return func() error {
			_, err := ring.OpenReader(background, path, o)
			return err
		}
	}
}

func leaving(o ring.ReaderOptions) func(path string) func() error {
	return func(path string) func() error {
		r, err := ring.OpenReader(background, path, o)
		proctest.Die(err)
		return func() error {
			for range 3 {
				if _, err := r.Next(background); err != nil {
					return err
				}
			}
			return errors.Join(r.Ack(), r.Close())
		}
	}
}

// nextOf is the number that the writer's next record gets.
func nextOf(w *ring.Writer) uint64 {
	s, err := w.Stats()
	proctest.Die(err)
	return s.Records + 1
}

func publishNext(w *ring.Writer, n int, size ...int) error {
	for range n {
		if _, err := w.Publish(background, pattern(nextOf(w), append(size, oddSize)[0])); err != nil {
			return err
		}
	}
	return nil
}

// deedRole does what its first argument names to the ring at its second.
func deedRole(args []string) {
	var d deed
	for _, all := range []map[string]deed{deeds, sharedDeeds, groupDeeds, evictDeeds} {
		if one, ok := all[args[0]]; ok {
			d = one
		}
	}
	do := d.begin(args[1])
	proctest.Mark()
	err := do()
	proctest.Mark()
	proctest.Die(err)
}

// A process is killed after any store of what it does: the ring is sound, nothing that was published is lost, and everybody
// can go on.
func TestWhoIsKilledAtAnyStoreLeavesARingThatGoesOn(t *testing.T) {
	for name, d := range deeds {
		t.Run(name, func(t *testing.T) { killedAtAnyStore(t, stepRing(t), name, d) })
	}
	for name, d := range groupDeeds {
		t.Run(name, func(t *testing.T) { killedAtAnyStore(t, stepRing(t), name, d) })
	}
	for name, d := range sharedDeeds {
		t.Run(name, func(t *testing.T) {
			killedAtAnyStore(t, newRing(t, ring.Config{Checksums: true, Slots: 4, Shared: true}), name, d)
		})
	}
}

func TestWhoIsKilledAtAnyStoreOfAnEvictionLeavesARingThatGoesOn(t *testing.T) {
	for name, d := range evictDeeds {
		for _, shared := range []bool{false, true} {
			if shared && name != "evict" {
				continue
			}
			t.Run(fmt.Sprintf("%s, shared is %v", name, shared), func(t *testing.T) {
				killedAtAnyStore(t, newRing(t, ring.Config{Checksums: true, Slots: 4, Shared: shared, EvictAfter: time.Hour}), name, d)
			})
		}
	}
}

func killedAtAnyStore(t *testing.T, path, name string, d deed) {
	t.Helper()
	d.make(t, path)
	length := 0 // all of it
	if !d.writes {
		length = int(inspect(t, path).DataOffset)
	}
	file, err := shm.Open(path, shm.ReadOnly, shm.Options{Length: length})
	require.NoError(t, err)
	defer file.Close()
	var states [][]byte
	n := proctest.Steps(t, func() bool {
		if now := file.Bytes(); len(states) == 0 || !bytes.Equal(now, states[len(states)-1]) {
			states = append(states, slices.Clone(now))
		}
		return true
	}, "deed", name, path)
	t.Logf("%d instructions, %d states of the file", n, len(states))
	require.Greater(t, len(states), 1)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	last := inspect(t, path)
	restored(t, path, states[0])
	first := inspect(t, path)
	before := first
	work := workLeft(t, path)
	for _, state := range states {
		copy(image, state)
		restored(t, path, image)
		info := inspect(t, path)
		require.GreaterOrEqual(t, info.NextSeq, before.NextSeq)
		require.GreaterOrEqual(t, info.Oldest, before.Oldest)
		require.LessOrEqual(t, info.NextSeq, last.NextSeq)
		if keptIn(first) != nil && keptIn(last) != nil {
			require.NotNil(t, keptIn(info), "the cursor is there all the time")
		}
		if _, ok := groupDeeds[name]; ok {
			work = lessWork(t, path, work, name)
		}
		goesOn(t, path, info)
		before = info
	}
	require.Len(t, work, toDo[name])
}

// keptIn returns the durable reader of the ring, if it has one.
func keptIn(info ring.Info) *ring.ReaderInfo {
	for _, r := range info.Readers {
		if r.Durable {
			return &r
		}
	}
	return nil
}

// goesOn lets everybody come to a ring whose processes are all dead.
func goesOn(t testing.TB, path string, info ring.Info) {
	t.Helper()
	sound(t, path)
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Reopen: true})
	require.NoError(t, err)
	require.Equal(t, info.NextSeq, w.Recovery().Next)
	require.Zero(t, w.Recovery().Lost)
	require.EqualValues(t, info.NextSeq, nextOf(w))
	o, err := ring.Observe(background, path, ring.ObserverOptions{})
	require.NoError(t, err)
	whole(t, o, info.FirstSeq, info.NextSeq-1)
	if kept := keptIn(info); kept != nil {
		require.Equal(t, "keep", kept.Name)
		if kept.State == "active" {
			require.GreaterOrEqual(t, kept.Cursor, info.Oldest)
		}
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "keep", Durable: true})
		require.NoError(t, err)
		if kept.Lost > 0 {
			rec, err := r.Next(background)
			require.NoError(t, err)
			require.Equal(t, [2]uint64{kept.Seq + kept.Lost, kept.Lost}, [2]uint64{rec.Seq, rec.Lost})
			kept.Seq, kept.Lost = rec.Seq+1, 0
		}
		whole(t, r, kept.Seq, info.NextSeq-1)
		require.NoError(t, ring.RemoveReader(background, path, "keep", false))
	}
	require.NoError(t, publishNext(w, 130)) // round the ring, twice: nobody dead holds it back
	require.NoError(t, ring.AddReader(background, path, "keep", ring.Oldest))
	require.NoError(t, w.Close())
	sound(t, path)
}

// whole requires that exactly the records first to last come, each with its own bytes, and closes who read them.
func whole(t testing.TB, from interface {
	nexter
	io.Closer
}, first, last uint64) {
	t.Helper()
	for seq := first; seq <= last; seq++ {
		rec, err := from.Next(background)
		require.NoError(t, err)
		require.Equal(t, seq, rec.Seq)
		require.True(t, bytes.Equal(pattern(seq, len(rec.Payload)), rec.Payload), "record %d", seq)
	}
	dry(t, from)
	require.NoError(t, from.Close())
}
