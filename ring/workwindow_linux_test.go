package ring_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func TestARecordIsDoneOnce(t *testing.T) {
	for _, window := range []int{0, 1, 2, 5} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		publish(t, w, 5)
		m := join(t, path, ring.GroupOptions{Window: window})
		one := work(t, m, 1, 1)
		require.NoError(t, one.Done())
		err := one.Done()
		require.ErrorIs(t, err, ring.ErrMisuse)
		require.ErrorContains(t, err, "record 1 is not out")
		named(t, err, "done", path)
		two := work(t, m, 2, 1)
		require.ErrorIs(t, one.Done(), ring.ErrMisuse, "a copy of it from long ago")
		if window < 2 {
			work(t, m, 3, 1)
			require.ErrorIs(t, two.Done(), ring.ErrMisuse, "asking for the next one said so")
		}
		require.NoError(t, m.Close())
		require.ErrorIs(t, two.Done(), os.ErrClosed)
		require.ErrorIs(t, ring.Work{}.Done(), ring.ErrMisuse)
	}
}

func TestInAWindowRecordsAreDoneInAnyOrder(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 20)
	m := join(t, path, ring.GroupOptions{Window: 4})
	var out []ring.Work
	for seq := uint64(1); seq <= 4; seq++ {
		out = append(out, work(t, m, seq, 1))
	}
	_, err := m.Next(background)
	require.ErrorIs(t, err, ring.ErrWindow)
	require.ErrorContains(t, err, "4 records are not done")
	named(t, err, "read", path)
	for i, w := range out {
		require.Equal(t, fmt.Sprint(i+1), string(w.Payload), "it stays as it is until it is done")
	}
	require.NoError(t, out[3].Done())
	require.NoError(t, out[1].Done())
	five := work(t, m, 5, 1)
	require.NoError(t, out[2].Done())
	require.NoError(t, five.Done())
	first := func() uint64 {
		low := uint64(100)
		for _, member := range group(t, path).Members {
			if member.ClaimSeq > 0 {
				low = min(low, member.ClaimSeq)
			}
		}
		return low
	}
	require.EqualValues(t, 1, first(), "the writer keeps all from the first that is not done")
	require.NoError(t, out[0].Done())
	require.Greater(t, first(), uint64(5))
	require.NoError(t, m.Close())
	n := join(t, path, ring.GroupOptions{Window: 20})
	n.Claiming(20)
	for seq := uint64(6); seq <= 20; seq++ {
		work(t, n, seq, 1)
	}
	require.NoError(t, n.Close())
	o := join(t, path, ring.GroupOptions{})
	var seen []uint64
	for range 15 {
		w, err := o.Next(background)
		require.NoError(t, err)
		require.Greater(t, w.Delivery, 1)
		seen = append(seen, w.Seq)
	}
	slices.Sort(seen)
	require.Equal(t, []uint64{6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}, seen)
	nothing(t, o)
	sound(t, path)
}

// One record that takes for ever does not keep a member from the others, until each of its claims has such a one.
func TestASlowRecordHoldsBackItsClaimAlone(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 6})
	w := openWriter(t, path)
	m, other := join(t, path, ring.GroupOptions{Window: 100}), join(t, path, ring.GroupOptions{})
	var slow []ring.Work
	for seq := uint64(1); seq <= 10; seq++ {
		publish(t, w, 1)
		if w := work(t, m, seq, 1); seq%3 == 1 {
			slow = append(slow, w)
		} else {
			require.NoError(t, w.Done())
		}
	}
	require.Len(t, slow, 4, "as many as there are slots beside the group's and the other's")
	require.Len(t, group(t, path).Members, 5)
	publish(t, w, 2)
	work(t, other, 11, 1)
	_, err := m.Next(background)
	require.ErrorIs(t, err, ring.ErrWindow)
	require.ErrorContains(t, err, "finds no slot")
	require.NoError(t, slow[2].Done())
	work(t, m, 12, 1)
	require.NoError(t, m.Close())
	m = join(t, path, ring.GroupOptions{})
	var seen []uint64
	for range 4 {
		w, err := m.Next(background)
		require.NoError(t, err)
		require.Equal(t, 2, w.Delivery)
		seen = append(seen, w.Seq)
	}
	slices.Sort(seen)
	require.Equal(t, []uint64{1, 4, 10, 12}, seen)
	nothing(t, m)
}

