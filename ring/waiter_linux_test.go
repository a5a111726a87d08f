package ring_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// anyOf makes n rings, each with its writer and, in turns, a reader or an observer.
func anyOf(t testing.TB, n int) (writers []*ring.Writer, sources []source, w *ring.Waiter) {
	t.Helper()
	var rings []ring.Waitable
	for i := range n {
		path := newRing(t, ring.Config{Slots: 1, WakeAlways: i%4 == 3})
		writers = append(writers, openWriter(t, path))
		var s source
		if i%2 == 0 {
			s = openReader(t, path, ring.ReaderOptions{})
		} else {
			s = observe(t, path, ring.ObserverOptions{})
		}
		sources = append(sources, s)
		rings = append(rings, s.(ring.Waitable))
	}
	return writers, sources, ring.NewWaiter(rings...)
}

// found is an answer of a Waiter.
type found struct {
	i   int
	err error
}

func (f found) String() string { return fmt.Sprintf("%d: %v", f.i, f.err) }

// waitFor starts a wait and returns when it sleeps.
func waitFor(t testing.TB, ctx context.Context, w *ring.Waiter) <-chan found {
	t.Helper()
	answer := make(chan found, 1)
	go func() {
		i, err := w.Wait(ctx)
		answer <- found{i, err}
	}()
	asleep(t, 1)
	return answer
}

func TestAWaiterIsWokenByEachOfItsRings(t *testing.T) {
	for _, n := range []int{1, 2, 4, 64, 127, 128, 200} { // one sleep has room for 127
		writers, sources, w := anyOf(t, n)
		for _, i := range []int{0, n - 1, n / 2, n / 3, 2 % n, 3 % n} {
			seq := uint64(1)
			if stats, err := writers[i].Stats(); err == nil {
				seq += stats.Records
			}
			answer := waitFor(t, background, w)
			publish(t, writers[i], 1)
			require.Equal(t, found{i, nil}, <-answer, "of %d", n)
			next(t, sources[i], seq)
		}
	}
}

func TestAWaiterLooksAtEachRingInTurn(t *testing.T) {
	const n, rounds = 5, 100
	writers, sources, w := anyOf(t, n)
	for _, wr := range writers {
		publish(t, wr, rounds)
	}
	for round := range rounds {
		for i := range n {
			got, err := w.Wait(background)
			require.NoError(t, err)
			require.Equal(t, i, got, "all have records all the time")
			next(t, sources[i], uint64(round+1))
		}
	}
}

func TestWaitAnyBeginsAnywhere(t *testing.T) {
	writers, sources, _ := anyOf(t, 3)
	for _, w := range writers {
		publish(t, w, 1)
	}
	counts := [3]int{}
	for range 1000 {
		i, err := ring.WaitAny(background, sources[0].(ring.Waitable), sources[1].(ring.Waitable), sources[2].(ring.Waitable))
		require.NoError(t, err)
		counts[i]++
	}
	for i, n := range counts {
		require.NotZero(t, n, "ring %d has starved: %v", i, counts)
	}
}

func TestARingThatEndsIsNamedAndTheOthersGoOn(t *testing.T) {
	writers, sources, w := anyOf(t, 3)
	publish(t, writers[1], 1)
	require.NoError(t, writers[1].End())
	i, err := w.Wait(background)
	require.NoError(t, err, "there is a record still")
	require.Equal(t, 1, i)
	next(t, sources[1], 1)
	i, err = w.Wait(background)
	require.ErrorIs(t, err, io.EOF)
	require.ErrorContains(t, err, writers[1].Path())
	require.Equal(t, 1, i)
	publish(t, writers[2], 1)
	i, err = w.Wait(background)
	require.NoError(t, err)
	require.Equal(t, 2, i)
}

func TestWhileItWaitsARingOfAWaiterMayEndOrBeClosed(t *testing.T) {
	writers, sources, w := anyOf(t, 3)
	answer := waitFor(t, background, w)
	require.NoError(t, writers[0].End())
	got := <-answer
	require.Equal(t, 0, got.i)
	require.ErrorIs(t, got.err, io.EOF)

	rest := ring.NewWaiter(sources[1].(ring.Waitable), sources[2].(ring.Waitable))
	answer = waitFor(t, background, rest)
	require.NoError(t, sources[1].Close())
	got = <-answer
	require.Equal(t, 0, got.i)
	require.ErrorIs(t, got.err, os.ErrClosed)
	require.ErrorContains(t, got.err, writers[1].Path())
	i, err := rest.Wait(background)
	require.Equal(t, 0, i)
	require.ErrorIs(t, err, os.ErrClosed, "as often as it is asked")

	publish(t, writers[2], 1)
	next(t, sources[2], 1)
}

func TestAWaiterConsumesWhenItHasToWait(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{})
	other := openReader(t, newRing(t, ring.Config{}), ring.ReaderOptions{})
	half := make([]byte, w.MaxPayload())
	for range 2 {
		_, err := w.Publish(background, half)
		require.NoError(t, err)
		_, err = r.Next(background)
		require.NoError(t, err)
	}
	blocked := make(chan error, 1)
	go func() { _, err := w.Publish(background, half); blocked <- err }() // needs what was delivered last
	i, err := ring.WaitAny(background, other, r)
	require.NoError(t, err)
	require.Equal(t, 1, i)
	require.NoError(t, <-blocked)
}

func TestAWaiterWithManualAckConsumesNothing(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{ManualAck: true})
	publish(t, w, 2)
	next(t, r, 1)
	next(t, r, 2)
	answer := waitFor(t, background, ring.NewWaiter(r))
	require.EqualValues(t, 1, inspect(t, path).Readers[0].Seq)
	publish(t, w, 1)
	require.Equal(t, found{0, nil}, <-answer)
}

