package ring_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
	"github.com/mmring/mmring/ring"
)

// holdRegistryOf has somebody, who does not go on, register with the ring at path.
func holdRegistryOf(t *testing.T, path string) {
	t.Helper()
	life, err := lock.TryHold(raw(t, path), ring.RegistryByte)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, life.Close()) })
}

// Who is stopped while it registers keeps others from registering, and nobody from closing.
func TestCloseEndsACallThatWaitsForTheRegistry(t *testing.T) {
	t.Run("a member that needs another slot", func(t *testing.T) {
		path := newRing(t, ring.Config{})
		publish(t, openWriter(t, path), 2)
		m, other := join(t, path, ring.GroupOptions{Window: 4}), join(t, path, ring.GroupOptions{})
		work(t, m, 1, 1)
		work(t, other, 2, 1)
		holdRegistryOf(t, path)
		closesInside(t, m.Close, func() error {
			_, err := m.Next(background)
			return err
		})
	})
	t.Run("a reader that follows", func(t *testing.T) {
		path := newRing(t, ring.Config{})
		w := openWriter(t, path)
		r := openReader(t, path, durableFollower)
		require.NoError(t, w.Close())
		there := another(t, 3)
		holdRegistryOf(t, there)
		require.NoError(t, os.Rename(there, path))
		closesInside(t, r.Close, func() error {
			_, err := r.Next(background)
			return err
		})
	})
}

// closesInside calls, and closes when the call waits for a lock.
func closesInside(t *testing.T, end, call func() error) {
	t.Helper()
	answer, closed := make(chan error, 1), make(chan error, 1)
	go func() { answer <- call() }()
	waitsForLock(t, unix.SYS_FCNTL)
	go func() { closed <- end() }()
	proctest.Until(t, "Close has returned", func() bool { return len(closed) == 1 })
	require.NoError(t, <-closed)
	require.ErrorIs(t, <-answer, os.ErrClosed)
}
