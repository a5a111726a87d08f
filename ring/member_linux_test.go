package ring_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/ring"
)

func join(t testing.TB, path string, o ring.GroupOptions) *ring.Member {
	t.Helper()
	m, err := ring.JoinGroup(background, path, "workers", o)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

// work requires that record seq comes next, for the delivery-th time, with its number as payload.
func work(t testing.TB, m *ring.Member, seq uint64, delivery int) ring.Work {
	t.Helper()
	w, err := m.Next(background)
	require.NoError(t, err)
	require.Equal(t, seq, w.Seq)
	require.Equal(t, delivery, w.Delivery, "record %d", seq)
	require.Equal(t, fmt.Sprint(seq), string(w.Payload))
	return w
}

// nothing requires that no record is there for m: it would have to wait.
func nothing(t testing.TB, m *ring.Member) {
	t.Helper()
	ctx, cause := ended()
	_, err := m.Next(ctx)
	if err == nil {
		_, err = m.Next(ctx)
	}
	require.ErrorIs(t, err, cause)
}

// group returns the only group of a ring.
func group(t testing.TB, path string) ring.GroupInfo {
	t.Helper()
	info := inspect(t, path)
	require.Len(t, info.Groups, 1)
	return info.Groups[0]
}

// tally counts what members had.
type tally struct {
	mu    sync.Mutex
	times map[uint64]int
}

// take does what comes to m until the ring ends, and says that all of it came for the first time.
func (c *tally) take(m *ring.Member, size func(uint64) int, each func(work ring.Work) error) error {
	for w := range m.Records(background) {
		if w.Delivery != 1 || string(w.Payload) != string(pattern(w.Seq, size(w.Seq))) {
			return fmt.Errorf("record %d for the %d. time: %d bytes", w.Seq, w.Delivery, len(w.Payload))
		}
		c.mu.Lock()
		c.times[w.Seq]++
		c.mu.Unlock()
		if err := each(w); err != nil {
			return err
		}
	}
	return m.Err()
}

// Members of all kinds, one that comes and goes, one that is slow: where nobody dies each record comes to one of them,
// once.
func TestEachRecordGoesToOneMember(t *testing.T) {
	records := uint64(40_000 / slower)
	for name, config := range modes {
		t.Run(name, func(t *testing.T) {
			path := onHeap(t, config)
			w := openWriter(t, path)
			size := func(seq uint64) int { return int(seq * seq % 401) }
			c := tally{times: map[uint64]int{}}
			done := make(chan error)
			again := func(ring.Work) error { return nil }
			for range 2 {
				m := join(t, path, ring.GroupOptions{})
				go func() { done <- c.take(m, size, again) }()
			}
			pool := join(t, path, ring.GroupOptions{Window: 40})
			go func() { done <- inPool(&c, pool, size) }()
			go func() { done <- comesAndGoes(&c, path, size) }()
			stop := make(chan struct{})
			go func() { done <- visit(path, stop) }()
			for seq := uint64(1); seq <= records; {
				n, err := publishSome(w, seq, records, size)
				require.NoError(t, err)
				seq += n
			}
			require.NoError(t, w.End())
			for range 4 {
				require.NoError(t, <-done)
			}
			close(stop)
			require.NoError(t, <-done)
			require.Len(t, c.times, int(records))
			for seq, times := range c.times {
				require.Equal(t, 1, times, "record %d", seq)
			}
			require.Equal(t, records+1, group(t, path).Seq)
		})
	}
}

// inPool has four goroutines do what comes to m, in any order.
func inPool(c *tally, m *ring.Member, size func(uint64) int) error {
	todo, done := make(chan ring.Work), make(chan error, 4)
	slots := make(chan struct{}, 40) // as many as the window
	for range 4 {
		go func() {
			for w := range todo {
				if err := w.Done(); err != nil {
					done <- err
					return
				}
				<-slots
			}
			done <- nil
		}()
	}
	var err error
	for err == nil {
		slots <- struct{}{}
		var w ring.Work
		if w, err = m.Next(background); errors.Is(err, ring.ErrWindow) { // one of the claims has a record that is not done
			<-slots
			err = nil
			continue
		}
		if err != nil {
			break
		}
		c.mu.Lock()
		c.times[w.Seq]++
		c.mu.Unlock()
		if w.Delivery != 1 || string(w.Payload) != string(pattern(w.Seq, size(w.Seq))) {
			err = fmt.Errorf("record %d for the %d. time: %d bytes", w.Seq, w.Delivery, len(w.Payload))
			break
		}
		todo <- w
	}
	close(todo)
	for range 4 {
		err = cmpErr(<-done, err)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// comesAndGoes joins, does ten records, and leaves, again and again.
func comesAndGoes(c *tally, path string, size func(uint64) int) error {
	for {
		m, err := ring.JoinGroup(background, path, "workers", ring.GroupOptions{})
		if err != nil {
			return err
		}
		left := 10
		err = c.take(m, size, func(w ring.Work) error {
			if left--; left > 0 {
				return nil
			}
			return errors.Join(w.Done(), errEnough)
		})
		if e := m.Close(); e != nil {
			return e
		}
		if !errors.Is(err, errEnough) {
			return err
		}
	}
}

func TestWhatAMemberDoesNotDoComesToAnother(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 10)
	a := join(t, path, ring.GroupOptions{})
	a.Claiming(7)
	for seq := uint64(1); seq <= 4; seq++ {
		work(t, a, seq, 1)
	}
	require.NoError(t, a.Close())
	b := join(t, path, ring.GroupOptions{})
	work(t, b, 4, 2) // a had it and did not say that it was done
	work(t, b, 5, 1) // a had claimed it, too, and nobody had it
	stats, err := b.Stats()
	require.NoError(t, err)
	require.Equal(t, ring.MemberStats{Records: 2, Bytes: 2, Again: 1, Rescued: 1}, stats)
	require.NoError(t, b.Close())
	c := join(t, path, ring.GroupOptions{})
	require.NoError(t, work(t, c, 5, 3).Done())
	require.NoError(t, c.Close())
	d := join(t, path, ring.GroupOptions{})
	for seq := uint64(6); seq <= 10; seq++ {
		work(t, d, seq, 1)
	}
	nothing(t, d)
	require.NoError(t, d.Close())
	require.NoError(t, w.Close())
	sound(t, path)
	require.Empty(t, group(t, path).Members)
}

func TestAskingForTheNextRecordSaysThatTheOneBeforeIsDone(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, 9)
	m := join(t, path, ring.GroupOptions{})
	for seq := uint64(1); seq <= 3; seq++ {
		work(t, m, seq, 1)
		g := group(t, path)
		require.Equal(t, seq, g.Members[0].ClaimSeq, "it is still not done")
	}
	for w := range m.Records(background) {
		require.EqualValues(t, 4, w.Seq)
		break // and does not say that it is done
	}
	require.NoError(t, m.Err())
	require.Panics(t, func() {
		for w := range m.Records(background) {
			require.EqualValues(t, 4, w.Seq, "it comes again")
			require.EqualValues(t, 1, w.Delivery, "to the same member")
			panic("in the body")
		}
	})
	for w := range m.Records(background) {
		require.EqualValues(t, 4, w.Seq)
		require.NoError(t, w.Done())
		break
	}
	var last ring.Work
	for w := range m.Records(background) {
		last = w
		break
	}
	require.EqualValues(t, 5, last.Seq)
	require.NoError(t, last.Done(), "also behind the loop")
	require.ErrorIs(t, last.Done(), ring.ErrMisuse)
	var got []uint64
	for batch := range m.Batches(background, 2) {
		for _, w := range batch {
			got = append(got, w.Seq)
		}
		require.LessOrEqual(t, len(batch), 2)
		if len(got) >= 3 {
			break
		}
	}
	require.Equal(t, []uint64{6, 7, 8, 9}[:len(got)], got)
	again, err := m.Next(background)
	require.NoError(t, err)
	require.LessOrEqual(t, again.Seq, got[len(got)-1], "the last batch was left")
}

// Records larger than what a member copies at a time, and padding.
func TestAMemberGetsLargeRecordsWhole(t *testing.T) {
	for name, config := range modes {
		t.Run(name, func(t *testing.T) {
			path := newRing(t, config)
			w := openWriter(t, path)
			for _, window := range []int{1, 3} {
				m := join(t, path, ring.GroupOptions{Window: window})
				for _, size := range slices.Concat(sizes, []int{20_000, 5000, 20_000}) {
					size = min(size, w.MaxPayload())
					next := nextOf(w)
					seq, err := w.PublishTagged(background, uint16(size), pattern(next, size))
					require.NoError(t, err)
					got, err := m.Next(background)
					require.NoError(t, err)
					require.Equal(t, seq, got.Seq)
					require.Equal(t, uint16(size), got.Tag)
					require.Equal(t, pattern(seq, size), got.Payload)
					require.NoError(t, got.Done())
				}
				require.NoError(t, m.Close())
			}
			sound(t, path)
		})
	}
}

// A member claims no more than it copies at a time, or one larger record: the rest is for others.
func TestALargeRecordIsClaimedAlone(t *testing.T) {
	for _, c := range []struct {
		size int
		more bool
	}{{100, true}, {15 << 10, true}, {16<<10 - 16, false}, {16 << 10, false}, {20_000, false}} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		patterns(t, w, 1, 1, c.size)
		end := inspect(t, path).Published
		patterns(t, w, 2, 5, 100)
		m := join(t, path, ring.GroupOptions{})
		m.Claiming(10)
		_, err := m.Next(background)
		require.NoError(t, err)
		require.Equal(t, c.more, group(t, path).Cursor > end, "%d bytes", c.size)
		require.LessOrEqual(t, group(t, path).Cursor, max(end, 16<<10))
	}
}
