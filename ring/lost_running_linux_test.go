package ring_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/mmring/mmring/internal/proctest"
	"github.com/mmring/mmring/lock"
	"github.com/mmring/mmring/ring"
)

// movements are the losses that a mapping does not feel.
var movements = map[string]struct {
	lose func(t *testing.T, path string)
	text string
}{
	"deleted":  {losses["deleted"], "deleted: file does not exist"},
	"renamed":  {losses["renamed"], "renamed: file does not exist"},
	"replaced": {losses["replaced by another ring"], "another file has taken its place"},
}

// neverWaiting are writers that never wait: what one of them does again and again.
var neverWaiting = map[string]struct {
	config ring.Config
	reader bool // one sleeps, to be woken by every record
	full   bool // the ring is
	turn   func(w *ring.Writer) error
}{
	"small records that nobody reads": {ring.Config{}, false, false, func(w *ring.Writer) error {
		_, err := w.Publish(background, nil)
		return err
	}},
	"a record now and then, to a reader that sleeps": {ring.Config{Capacity: 64 << 20}, true, false, func(w *ring.Writer) error {
		_, err := w.Publish(background, nil)
		return err
	}},
	"a record now and then, with a wake-up for each": {ring.Config{Capacity: 64 << 20, WakeAlways: true}, false, false, func(w *ring.Writer) error {
		runtime.Gosched() // few enough records that no stride ends
		return second(w.Publish(background, nil))
	}},
	"batches": {ring.Config{}, false, false, func(w *ring.Writer) error {
		_, err := w.PublishBatch(background, [][]byte{nil, nil, nil})
		return err
	}},
	"claims": {ring.Config{}, false, false, func(w *ring.Writer) error {
		c, err := w.Claim(background, 8)
		if err == nil {
			_, err = c.Commit(8)
		}
		return err
	}},
	"trying to publish into a full ring": {ring.Config{}, false, true, func(w *ring.Writer) error {
		_, err := w.TryPublish(make([]byte, 1000))
		if errors.Is(err, ring.ErrFull) {
			return nil
		}
		return err
	}},
	"one of several writers": {ring.Config{Shared: true}, false, false, func(w *ring.Writer) error {
		_, err := w.Publish(background, nil)
		return err
	}},
	"syncing": {ring.Config{}, false, false, func(w *ring.Writer) error { return w.Sync() }},
}

func TestAWriterThatNeverWaitsFindsOutThatTheFileIsLost(t *testing.T) {
	for name, c := range neverWaiting {
		for what, movement := range movements {
			t.Run(name+", "+what, func(t *testing.T) {
				path := newRing(t, c.config)
				w := openWriter(t, path)
				ended := make(chan error, 1)
				if c.full {
					openReader(t, path, ring.ReaderOptions{})
					fill(t, w)
				}
				if c.reader {
					r := openReader(t, path, ring.ReaderOptions{})
					go func() {
						for range r.Records(background) {
						}
						ended <- r.Err()
					}()
				}
				require.NoError(t, c.turn(w))
				movement.lose(t, path)
				var err error
				proctest.Until(t, "the writer finds out", func() bool { err = c.turn(w); return err != nil })
				require.ErrorIs(t, err, ring.ErrLost)
				require.ErrorContains(t, err, movement.text)
				require.ErrorIs(t, c.turn(w), ring.ErrLost, "and goes on saying so")
				if c.reader {
					err := <-ended
					require.ErrorIs(t, err, ring.ErrLost, "its reader sleeps then, and finds out too")
					require.ErrorContains(t, err, movement.text)
				}
				require.NoError(t, w.Close())
			})
		}
	}
}

func TestAStandbyFindsOutThatTheRingIsLost(t *testing.T) {
	for _, what := range []string{"deleted", "renamed"} {
		t.Run(what, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			openWriter(t, path)
			answer := make(chan error)
			go func() {
				_, err := ring.OpenWriter(background, path, ring.WriterOptions{Wait: true})
				answer <- err
			}()
			waitsForLock(t, unix.SYS_FLOCK)
			movements[what].lose(t, path)
			err := <-answer
			require.ErrorIs(t, err, ring.ErrLost)
			require.ErrorContains(t, err, movements[what].text)
			named(t, err, "open writer", path)
		})
	}
}

func TestAStandbyTakesTheRoleOfTheRingThatTookThePlace(t *testing.T) {
	path := newRing(t, ring.Config{})
	openWriter(t, path) // goes on holding the role of the file that was there
	answer := make(chan error)
	go func() {
		w, err := ring.OpenWriter(background, path, ring.WriterOptions{Wait: true})
		if err == nil {
			_, err = w.Publish(background, []byte("1"))
			err = errors.Join(err, w.Close())
		}
		answer <- err
	}()
	waitsForLock(t, unix.SYS_FLOCK)
	movements["replaced"].lose(t, path)
	require.NoError(t, <-answer)
	next(t, observe(t, path, ring.ObserverOptions{}), 1)
}

// waitsForLock waits until a thread of this process sleeps for a lock: in a call of flock, or of fcntl.
func waitsForLock(t *testing.T, call int) {
	t.Helper()
	proctest.Until(t, "somebody waits for a lock", func() bool {
		threads, err := filepath.Glob("/proc/self/task/*/syscall")
		require.NoError(t, err)
		for _, thread := range threads {
			b, err := os.ReadFile(thread) // a thread may end any time
			if err == nil && strings.HasPrefix(string(b), fmt.Sprintf("%d ", call)) {
				return true
			}
		}
		return false
	})
}

func TestAReaderThatWaitsForItsNameFindsOutThatTheRingIsLost(t *testing.T) {
	for what, movement := range movements {
		t.Run(what, func(t *testing.T) {
			path := newRing(t, ring.Config{})
			registry, err := lock.TryHold(raw(t, path), ring.RegistryByte) // somebody is stopped while he gives himself a name
			require.NoError(t, err)
			defer registry.Close()
			answer := make(chan error)
			go func() {
				_, err := ring.OpenReader(background, path, ring.ReaderOptions{Name: "late"})
				answer <- err
			}()
			waitsForLock(t, unix.SYS_FCNTL)
			movement.lose(t, path)
			err = <-answer
			require.ErrorIs(t, err, ring.ErrLost)
			require.ErrorContains(t, err, movement.text)
			named(t, err, "open reader", path)
		})
	}
}