func TestAWaiterLeavesAloneWhatIsLent(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, r := openWriter(t, path), openReader(t, path, ring.ReaderOptions{Leases: 2})
	publish(t, w, 1)
	one, err := r.Lease(background)
	require.NoError(t, err)
	answer := waitFor(t, background, ring.NewWaiter(r))
	require.EqualValues(t, 1, inspect(t, path).Readers[0].Seq, "it is out")
	require.NoError(t, one.Release())
	require.EqualValues(t, 2, inspect(t, path).Readers[0].Seq, "the writer has it back, though the reader waits")
	publish(t, w, 1)
	require.Equal(t, found{0, nil}, <-answer)
	two, err := r.Lease(background)
	require.NoError(t, err)
	require.EqualValues(t, 2, two.Seq)
	require.NoError(t, two.Release())
}

func TestMisuseOfAWaiterIsNamed(t *testing.T) {
	_, sources, _ := anyOf(t, 2)
	a, b := sources[0].(ring.Waitable), sources[1].(ring.Waitable)
	i, err := ring.WaitAny(background)
	require.Equal(t, -1, i)
	require.ErrorIs(t, err, ring.ErrMisuse)

	i, err = ring.NewWaiter(a, b, a).Wait(background) // twice the same
	require.Equal(t, 2, i)
	require.ErrorIs(t, err, ring.ErrMisuse)

	answer := waitFor(t, background, ring.NewWaiter(a, b))
	i, err = ring.NewWaiter(b).Wait(background)
	require.Equal(t, 0, i)
	require.ErrorIs(t, err, ring.ErrMisuse)
	_, err = sources[0].Next(background)
	require.ErrorIs(t, err, ring.ErrMisuse)
	require.NoError(t, sources[0].Close())
	require.ErrorIs(t, (<-answer).err, os.ErrClosed)
}

func TestAWaiterOfWhichOneRingRunsOnATruncatedFileOrALostOneNamesIt(t *testing.T) {
	for name, lose := range losses {
		t.Run(name, func(t *testing.T) {
			writers, sources, w := anyOf(t, 3)
			answer := waitFor(t, background, w)
			lose(t, writers[1].Path())
			got := <-answer
			require.Equal(t, 1, got.i)
			require.ErrorIs(t, got.err, ring.ErrLost)
			publish(t, writers[2], 1)
			next(t, sources[2], 1)
		})
	}
}

func TestAWaiterFollows(t *testing.T) {
	for what, fate := range fates {
		t.Run(what, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			wr := openWriter(t, path)
			r := openReader(t, path, ring.ReaderOptions{Follow: true})
			w := ring.NewWaiter(openReader(t, newRing(t, ring.Config{}), ring.ReaderOptions{}), r)
			publish(t, wr, 1)
			next(t, r, 1)
			if fate.ended {
				require.NoError(t, wr.End())
			}
			fate.lose(t, path)
			if !fate.ended {
				require.NoError(t, wr.Close())
			}
			answer := make(chan found)
			go func() { i, err := w.Wait(background); answer <- found{i, err} }()
			fate.come(t, path)
			require.Equal(t, found{1, nil}, <-answer)
			for seq := range uint64(3) {
				next(t, r, seq+1)
			}
		})
	}
}

// echoAnyRole sends back what comes through any of several rings.
func echoAnyRole(args []string) {
	w, err := ring.OpenWriter(background, args[0], ring.WriterOptions{})
	proctest.Die(err)
	var readers []*ring.Reader
	var rings []ring.Waitable
	for _, path := range args[1:] {
		r, err := ring.OpenReader(background, path, ring.ReaderOptions{})
		proctest.Die(err)
		readers, rings = append(readers, r), append(rings, r)
	}
	any := ring.NewWaiter(rings...)
	proctest.Say("ready")
	for {
		i, err := any.Wait(background)
		if err != nil {
			break
		}
		rec, err := readers[i].Next(background)
		proctest.Die(err)
		_, err = w.Publish(background, rec.Payload)
		proctest.Die(err)
	}
	proctest.Die(w.Close())
	proctest.Say("over")
}

// TestNoWakeUpOfAWaiterIsMissed: every wait is without a limit, and no time-out ever has to help.
func TestNoWakeUpOfAWaiterIsMissed(t *testing.T) {
	const n = 5
	back := newRing(t, ring.Config{})
	args := []string{back}
	var there []*ring.Writer
	for range n {
		path := newRing(t, ring.Config{})
		there, args = append(there, openWriter(t, path)), append(args, path)
	}
	r := openReader(t, back, ring.ReaderOptions{})
	any := ring.NewWaiter(openReader(t, newRing(t, ring.Config{}), ring.ReaderOptions{}), r)
	p := proctest.Start(t, "echo any", args...)
	p.Expect("ready")
	for i := 0; !enough(t, i, args...); i++ {
		_, err := there[i*7%n].Publish(background, fmt.Appendf(nil, "%d", i))
		require.NoError(t, err)
		got, err := any.Wait(background)
		require.NoError(t, err)
		require.Equal(t, 1, got)
		rec, err := r.Next(background)
		require.NoError(t, err)
		if string(rec.Payload) != fmt.Sprint(i) {
			require.Failf(t, "wrong echo", "%q, expected %d", rec.Payload, i)
		}
	}
	require.NoError(t, there[0].End())
	p.Expect("over")
	sum := uint64(0)
	for _, path := range args {
		stats := inspect(t, path).Stats
		require.Zero(t, stats.Helped)
		sum += stats.Wakes
	}
	t.Logf("%d wakes", sum)
}
