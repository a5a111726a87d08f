package ring_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/ring/ringtest"
)

var background = context.Background()

const small = 64 << 10 // the smallest capacity

var errEnough = errors.New("enough")

// ended is a context that is done, and its cause.
func ended() (context.Context, error) {
	ctx, cancel := withCause()
	cancel(errEnough)
	return ctx, errEnough
}

func withCause() (context.Context, context.CancelCauseFunc) {
	return context.WithCancelCause(background)
}

func containsLine(b []byte, start string) bool {
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

func newRing(t testing.TB, c ring.Config) string {
	t.Helper()
	if c.Capacity == 0 {
		c.Capacity = small
	}
	return ringtest.Path(t, c)
}

func openWriter(t testing.TB, path string) *ring.Writer {
	t.Helper()
	w, err := ring.OpenWriter(background, path, ring.WriterOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

func openReader(t testing.TB, path string, o ring.ReaderOptions) *ring.Reader {
	t.Helper()
	r, err := ring.OpenReader(background, path, o)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func observe(t testing.TB, path string, o ring.ObserverOptions) *ring.Observer {
	t.Helper()
	v, err := ring.Observe(background, path, o)
	require.NoError(t, err)
	t.Cleanup(func() { v.Close() })
	return v
}

func inspect(t testing.TB, path string) ring.Info {
	t.Helper()
	info, err := ring.Inspect(path)
	require.NoError(t, err)
	return info
}

// sound requires that Verify has nothing to say.
func sound(t testing.TB, path string) ring.Report {
	t.Helper()
	report, err := ring.Verify(path)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	return report
}

// publish publishes n records, "1", "2" and so on by their numbers.
func publish(t testing.TB, w *ring.Writer, n int) (last uint64) {
	t.Helper()
	stats, err := w.Stats()
	require.NoError(t, err)
	last = stats.Records
	for range n {
		seq, err := w.Publish(background, fmt.Appendf(nil, "%d", last+1))
		require.NoError(t, err)
		require.Equal(t, last+1, seq)
		last = seq
	}
	return last
}

// fill publishes large records until a reader that has read nothing holds the writer back.
func fill(t testing.TB, w *ring.Writer) (last uint64) {
	t.Helper()
	for {
		seq, err := w.TryPublish(make([]byte, 1000))
		if err != nil {
			require.ErrorIs(t, err, ring.ErrFull)
			return last
		}
		last = seq
	}
}

// next requires that record seq comes next, with its number as payload.
func next(t testing.TB, c nexter, seq uint64) ring.Record {
	t.Helper()
	rec, err := c.Next(background)
	require.NoError(t, err)
	require.Equal(t, seq, rec.Seq)
	require.Equal(t, fmt.Sprint(seq), string(rec.Payload))
	return rec
}

// try returns the next record if there is one.
func try(t testing.TB, c nexter) (ring.Record, bool) {
	t.Helper()
	ctx, cause := ended()
	rec, err := c.Next(ctx)
	if errors.Is(err, cause) {
		rec, err = c.Next(ctx) // that may have been the look at the context that comes once in 256 calls
	}
	if err != nil {
		require.ErrorIs(t, err, cause)
	}
	return rec, err == nil
}

// dry requires that nothing more has been published.
func dry(t testing.TB, c nexter) {
	t.Helper()
	rec, ok := try(t, c)
	require.False(t, ok, "record %d", rec.Seq)
}

// nexter is what Reader and Observer have in common.
type nexter interface {
	Next(context.Context) (ring.Record, error)
}

// raw opens the file of a ring, to read and change it behind everybody's back.
func raw(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func peek(t testing.TB, path string, off int64) uint64 {
	t.Helper()
	var b [8]byte
	f := raw(t, path)
	defer f.Close()
	_, err := f.ReadAt(b[:], off)
	require.NoError(t, err)
	return le.Uint64(b[:])
}

func poke(t testing.TB, path string, off int64, value uint64) {
	t.Helper()
	overwrite(t, path, off, le.AppendUint64(nil, value))
}

func poke32(t testing.TB, path string, off int64, value uint32) {
	t.Helper()
	overwrite(t, path, off, le.AppendUint32(nil, value))
}

// overwrite changes bytes of the file.
func overwrite(t testing.TB, path string, off int64, b []byte) {
	t.Helper()
	f := raw(t, path)
	defer f.Close()
	_, err := f.WriteAt(b, off)
	require.NoError(t, err)
}

// startAt makes an empty ring go on at a position and a number.
func startAt(t testing.TB, path string, position, sequence uint64) {
	t.Helper()
	poke(t, path, ring.OffOldest, position)
	poke(t, path, ring.OffPublished, position)
	poke(t, path, ring.OffNextSeq, sequence)
}

// copied returns the path of a copy of the file as it is now: what a crash would leave behind.
func copied(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	to := filepath.Join(ringtest.Dir(t), "copy.ring")
	require.NoError(t, os.WriteFile(to, b, 0o600))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(ringtest.Dump(to))
		}
	})
	return to
}

// restored makes the file's bytes again those of snapshot; the file stays the same one.
func restored(t testing.TB, path string, snapshot []byte) {
	t.Helper()
	overwrite(t, path, 0, snapshot)
}

// sleepers counts the threads of a process ("self" or its number) that sleep in the kernel on a ring's wake word.
func sleepers(t testing.TB, pid string) (n int) {
	threads, err := os.ReadDir("/proc/" + pid + "/task")
	require.NoError(t, err)
	for _, thread := range threads {
		call, _ := os.ReadFile("/proc/" + pid + "/task/" + thread.Name() + "/syscall") // a thread may end any time
		fields := strings.Fields(string(call))
		if len(fields) < 3 {
			continue
		}
		switch {
		case fields[0] == fmt.Sprint(unix.SYS_FUTEX_WAITV):
			n++
		case fields[0] == fmt.Sprint(unix.SYS_FUTEX) && fields[2] == "0x0": // Go's own futexes are private
			n++
		}
	}
	return n
}

// asleep waits until n handles of this process sleep.
func asleep(t testing.TB, n int) {
	t.Helper()
	proctest.Until(t, fmt.Sprintf("%d sleep", n), func() bool { return sleepers(t, "self")+ring.Guests() == n })
}

// mappings counts this process's mappings of the file at path, and its descriptors of it.
func mappings(t testing.TB, path string) (maps, descriptors int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	maps = strings.Count(string(b), path+"\n")
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); to == path {
			descriptors++
		}
	}
	return maps, descriptors
}
