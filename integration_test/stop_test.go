package integration_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/stretchr/testify/require"
)

// fill publishes until the ring is full and returns the number of the last record.
func fill(t *testing.T, w *ring.Writer) (last uint64) {
	t.Helper()
	var b []byte
	info, err := ring.Inspect(w.Path())
	require.NoError(t, err)
	for seq := info.NextSeq; ; seq++ {
		b = content(seq, b)
		got, err := w.TryPublish(b)
		if err != nil {
			require.ErrorIs(t, err, ring.ErrFull)
			return seq - 1
		}
		require.Equal(t, seq, got)
	}
}

func TestAStoppedReaderIsWaitedForAndADeadOneIsNot(t *testing.T) {
	ctx := context.Background()
	path := newRing(t, ring.Config{Capacity: 64 << 10})
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
	require.NoError(t, err)
	defer w.Close()
	reader := proctest.Start(t, "reader", path, "-", filepath.Join(t.TempDir(), "progress"))
	reader.Expect("reading")
	reader.Stop()
	last := fill(t, w)

	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Len(t, info.Readers, 1)
	require.True(t, info.Readers[0].Alive, "a stopped process lives")
	require.Equal(t, reader.Pid(), info.Readers[0].PID)
	require.True(t, info.Readers[0].HoldsBack)

	published := make(chan error, 1)
	go func() {
		_, err := w.Publish(ctx, content(last+1, nil))
		published <- err
	}()
	reader.Cont() // it goes on, checks every record, and makes room
	require.NoError(t, <-published)

	reader.Stop()
	last = fill(t, w)
	go func() {
		_, err := w.Publish(ctx, content(last+1, nil))
		published <- err
	}()
	reader.Kill() // now only its death can make room
	require.NoError(t, <-published)
	stats, err := w.Stats()
	require.NoError(t, err)
	require.EqualValues(t, 1, stats.Reaped)
}

func TestADurableCursorWithoutItsProcessHoldsTheWriterBackAndIsNamed(t *testing.T) {
	ctx := context.Background()
	path := newRing(t, ring.Config{Capacity: 64 << 10})
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
	require.NoError(t, err)
	defer w.Close()
	progress := filepath.Join(t.TempDir(), "progress")
	reader := proctest.Start(t, "reader", path, "archive", progress)
	reader.Expect("reading")
	kill(reader)
	last := fill(t, w)
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.Equal(t, "archive", info.Readers[0].Name)
	require.False(t, info.Readers[0].Alive)
	require.True(t, info.Readers[0].HoldsBack)

	published := make(chan error, 1)
	go func() {
		_, err := w.Publish(ctx, content(last+1, nil))
		if err == nil {
			err = w.End()
		}
		published <- err
	}()
	again := proctest.Start(t, "reader", path, "archive", progress)
	again.Expect("reading")
	require.NoError(t, <-published)
	require.Equal(t, "read "+strconv.FormatUint(last+1, 10), lastLine(again))
}

func TestReadersInAnotherPidNamespaceAreSeenAliveAndDead(t *testing.T) {
	ctx := context.Background()
	path := newRing(t, ring.Config{Capacity: 64 << 10})
	w, err := ring.OpenWriter(ctx, path, ring.WriterOptions{})
	require.NoError(t, err)
	defer w.Close()
	reader := proctest.Config{Attr: proctest.PidNamespace()}.Start(t, "reader", path, "-", filepath.Join(t.TempDir(), "progress"))
	reader.Expect("reading")
	reader.Stop()
	last := fill(t, w)
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	require.True(t, info.Readers[0].Alive)
	require.Equal(t, 1, info.Readers[0].PID, "its number means nothing here")
	reader.Kill()
	_, err = w.Publish(ctx, content(last+1, nil))
	require.NoError(t, err)
}

// The count of system calls must not grow with the number of records.
func TestNoSystemCallOnTheHotPath(t *testing.T) {
	count := func(records int) int {
		path := newRing(t, ring.Config{})
		log := filepath.Join(t.TempDir(), "strace")
		cmd := exec.Command("strace", "-f", "-c", "-o", log, os.Args[0], path, strconv.Itoa(records))
		cmd.Env = append(os.Environ(), proctest.Environment("burst"))
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		defer stdin.Close()
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		b, err := os.ReadFile(log)
		require.NoError(t, err)
		m := regexp.MustCompile(`(?m)^100\.00\s+\S+\s+\S+\s+(\d+)\s.*total$`).FindSubmatch(b)
		require.NotNil(t, m, string(b))
		n, err := strconv.Atoi(string(m[1]))
		require.NoError(t, err)
		return n
	}
	few, many := count(1_000), count(1_000_000)
	t.Logf("system calls: %d for 1,000 records, %d for 1,000,000", few, many)
	require.Less(t, many-few, 1_000)
}
