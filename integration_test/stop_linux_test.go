package integration_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

// opened makes a small ring and its writer.
func opened(t *testing.T) (string, *ring.Writer) {
	t.Helper()
	path := ringtest.Path(t, ring.Config{Capacity: 64 << 10})
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return path, w
}

// fill publishes until the ring is full and returns the number of the last record.
func fill(t *testing.T, w *ring.Writer) (last uint64) {
	t.Helper()
	stats, err := w.Stats()
	require.NoError(t, err)
	var b []byte
	for seq := stats.Records + 1; ; seq++ {
		b = content(seq, b)
		got, err := w.TryPublishTagged(tag(seq), b)
		if err != nil {
			require.ErrorIs(t, err, ring.ErrFull)
			return seq - 1
		}
		require.Equal(t, seq, got)
	}
}

// publishing publishes record seq when there is room for it.
func publishing(w *ring.Writer, seq uint64) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := w.PublishTagged(background, tag(seq), content(seq, nil))
		done <- err
	}()
	return done
}

// holdsBack requires that one reader is registered and holds the writer back.
func holdsBack(t *testing.T, path string, alive bool) ring.ReaderInfo {
	t.Helper()
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Len(t, info.Readers, 1)
	require.Equal(t, alive, info.Readers[0].Alive)
	require.True(t, info.Readers[0].HoldsBack)
	return info.Readers[0]
}

func TestAStoppedReaderIsWaitedForAndADeadOneIsNot(t *testing.T) {
	path, w := opened(t)
	reader := proctest.Start(t, "reader", path, "-", filepath.Join(t.TempDir(), "notes"))
	reader.Expect("reading")

	// 1. the reader is stopped and the ring full: to publish has to wait  2. the reader goes on, checks every record, and
	// makes room  3. it is stopped again, and killed: only its death can make room now
	reader.Stop() // 1
	last := fill(t, w)
	require.Equal(t, reader.Pid(), holdsBack(t, path, true).PID)
	published := publishing(w, last+1)
	reader.Cont() // 2
	require.NoError(t, <-published)
	reader.Stop() // 3
	last = fill(t, w)
	published = publishing(w, last+1)
	reader.Kill()
	require.NoError(t, <-published)
	stats, err := w.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 1, stats.Reaped)
}

func TestADurableCursorWithoutItsProcessHoldsTheWriterBackAndIsNamed(t *testing.T) {
	path, w := opened(t)
	notes := filepath.Join(t.TempDir(), "notes")
	reader := proctest.Start(t, "reader", path, "archive", notes)
	reader.Expect("reading")
	kill(reader)
	last := fill(t, w) + 1
	require.Equal(t, "archive", holdsBack(t, path, false).Name)

	published := publishing(w, last)
	again := proctest.Start(t, "reader", path, "archive", notes)
	again.Expect("reading")
	require.NoError(t, <-published)
	require.NoError(t, w.End())
	require.Equal(t, fmt.Sprint("1 ", last, " ", expected(1, last).hash), again.Expect("read"))
}

func TestAStoppedWriterKeepsItsRoleAndADeadOneHasAnHeir(t *testing.T) {
	path := ringtest.Path(t, ring.Config{})
	o, err := ring.Observe(background, path, ring.ObserverOptions{})
	require.NoError(t, err)
	defer o.Close()
	first := proctest.Start(t, "writer", path)
	first.Expect("standby")
	_, err = o.Next(background)
	require.NoError(t, err)

	// 1. the writer is stopped in the middle: nobody gets its role  2. it is killed: the heir goes on
	first.Stop() // 1
	heir := proctest.Start(t, "writer", path)
	heir.Expect("standby")
	_, err = ring.OpenWriter(background, path, ring.WriterOptions{})
	require.ErrorIs(t, err, ring.ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("process %d", first.Pid()))
	first.Kill() // 2
	heir.Send("finish")
	var last uint64
	_, err = fmt.Sscan(heir.Expect("ended"), &last)
	require.NoError(t, err)

	var scratch []byte
	seen := uint64(1)
	for rec := range o.Records(background) {
		scratch = check(rec, scratch)
		require.Equal(t, seen+rec.Lost+1, rec.Seq)
		seen = rec.Seq
	}
	require.NoError(t, o.Err())
	require.Equal(t, last, seen)
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.Stats.Recoveries)
}

func TestReadersInAnotherPidNamespaceAreSeenAliveAndDead(t *testing.T) {
	path, w := opened(t)
	inside := proctest.Config{Attr: proctest.PidNamespace()}
	one := inside.Start(t, "reader", path, "-", filepath.Join(t.TempDir(), "one"))
	two := inside.Start(t, "reader", path, "-", filepath.Join(t.TempDir(), "two"))
	one.Expect("reading")
	two.Expect("reading")
	one.Stop()
	two.Stop()
	last := fill(t, w)
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Len(t, info.Readers, 2)
	for _, r := range info.Readers {
		require.True(t, r.Alive)
		require.Equal(t, 1, r.PID, "both are number 1 where they live: the number decides nothing")
	}
	one.Kill()
	published := publishing(w, last+1)
	two.Cont()
	require.NoError(t, <-published)
	require.NoError(t, w.End())
	require.Equal(t, fmt.Sprint("1 ", last+1, " ", expected(1, last+1).hash), two.Expect("read"))
}
