package ring_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// blocked starts a publication that a reader holds back, and returns when it sleeps.
func blocked(t *testing.T, w *ring.Writer) <-chan error {
	t.Helper()
	fill(t, w)
	answer := make(chan error, 1)
	go func() {
		_, err := w.Publish(background, make([]byte, 1000))
		answer <- err
	}()
	asleep(t, 1)
	return answer
}

func TestADeadReaderInTheWayIsRemoved(t *testing.T) {
	for _, name := range []string{"", "somebody"} {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		p := proctest.Start(t, "ephemeral", path, name)
		p.Expect("ready")
		answer := blocked(t, w)
		p.Kill()
		require.NoError(t, <-answer)
		info := inspect(t, path)
		require.Empty(t, info.Readers)
		require.EqualValues(t, 1, info.Stats.Reaped)
		require.EqualValues(t, 1, info.Stats.Blocked)
		require.NotZero(t, info.Stats.BlockedNS)
	}
}

func TestOfTheReadersInTheWayOnlyTheDeadAreRemoved(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	living := openReader(t, path, ring.ReaderOptions{})
	var dead []*proctest.Proc
	for range 3 {
		p := proctest.Start(t, "ephemeral", path, "")
		p.Expect("ready")
		dead = append(dead, p)
	}
	answer := blocked(t, w)
	for _, p := range dead {
		p.Kill()
	}
	proctest.Until(t, "they are removed", func() bool { return len(inspect(t, path).Readers) == 1 })
	asleep(t, 1)
	require.EqualValues(t, 3, inspect(t, path).Stats.Reaped)
	rec, err := living.Next(background)
	require.NoError(t, err)
	require.EqualValues(t, 1, rec.Seq)
	require.NoError(t, living.Close())
	require.NoError(t, <-answer)
}

func TestADurableCursorWithoutAProcessHoldsTheWriterBackAndIsNamed(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	p := proctest.Start(t, "reader", path, "keeper")
	p.Expect("ready")
	publish(t, w, 3)
	for _, say := range []string{"next", "next", "ack"} {
		p.Send(say)
		p.Line()
	}
	answer := blocked(t, w)
	p.Kill()
	require.Error(t, p.Wait())
	asleep(t, 1)
	info := inspect(t, path)
	require.Len(t, info.Readers, 1)
	r := info.Readers[0]
	require.Equal(t, "keeper", r.Name)
	require.Equal(t, [4]any{true, false, true, p.Pid()}, [4]any{r.Durable, r.Alive, r.HoldsBack, r.PID})
	require.EqualValues(t, 3, r.Seq)
	require.Equal(t, info.NextSeq-3, r.LagRecords)
	require.Zero(t, info.Stats.Reaped)

	again := openReader(t, path, ring.ReaderOptions{Name: "keeper", Durable: true})
	next(t, again, 3)
	rec, err := again.Next(background)
	require.NoError(t, err)
	require.Zero(t, rec.Lost)
	require.EqualValues(t, 4, rec.Seq)
	require.NoError(t, again.Ack())
	for range 3 {
		_, err = again.Next(background)
		require.NoError(t, err)
	}
	require.NoError(t, <-answer)
}

func TestAStoppedReaderIsNotRobbed(t *testing.T) {
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	p := proctest.Start(t, "ephemeral", path, "slow")
	p.Expect("ready")
	p.Stop()
	answer := blocked(t, w)
	r := inspect(t, path).Readers[0]
	require.Equal(t, [4]any{"slow", "active", true, true}, [4]any{r.Name, r.State, r.Alive, r.HoldsBack})
	select {
	case err := <-answer:
		t.Fatalf("the writer went on over a living reader: %v", err)
	default:
	}
	p.Cont()
	for seq := range uint64(3) {
		p.Send("next")
		require.Contains(t, p.Expect("record"), fmt.Sprint(seq+1))
	}
	require.NoError(t, <-answer)
	require.Zero(t, inspect(t, path).Stats.Reaped)
}

func TestAfterItsProcessDiedADurableReaderRepeatsAtMostAStride(t *testing.T) {
	const records = 2000
	path := newRing(t, ring.Config{})
	w := openWriter(t, path)
	publish(t, w, records)
	for _, read := range []int{1, 100, 1500} {
		p := proctest.Start(t, "reader", path, fmt.Sprintf("r%d", read))
		p.Expect("ready")
		for seq := range read {
			p.Send("next")
			require.Equal(t, fmt.Sprintf("%d %d", seq+1, seq+1), p.Expect("record"))
		}
		p.Kill()
		require.Error(t, p.Wait())
		r := openReader(t, path, ring.ReaderOptions{Name: fmt.Sprintf("r%d", read), Durable: true})
		rec, err := r.Next(background)
		require.NoError(t, err)
		require.Zero(t, rec.Lost)
		require.LessOrEqual(t, rec.Seq, uint64(read), "what was delivered last was not consumed")
		const stride, record = small / ring.IndexEntries, 32
		require.Less(t, uint64(read)-rec.Seq, uint64(stride/record+2))
		for seq := rec.Seq + 1; seq <= records; seq++ {
			next(t, r, seq)
		}
		require.NoError(t, r.Close())
	}
}

func TestAKilledWriterIsFollowedWithTheRightNumber(t *testing.T) {
	path := newRing(t, ring.Config{})
	r := openReader(t, path, ring.ReaderOptions{})
	v := observe(t, path, ring.ObserverOptions{})
	seq := uint64(0)
	for range 5 {
		p := proctest.Start(t, "writer", path)
		p.Expect("ready")
		for range 30 {
			seq++
			p.Send(fmt.Sprintf("publish %d", seq))
			require.Equal(t, fmt.Sprint(seq), p.Expect("published"))
		}
		p.Kill()
		require.Error(t, p.Wait())
		info := inspect(t, path)
		require.False(t, info.Clean)
		require.False(t, info.Writer.Alive)
		require.Equal(t, p.Pid(), info.Writer.PID, "people see who it was")
		require.Equal(t, seq+1, info.NextSeq)
		w := openWriter(t, path)
		seq++
		require.Equal(t, seq, publish(t, w, 1))
		require.NoError(t, w.Close())
	}
	for i := range seq {
		next(t, r, i+1)
		next(t, v, i+1)
	}
	require.EqualValues(t, 5, inspect(t, path).Stats.Recoveries)
	require.EqualValues(t, 10, inspect(t, path).Epoch)
	sound(t, path)
}

func TestTheNextWriterWakesWhoSleptThroughADeath(t *testing.T) {
	path := newRing(t, ring.Config{})
	p := proctest.Start(t, "writer", path)
	p.Expect("ready")
	answers := make(chan error)
	for _, s := range []source{openReader(t, path, ring.ReaderOptions{}), durable(t, path), observe(t, path, ring.ObserverOptions{})} {
		go func() { _, err := s.Next(background); answers <- err }()
	}
	asleep(t, 3)
	p.Kill()
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{Wait: true})
	require.NoError(t, err)
	defer w.Close()
	publish(t, w, 1)
	for range 3 {
		require.NoError(t, <-answers)
	}
}
