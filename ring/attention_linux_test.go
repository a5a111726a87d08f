package ring_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mmring/mmring/internal/futex"
	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/internal/view"
	"github.com/mmring/mmring/ring"
	"github.com/mmring/mmring/shm"
)

// announced reports whether somebody has said that he sleeps for data.
func announced(t testing.TB, path string) bool {
	t.Helper()
	return peek(t, path, ring.OffDataWake)&1 != 0
}

func TestAnObserverThatMayWriteToTheFileSaysThatItSleeps(t *testing.T) {
	path := newRing(t, ring.Config{})
	w, v := openWriter(t, path), observe(t, path, ring.ObserverOptions{})
	for i := range uint64(20) {
		answer := make(chan error, 1)
		go func() { _, err := v.Next(background); answer <- err }()
		proctest.Until(t, "it has said so", func() bool { return announced(t, path) })
		asleep(t, 1)
		publish(t, w, 1)
		require.NoError(t, <-answer)
		require.EqualValues(t, i+1, inspect(t, path).Stats.Wakes, "the writer has woken it")
	}
}

// TestWhoMayNotWriteIsNotHeard: another user's file is only read, also by root, and so is one that the mode protects.
func TestWhoMayNotWriteIsNotHeard(t *testing.T) {
	root(t)
	path := newRing(t, ring.Config{})
	require.NoError(t, os.Chown(path, 4711, 4711))
	v := observe(t, path, ring.ObserverOptions{})
	answer := make(chan error, 1)
	go func() { _, err := v.Next(background); answer <- err }()
	asleep(t, 1)
	require.False(t, announced(t, path))
	require.NoError(t, v.Close())
	require.ErrorIs(t, <-answer, os.ErrClosed)
}

// blindRole waits for a record, or for any of two, as a user who may only read.
func blindRole(args []string) {
	proctest.Die(proctest.BecomeNobody())
	v, err := ring.Observe(background, args[1], ring.ObserverOptions{})
	proctest.Die(err)
	proctest.Say("ready")
	if args[0] == "any" {
		_, err = ring.WaitAny(background, v)
		proctest.Die(err)
	}
	rec, err := v.Next(background)
	proctest.Die(err)
	proctest.Say("record %d %s", rec.Seq, rec.Payload)
}

func TestWhoMayOnlyReadIsWokenAllTheSame(t *testing.T) {
	for name, always := range map[string]bool{"by its own naps": false, "by a writer that always wakes": true} {
		for _, call := range []string{"next", "any"} {
			t.Run(name+", "+call, func(t *testing.T) {
				path := newRing(t, ring.Config{Mode: 0o644, WakeAlways: always})
				require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
				if os.Getuid() != 0 { // the child cannot become somebody else
					require.NoError(t, os.Chmod(path, 0o444))
				}
				w := openWriterAnyway(t, path)
				p := proctest.Start(t, "blind", call, path)
				p.Expect("ready")
				proctest.Until(t, "it sleeps", func() bool { return sleepers(t, strconv.Itoa(p.Pid())) == 1 })
				require.False(t, announced(t, path), "nobody can say so")
				publish(t, w, 1)
				require.Equal(t, "1 1", p.Expect("record"))
			})
		}
	}
}

// openWriterAnyway opens a writer of a ring whose mode forbids it for as long as that takes.
func openWriterAnyway(t *testing.T, path string) *ring.Writer {
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o600))
	w := openWriter(t, path)
	require.NoError(t, os.Chmod(path, info.Mode()))
	return w
}

// TestAWriterThatAlwaysWakesWakesWhoHasSaidNothing: the sleeper here has no time-out of its own to help it.
func TestAWriterThatAlwaysWakesWakesWhoHasSaidNothing(t *testing.T) {
	path := newRing(t, ring.Config{WakeAlways: true})
	calls := map[string]func(w *ring.Writer) error{
		"publish": func(w *ring.Writer) error { _, err := w.Publish(background, nil); return err },
		"try":     func(w *ring.Writer) error { _, err := w.TryPublish(nil); return err },
		"batch":   func(w *ring.Writer) error { _, err := w.PublishBatch(background, [][]byte{nil, nil}); return err },
		"claim": func(w *ring.Writer) error {
			c, err := w.Claim(background, 1)
			if err == nil {
				_, err = c.Commit(1)
			}
			return err
		},
		"end": func(w *ring.Writer) error { return w.End() },
	}
	w := openWriter(t, path)
	m, err := shm.Open(path, shm.ReadOnly, shm.Options{Length: 8192})
	require.NoError(t, err)
	defer m.Close()
	word := view.Uint32(m.Bytes(), ring.OffDataWake)
	for _, name := range []string{"publish", "try", "batch", "claim", "end"} {
		answer := make(chan error, 1)
		go func() { answer <- futex.Wait(word, word.Load(), 1<<40) }() // some 18 minutes
		asleep(t, 1)
		require.NoError(t, calls[name](w), name)
		require.NoError(t, <-answer, name)
	}
}
