package ring_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/ring"
)

// descriptorsOf counts this process's descriptors that lead to what.
func descriptorsOf(t testing.TB, what string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, e := range entries {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); to == what {
			n++
		}
	}
	return n
}

// watched starts a publication that a reader in a process of its own holds back, and returns when that process is watched.
func watched(t *testing.T, c proctest.Config) (w *ring.Writer, p *proctest.Proc, answer <-chan error) {
	t.Helper()
	t.Cleanup(ring.WatchAtOnce())
	path := newRing(t, ring.Config{})
	w = openWriter(t, path)
	p = c.Start(t, "ephemeral", path, "held")
	p.Expect("ready")
	answer = blocked(t, w)
	return w, p, answer
}

const pidfd = "anon_inode:[pidfd]"

func TestAWriterThatWaitsLongIsToldOfTheDeathOfAReader(t *testing.T) {
	before := descriptorsOf(t, pidfd) // package os has some for its children
	w, p, answer := watched(t, proctest.Config{})
	proctest.Until(t, "it is watched", func() bool { return descriptorsOf(t, pidfd) > before+1 })
	p.Kill()
	require.NoError(t, <-answer)
	require.EqualValues(t, 1, inspect(t, w.Path()).Stats.Reaped)
	require.Error(t, p.Wait())
	require.Equal(t, before, descriptorsOf(t, pidfd), "the watch is over")
}

func TestAReaderOfAnotherPidNamespaceIsWaitedForAndRemoved(t *testing.T) {
	w, p, answer := watched(t, proctest.Config{Attr: proctest.PidNamespace()})
	require.Equal(t, 1, inspect(t, w.Path()).Readers[0].PID, "a number that means another process here")
	p.Kill()
	require.NoError(t, <-answer)
	require.EqualValues(t, 1, inspect(t, w.Path()).Stats.Reaped)
}

func TestCloseLeavesNothingOfAWatch(t *testing.T) {
	pidfds := descriptorsOf(t, pidfd)
	w, _, answer := watched(t, proctest.Config{})
	proctest.Until(t, "it is watched", func() bool { return descriptorsOf(t, pidfd) > pidfds+1 })
	require.NoError(t, w.Close())
	require.ErrorIs(t, <-answer, os.ErrClosed)
	maps, files := mappings(t, w.Path())
	require.Zero(t, maps+files)
	require.Equal(t, pidfds+1, descriptorsOf(t, pidfd), "that of package os")
	asleep(t, 0)
}
