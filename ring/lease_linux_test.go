package ring_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

func lease(t testing.TB, r *ring.Reader, seq uint64) ring.Lease {
	t.Helper()
	l, err := r.Lease(background)
	require.NoError(t, err)
	require.Equal(t, seq, l.Seq)
	return l
}

// cursorOf is the position of the ring's only reader, as the writer sees it.
func cursorOf(t testing.TB, path string) uint64 {
	t.Helper()
	readers := inspect(t, path).Readers
	require.Len(t, readers, 1)
	return readers[0].Cursor
}

func TestALeaseIsTheRecordWhereItLies(t *testing.T) {
	for mode, config := range modes {
		t.Run(mode, func(t *testing.T) {
			path := newRing(t, config)
			w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
			seq := uint64(0)
			for range 5 { // several times round the ring
				for _, n := range []int{0, 1, 15, 16, 17, 1000, w.MaxPayload() - 1, w.MaxPayload()} {
					seq++
					want := pattern(seq, n)
					_, err := w.PublishTagged(background, uint16(seq), want)
					require.NoError(t, err)
					l := lease(t, r, seq)
					require.Equal(t, uint16(seq), l.Tag)
					require.Zero(t, l.Lost)
					require.True(t, bytes.Equal(want, l.Payload))
					require.Equal(t, n, cap(l.Payload), "who appends to it must not reach what follows")
					require.Equal(t, config.Timestamps, !l.Time().IsZero())
					require.NoError(t, l.Use(func(b []byte) error {
						require.True(t, bytes.Equal(want, b))
						return nil
					}))
					require.NoError(t, l.Release())
				}
			}
			stats, err := r.Stats()
			require.NoError(t, err)
			require.Equal(t, seq, stats.Records)
			sound(t, path)
		})
	}
}

func TestTheCursorMovesOverWhatIsReleasedBeforeTheFirstLeaseThatIsOut(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Leases: 8})
	last := fill(t, w)
	leases := make([]ring.Lease, 8)
	for i := range leases {
		leases[i] = lease(t, r, uint64(i+1))
	}
	full := func() {
		t.Helper()
		_, err := w.TryPublish(make([]byte, 3000))
		require.ErrorIs(t, err, ring.ErrFull)
	}
	poke32(t, path, ring.OffSpaceWake, 1) // the writer sleeps: what can be stored is
	for _, i := range []int{3, 1, 7, 2} {
		require.NoError(t, leases[i].Release())
		require.Zero(t, cursorOf(t, path), "the first is out")
		full()
	}
	require.NoError(t, leases[0].Release())
	const whole = 1024 // of each record, header and all
	require.EqualValues(t, 4*whole, cursorOf(t, path), "the fifth is the first now")
	_, err := w.TryPublish(make([]byte, 3000))
	require.NoError(t, err)
	full()
	for i := uint64(9); i <= 9+3; i++ { // the window has room for those that are back
		require.NoError(t, lease(t, r, i).Release())
	}
	poke32(t, path, ring.OffSpaceWake, 1)
	require.NoError(t, leases[5].Release())
	require.EqualValues(t, 4*whole, cursorOf(t, path))
	poke32(t, path, ring.OffSpaceWake, 1)
	require.NoError(t, leases[4].Release())
	require.EqualValues(t, 6*whole, cursorOf(t, path))
	require.NoError(t, leases[6].Release())
	for i := uint64(13); i <= last+1; i++ {
		require.NoError(t, lease(t, r, i).Release())
	}
	ctx, cause := ended()
	_, err = r.Lease(ctx)
	require.ErrorIs(t, err, cause)
	require.Equal(t, inspect(t, path).Published, cursorOf(t, path), "who waits holds nothing back")
}

func TestNoMoreLeasesAreOutThanMayBe(t *testing.T) {
	for leases, most := range map[int]int{0: 64, 1: 1, 2: 2, 5: 5, 4096: 4096} {
		path := newRing(t, ring.Config{Capacity: 1 << 20})
		w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Leases: leases})
		publish(t, w, most+2)
		var out []ring.Lease
		for i := range most {
			out = append(out, lease(t, r, uint64(i+1)))
		}
		for range 2 {
			_, err := r.Lease(background)
			require.ErrorIs(t, err, ring.ErrWindow)
			require.ErrorContains(t, err, fmt.Sprintf("%d leases are out", most))
			named(t, err, "lease", path)
		}
		require.NoError(t, out[len(out)-1].Release())
		if most > 1 {
			_, err := r.Lease(background)
			require.ErrorIs(t, err, ring.ErrWindow, "the first is still out")
		}
		require.NoError(t, errors.Join(releaseAll(out[:most-1])...))
		require.NoError(t, lease(t, r, uint64(most+1)).Release())
	}
}