// A claim becomes longer where there is no slot for another one.
func TestAWindowIsFilledByRecordsThatComeOneByOne(t *testing.T) {
	for _, slots := range []int{2, 64} {
		path := newRing(t, ring.Config{Slots: slots})
		w := openWriter(t, path)
		m := join(t, path, ring.GroupOptions{Window: 100})
		var out []ring.Work
		for seq := uint64(1); seq <= 100; seq++ {
			publish(t, w, 1)
			out = append(out, work(t, m, seq, 1))
		}
		require.LessOrEqual(t, len(group(t, path).Members), 8)
		_, err := m.Next(background)
		require.ErrorIs(t, err, ring.ErrWindow)
		require.ErrorContains(t, err, "100 records are not done")
		sound(t, path)
		for i := range 50 {
			require.Equal(t, fmt.Sprint(100-i), string(out[99-i].Payload), "it stays as it is until it is done")
			require.NoError(t, out[99-i].Done())
		}
		require.EqualValues(t, 1, group(t, path).Members[0].ClaimSeq)
		publish(t, w, 1)
		require.NoError(t, work(t, m, 101, 1).Done())
		for i := range 50 {
			require.NoError(t, out[i].Done())
		}
		for _, member := range group(t, path).Members {
			require.Zero(t, member.ClaimEnd)
		}
	}
}

func TestWhatALongerClaimHadComesToAnother(t *testing.T) {
	path := newRing(t, ring.Config{Slots: 2})
	w := openWriter(t, path)
	m := join(t, path, ring.GroupOptions{Window: 9})
	publish(t, w, 1)
	work(t, m, 1, 1)
	publish(t, w, 3)
	m.Claiming(3)
	require.NoError(t, work(t, m, 2, 1).Done())
	require.NoError(t, m.Close())
	m = join(t, path, ring.GroupOptions{})
	for seq, delivery := range []int{2, 2, 1, 1} {
		work(t, m, uint64(seq+1), delivery)
	}
	nothing(t, m)
	sound(t, path)
}

func TestTheWriterWaitsForWhatIsNotDone(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	m := join(t, path, ring.GroupOptions{Window: 200})
	last := fill(t, w)
	var out []ring.Work
	for len(out) < int(last) {
		next, err := m.Next(background)
		if errors.Is(err, ring.ErrWindow) {
			break
		}
		require.NoError(t, err)
		out = append(out, next)
	}
	_, err := w.TryPublish(make([]byte, 1000))
	require.ErrorIs(t, err, ring.ErrFull, "nothing is done")
	require.True(t, group(t, path).Members[0].HoldsBack)
	for _, w := range out[1:] {
		require.NoError(t, w.Done())
	}
	_, err = w.TryPublish(make([]byte, 1000))
	require.ErrorIs(t, err, ring.ErrFull, "the first is not done")
	answer := make(chan error)
	go func() {
		_, err := w.Publish(background, make([]byte, 1000))
		answer <- err
	}()
	asleep(t, 1)
	require.NoError(t, out[0].Done())
	require.NoError(t, <-answer, "who sleeps is woken")
	require.Zero(t, inspect(t, path).Stats.Helped)
}

func TestAtTheEndMembersWaitForEachOther(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 2)
	a, b := join(t, path, ring.GroupOptions{}), join(t, path, ring.GroupOptions{})
	work(t, a, 1, 1)
	require.NoError(t, w.End())
	work(t, b, 2, 1)
	answer := make(chan error)
	go func() {
		_, err := b.Next(background)
		answer <- err
	}()
	asleep(t, 1)
	_, err := a.Next(background)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorIs(t, <-answer, io.EOF)
	require.Zero(t, inspect(t, path).Stats.Helped)

	path = newRing(t, ring.Config{})
	w = openWriter(t, path)
	publish(t, w, 2)
	a, b = join(t, path, ring.GroupOptions{}), join(t, path, ring.GroupOptions{})
	work(t, a, 1, 1)
	require.NoError(t, w.End())
	work(t, b, 2, 1)
	go func() {
		w, err := b.Next(background)
		if err == nil && (w.Seq != 1 || w.Delivery != 2) {
			err = fmt.Errorf("record %d for the %d. time", w.Seq, w.Delivery)
		}
		answer <- err
	}()
	asleep(t, 1)
	require.NoError(t, a.Close())
	require.NoError(t, <-answer, "what another leaves comes before the end")
	_, err = b.Next(background)
	require.ErrorIs(t, err, io.EOF)
}