func releaseAll(leases []ring.Lease) (errs []error) {
	for _, l := range leases {
		errs = append(errs, l.Release())
	}
	return errs
}

func TestALeaseIsReleasedOnce(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Leases: 4})
	publish(t, w, 100)
	first, second := lease(t, r, 1), lease(t, r, 2)
	again := func(l ring.Lease) {
		t.Helper()
		err := l.Release()
		require.ErrorIs(t, err, ring.ErrMisuse)
		require.ErrorContains(t, err, fmt.Sprintf("the lease of record %d has been released", l.Seq))
		named(t, err, "release", path)
		err = l.Use(func([]byte) error { panic("it is somebody else's") })
		require.ErrorIs(t, err, ring.ErrMisuse)
		named(t, err, "use", path)
	}
	require.NoError(t, second.Release())
	again(second)
	require.NoError(t, first.Release())
	again(first)
	again(second)
	for i := uint64(3); i < 50; i++ { // its place in the window is another's
		l := lease(t, r, i)
		again(first)
		again(second)
		require.NoError(t, l.Release())
	}
	require.ErrorIs(t, ring.Lease{}.Release(), ring.ErrMisuse)
	require.ErrorIs(t, ring.Lease{}.Use(nil), ring.ErrMisuse)
}

func TestWhileLeasesAreOutNothingElseConsumes(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	publish(t, w, 20)
	next(t, r, 1)
	next(t, r, 2) // delivered, and consumed by the next call, which lends
	third, fourth := lease(t, r, 3), lease(t, r, 4)
	calls := map[string]func() error{
		"next":    func() error { return second(r.Next(background)) },
		"read":    func() error { return second(r.Read(background, make([]byte, 10))) },
		"records": func() error { return first(background, r) },
		"batches": func() error {
			for range r.Batches(background, 3) {
				break
			}
			return r.Err()
		},
		"ack":    r.Ack,
		"ack to": func() error { return r.AckTo(1) },
		"seek":   func() error { return r.SeekTo(background, ring.Oldest) },
	}
	refused := func(text string) {
		t.Helper()
		for name, call := range calls {
			err := call()
			require.ErrorIs(t, err, ring.ErrLeased, name)
			require.ErrorContains(t, err, text, name)
			require.ErrorContains(t, err, path, name)
		}
	}
	refused("of records 3 to 4")
	require.NoError(t, third.Release())
	refused("of records 4")
	records, _, err := r.Lag()
	require.NoError(t, err)
	require.EqualValues(t, 17, records, "the fourth is not consumed")
	remaining, err := r.Remaining()
	require.NoError(t, err)
	require.EqualValues(t, 16, remaining)
	share, err := r.Pressure()
	require.NoError(t, err)
	require.InDelta(t, 17*32./small, share, 1e-9)
	require.NoError(t, fourth.Release())

	next(t, r, 5)
	require.NoError(t, lease(t, r, 6).Release())
	for rec := range r.Records(background) { // whose body lends
		require.EqualValues(t, 7, rec.Seq)
		require.NoError(t, lease(t, r, 8).Release())
		break
	}
	require.NoError(t, r.AckTo(7))
	next(t, r, 9)
	require.NoError(t, lease(t, r, 10).Release())
	require.NoError(t, r.SeekTo(background, ring.Seq(15)))
	require.NoError(t, lease(t, r, 15).Release())
	require.NoError(t, r.Close())
	next(t, openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true}), 16)
}

func TestALeaseThatIsOutAtCloseIsNamedAndKeepsItsMemory(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 100)
	before, descriptors := mappings(t, path)
	r, err := ring.OpenReader(background, path, ring.ReaderOptions{Leases: 64})
	require.NoError(t, err)
	out := map[uint64]ring.Lease{}
	for seq := range uint64(40) {
		out[seq+1] = lease(t, r, seq+1)
	}
	for _, seq := range []uint64{2, 3, 5, 10, 12, 14, 16, 18, 20, 22, 24, 40} {
		require.NoError(t, out[seq].Release())
		delete(out, seq)
	}
	err = r.Close()
	require.ErrorIs(t, err, ring.ErrLeased)
	require.ErrorContains(t, err, "of records 1, 4, 6 to 9, 11, 13, 15, 17, 19, and 17 more")
	named(t, err, "close", path)
	require.NoError(t, r.Close(), "again")
	_, err = r.Lease(background)
	require.ErrorIs(t, err, os.ErrClosed)
	maps, _ := mappings(t, path)
	require.Greater(t, maps, before)
	require.Len(t, inspect(t, path).Readers, 1, "the writer goes on waiting for it")

	left := len(out)
	for seq, l := range out { // in any order
		require.NoError(t, l.Use(func(b []byte) error {
			require.Equal(t, fmt.Sprint(seq), string(b))
			return nil
		}))
		require.NoError(t, l.Release())
		require.ErrorIs(t, l.Release(), ring.ErrMisuse)
		if left--; left > 0 {
			maps, _ := mappings(t, path)
			require.Greater(t, maps, before)
		}
	}
	maps, d := mappings(t, path)
	require.Equal(t, [2]int{before, descriptors}, [2]int{maps, d})
	require.Empty(t, inspect(t, path).Readers)
}

func TestADurableCursorStaysAtTheFirstLeaseThatWasNotReleased(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	patterns(t, w, 1, 20, 2000)
	p := proctest.Start(t, "lease", path, "keep")
	p.Expect("leased")
	p.Kill()
	require.Error(t, p.Wait())
	r := openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	whole(t, r, 3, 20)
	sound(t, path)
}

// leaseRole leases five records, releases all but the third and says so.
func leaseRole(args []string) {
	r, err := ring.OpenReader(background, args[0], ring.ReaderOptions{Name: args[1], Durable: true})
	proctest.Die(err)
	var leases []ring.Lease
	for range 5 {
		l, err := r.Lease(background)
		proctest.Die(err)
		leases = append(leases, l)
	}
	for _, i := range []int{4, 0, 3, 1} {
		proctest.Die(leases[i].Release())
	}
	proctest.Say("leased")
	proctest.Hear()
}

func TestWhoGetsNoLeasesIsToldWhy(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 3)
	r := openReader(t, path, ring.ReaderOptions{ManualAck: true})
	_, err := r.Lease(background)
	require.ErrorIs(t, err, ring.ErrMisuse)
	require.ErrorContains(t, err, "a reader with ManualAck has no leases")
	named(t, err, "lease", path)
	next(t, r, 1)
	for _, n := range []int{-1, 4097} {
		_, err = ring.OpenReader(background, path, ring.ReaderOptions{Leases: n})
		require.ErrorIs(t, err, ring.ErrConfig)
		require.ErrorContains(t, err, fmt.Sprintf("%d leases: must be 0 to 4096", n))
		named(t, err, "open reader", path)
	}

	page := make([]byte, ring.HeaderSize)
	_, err = raw(t, path).ReadAt(page, 0)
	require.NoError(t, err)
	page[ring.OffMode] |= ring.ModeEvict
	le.PutUint32(page[ring.OffChecksum:], ring.HeaderSum(page))
	overwrite(t, path, 0, page)
	_, err = openReader(t, path, ring.ReaderOptions{}).Lease(background)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "no leases in a ring that may evict its readers")
}

func TestALeaseOfAReaderThatWasDroppedSaysSo(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Name: "keep", Durable: true})
	publish(t, w, 3)
	l := lease(t, r, 1)
	require.NoError(t, ring.RemoveReader(background, path, "keep", true))
	err := l.Use(func([]byte) error { return nil })
	require.ErrorIs(t, err, ring.ErrEvicted)
	named(t, err, "use", path)
	require.NoError(t, l.Release())
	_, err = r.Lease(background)
	require.ErrorIs(t, err, ring.ErrEvicted)
	require.NoError(t, r.Close())
}

func TestLeasesEndWithTheRing(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	publish(t, w, 2)
	require.NoError(t, w.End())
	first, second := lease(t, r, 1), lease(t, r, 2)
	_, err := r.Lease(background)
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, errors.Join(second.Release(), first.Release()))
	_, err = r.Lease(background)
	require.ErrorIs(t, err, io.EOF)
}

func TestAFollowerLendsFromTheNextRingWhenNothingOfThisOneIsOut(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Follow: true})
	publish(t, w, 2)
	l := lease(t, r, 1)
	require.NoError(t, lease(t, r, 2).Release())
	require.NoError(t, w.End())
	replace(t, path)
	_, err := r.Lease(background)
	require.ErrorIs(t, err, ring.ErrLeased)
	require.ErrorContains(t, err, "of records 1: and nothing more comes here: EOF")
	require.Equal(t, "1", string(l.Payload))
	require.NoError(t, l.Release())
	for seq := range uint64(3) {
		require.NoError(t, lease(t, r, seq+1).Release())
	}
	require.Equal(t, inspect(t, path).Published, func() uint64 {
		ctx, _ := ended()
		_, err := r.Lease(ctx)
		require.Error(t, err)
		return cursorOf(t, path)
	}())
}