func TestAtTheEndAMemberWithRecordsOfItsOwnDoesNotWait(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 2)
	a, b := join(t, path, ring.GroupOptions{Window: 2}), join(t, path, ring.GroupOptions{Window: 2})
	one := work(t, a, 1, 1)
	two := work(t, b, 2, 1)
	require.NoError(t, w.End())
	for _, m := range []*ring.Member{a, b} {
		_, err := m.Next(background)
		require.ErrorIs(t, err, ring.ErrWindow)
		require.ErrorContains(t, err, "the ring has ended")
	}
	require.NoError(t, one.Done())
	answer := make(chan error)
	go func() {
		_, err := a.Next(background)
		answer <- err
	}()
	asleep(t, 1)
	require.NoError(t, two.Done())
	require.ErrorIs(t, <-answer, io.EOF)
	_, err := b.Next(background)
	require.ErrorIs(t, err, io.EOF)
}

func TestCloseAndContextEndAMembersWait(t *testing.T) {
	path := newRing(t, ring.Config{})
	m := join(t, path, ring.GroupOptions{})
	ctx, cancel := withCause()
	for _, end := range []func(){func() { cancel(errEnough) }, func() { m.Close() }} {
		answer := make(chan error)
		go func() {
			_, err := m.Next(ctx)
			answer <- err
		}()
		asleep(t, 1)
		end()
		err := <-answer
		require.True(t, errors.Is(err, errEnough) || errors.Is(err, os.ErrClosed), err)
		ctx = context.Background()
	}
	_, err := m.Stats()
	require.ErrorIs(t, err, os.ErrClosed)
	require.Empty(t, group(t, path).Members)
}

func TestAMemberThatRunsOnATruncatedFileGetsAnError(t *testing.T) {
	for _, size := range []int64{0, ring.HeaderSize, 64 << 10} {
		for _, window := range []int{1, 4} {
			path := newRing(t, ring.Config{})
			publish(t, openWriter(t, path), 2000)
			m := join(t, path, ring.GroupOptions{Window: window, From: ring.Oldest})
			got, err := m.Next(background)
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, size))
			if size < 64<<10 { // else the counters are still there
				err = got.Done()
				require.ErrorIs(t, err, ring.ErrLost)
				named(t, err, "done", path)
			}
			for err = nil; err == nil; _, err = m.Next(background) {
				_ = got.Done() // what is copied may still come
			}
			require.ErrorIs(t, err, ring.ErrLost, "size %d, window %d", size, window)
			named(t, err, "read", path)
			_, err = m.Next(background)
			require.ErrorIs(t, err, ring.ErrLost)
			require.NoError(t, m.Close())
			require.ErrorIs(t, got.Done(), os.ErrClosed)
		}
	}
}

// Close comes while others say what is done.
func TestCloseRacesWithDone(t *testing.T) {
	t.Cleanup(ring.Heap())
	for range 100 / slower {
		path := newRing(t, ring.Config{})
		publish(t, openWriter(t, path), 100)
		before := fmt.Sprint(mappings(t, path))
		m := join(t, path, ring.GroupOptions{Window: 100})
		m.Claiming(100)
		works := make(chan ring.Work, 100)
		for range 100 {
			w, err := m.Next(background)
			require.NoError(t, err)
			works <- w
		}
		close(works)
		answers, begun := make(chan error), make(chan struct{}, 100)
		for range 4 {
			go func() {
				var err error
				for w := range works {
					if e := w.Done(); e != nil && !errors.Is(e, os.ErrClosed) {
						err = e
					}
					begun <- struct{}{}
				}
				answers <- err
			}()
		}
		<-begun
		require.NoError(t, m.Close())
		for range 4 {
			require.NoError(t, <-answers)
		}
		require.Equal(t, before, fmt.Sprint(mappings(t, path)), "mappings and descriptors")
		sound(t, path)
	}
}

func TestWhatIsDoneDoesNotComeAgainAfterABreak(t *testing.T) {
	path := newRing(t, ring.Config{})
	publish(t, openWriter(t, path), 7)
	m := join(t, path, ring.GroupOptions{})
	m.Claiming(7)
	left := func(want []uint64, done ...int) {
		for batch := range m.Batches(background, 7) {
			var got []uint64
			for _, w := range batch {
				require.Equal(t, 1, w.Delivery)
				got = append(got, w.Seq)
			}
			require.Equal(t, want, got)
			for _, i := range done {
				require.NoError(t, batch[i].Done())
			}
			break
		}
		require.NoError(t, m.Err())
	}
	left([]uint64{1, 2, 3, 4, 5, 6, 7}, 1, 4, 6)
	left([]uint64{1}) // a batch ends where something was done
	left([]uint64{1}, 0)
	left([]uint64{3, 4}, 1)
	left([]uint64{3})
	work(t, m, 3, 1)
	require.EqualValues(t, 3, group(t, path).Members[0].ClaimSeq)
	work(t, m, 6, 1)
	nothing(t, m)
	require.NoError(t, m.Close())
	require.Empty(t, group(t, path).Members)
}
